package lookup

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"dnseal/lookup/chain"
	"dnseal/lookup/dane"
	"dnseal/lookup/dnssec"
	"dnseal/lookup/lookuptest"
	"dnseal/lookup/lookuptest/peertest"
)

// resolverStates are the names of resolverZones and what each is.
var resolverStates = map[string]struct {
	status   dnssec.Status
	presence dane.Presence
}{
	"sensor._device.example.lab":   {dnssec.Secure, dane.Present},
	"no._device.example.lab":       {dnssec.Secure, dane.Absent},
	"ns.example.lab":               {dnssec.Secure, dane.Absent},
	"x.wild._device.example.lab":   {dnssec.Secure, dane.Present},
	"alias._device.example.lab":    {dnssec.Secure, dane.Present},
	"away._device.example.lab":     {dnssec.Secure, dane.Present},
	"outside._device.example.lab":  {dnssec.Insecure, dane.Present},
	"nobody._device.example.lab":   {dnssec.Insecure, dane.Absent},
	"sensor._device.nsec3.lab":     {dnssec.Secure, dane.Present},
	"no._device.nsec3.lab":         {dnssec.Secure, dane.Absent},
	"no._device.compact.lab":       {dnssec.Secure, dane.Absent},
	"sensor._device.plain.lab":     {dnssec.Insecure, dane.Present},
	"no._device.plain.lab":         {dnssec.Insecure, dane.Absent},
	"sensor._device.bogus.lab":     {dnssec.Bogus, dane.Unknown},
	"no._device.bogus.lab":         {dnssec.Bogus, dane.Unknown},
	"sensor._device.unsigned2.lab": {dnssec.Bogus, dane.Unknown},
	"no._device.nodenial.lab":      {dnssec.Bogus, dane.Unknown},
	"big._device.example.lab":      {dnssec.Secure, dane.Present},
	"nowhere.":                     {dnssec.Secure, dane.Absent},
}

// resolverLab has the zones, and one validating resolver that asks them.
func resolverLab(t *testing.T) *lab {
	t.Helper()
	return startLab(t, lookuptest.Options{Validating: true}, resolverZones()...)
}

// resolverZones are in all those states.
func resolverZones() []lookuptest.Zone {
	more := func(z *lookuptest.Zone) {
		z.Text += "outside._device CNAME sensor._device.plain.lab.\nnobody._device CNAME no._device.plain.lab.\nbig._device TLSA 3 0 0 " + strings.Repeat("ab", 4096) + "\n"
	}
	return []lookuptest.Zone{
		zone("example.lab", more), zone("other.lab"), zone("plain.lab", unsigned),
		zone("nsec3.lab", func(z *lookuptest.Zone) { z.NSEC3 = true }),
		zone("compact.lab", func(z *lookuptest.Zone) { z.Narrow = true }),
		zone("bogus.lab", broken(lookuptest.WrongSignature)), zone("unsigned2.lab", broken(lookuptest.MissingRRSIG)),
		zone("nodenial.lab", broken(lookuptest.MissingDenial)),
	}
}

// TestResolverKinds asks every kind of resolver in every mode about names in all states: each is
// right, or says that it could not tell and why. A zone is never blamed for a resolver.
func TestResolverKinds(t *testing.T) {
	t.Parallel()
	l := resolverLab(t)
	for _, tt := range []struct {
		name string
		kind peertest.Kind
		// "": right; else the code of what cannot be told; both: of what is secure
		validate, both dnssec.Code
		adOnly         bool // starts
	}{
		{"as it should be", peertest.Validating, "", "", true},
		{"passes all on", peertest.Forwarding, "", chain.CodeDisagree, false},
		{"systemd-resolved 252 no", peertest.Resolved252No, "", chain.CodeDisagree, false},
		{"systemd-resolved 252 yes", peertest.Resolved252Yes, "", "", true},
		{"systemd-resolved 257 yes", peertest.Resolved257, "", "", true},
		{"pdns-recursor off", peertest.PowerDNSOff, chain.CodeStrips, chain.CodeStrips, false},
		{"systemd-resolved downgraded", peertest.Downgraded, chain.CodeStrips, chain.CodeStrips, false},
		{"strips and says DO", peertest.Stripping, chain.CodeStrips, chain.CodeStrips, false},
		{"old root key", peertest.OldKey, "", chain.CodeDisagree, false},
		{"dead", peertest.Dead, dnssec.CodeServfail, dnssec.CodeServfail, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			through := func(o *Options) { o.Resolvers = []string{peertest.Start(t, l.Server, tt.kind).Addr()} }
			askStates(t, l.client(t, through), tt.validate, "")
			askStates(t, l.client(t, through, mode(Both)), tt.validate, tt.both)
			if tt.adOnly {
				askStates(t, l.client(t, through, mode(ADOnly)), "", "")
			} else {
				opts := Options{Timeout: 30 * time.Second}
				through(&opts)
				mode(ADOnly)(&opts)
				if c, err := New(opts); err == nil {
					c.Close()
					t.Error("mode ad-only takes it")
				}
			}
		})
	}
}

// askStates wants every name right, or code where nothing can be told; secure is the code for what
// is secure.
func askStates(t *testing.T, c *Client, code, secure dnssec.Code) {
	t.Helper()
	for name, want := range resolverStates {
		r := c.Lookup(t.Context(), name, dane.TLSA)
		wantCode := code
		if code == "" && want.status == dnssec.Secure {
			wantCode = secure
		}
		switch {
		case wantCode == "" && (r.Status != want.status || r.Presence != want.presence):
			t.Errorf("%s: %s is %s, %s (%s: %s), want %s, %s", c.opts.Mode, name, r.Status, r.Presence, r.Code, r.Reason, want.status, want.presence)
		case wantCode != "" && (r.Status != dnssec.Indeterminate || r.Code != wantCode):
			t.Errorf("%s: %s is %s (%s: %s), want %s", c.opts.Mode, name, r.Status, r.Code, r.Reason, wantCode)
		}
		if r.Code == chain.CodeStrips && (!strings.Contains(r.Reason, c.opts.Resolvers[0]) || !strings.Contains(r.Reason, "dnssec=process")) {
			t.Errorf("%s: %q names neither the resolver nor what to set", name, r.Reason)
		}
	}
}

// TestNextAfterStripping gets a right answer, and a warning, from the second resolver.
func TestNextAfterStripping(t *testing.T) {
	t.Parallel()
	l := resolverLab(t)
	for name, kind := range map[string]peertest.Kind{
		"off": peertest.PowerDNSOff, "downgraded": peertest.Downgraded, "strips": peertest.Stripping, "no proofs": peertest.NoAuthority,
		"dead": peertest.Dead,
	} {
		for _, m := range []Mode{Validate, Both} {
			if m == Both && name == "no proofs" {
				continue // what it does pass on comes without AD
			}
			first := peertest.Start(t, l.Server, kind).Addr()
			c := l.client(t, mode(m), func(o *Options) { o.Resolvers = []string{first, l.Addr()} })
			askStates(t, c, "", "")
			r := c.Lookup(t.Context(), "other._device.example.lab", dane.TLSA)
			if warned := len(r.Warnings) > 0 && strings.Contains(r.Warnings[0], first); warned != (name != "dead") {
				t.Errorf("%s, %s: warnings %q", name, m, r.Warnings)
			}
		}
	}
}

// TestNoAuthority: without proofs what is there is told, and what is not is the resolver's fault.
func TestNoAuthority(t *testing.T) {
	t.Parallel()
	l := resolverLab(t)
	c := l.client(t, func(o *Options) { o.Resolvers = []string{peertest.Start(t, l.Server, peertest.NoAuthority).Addr()} })
	for _, name := range []string{"no._device.example.lab", "x.wild._device.example.lab", "sensor._device.plain.lab"} {
		if r := c.Lookup(t.Context(), name, dane.TLSA); r.Status != dnssec.Indeterminate || r.Code != chain.CodeStrips {
			t.Errorf("%s is %s (%s: %s), want %s", name, r.Status, r.Code, r.Reason, chain.CodeStrips)
		}
	}
}

// TestResolverWarnings says once what is wrong with a resolver that has the answer all the same.
func TestResolverWarnings(t *testing.T) {
	t.Parallel()
	l := resolverLab(t)
	for name, tt := range map[string]struct {
		kind peertest.Kind
		want string
	}{
		"252":     {peertest.Resolved252No, "DNSSEC=allow-downgrade"},
		"old key": {peertest.OldKey, "38696"},
	} {
		addr := peertest.Start(t, l.Server, tt.kind).Addr()
		c := l.client(t, func(o *Options) { o.Resolvers = []string{addr} })
		r := c.Lookup(t.Context(), sensor, dane.TLSA)
		if r.Status != dnssec.Secure || len(r.Warnings) != 1 || !strings.Contains(r.Warnings[0], addr) || !strings.Contains(r.Warnings[0], tt.want) {
			t.Errorf("%s: %s (%s), warnings %q", name, r.Status, r.Reason, r.Warnings)
		}
	}
}

// TestDeniedTarget: the lists hold for where aliases lead.
func TestDeniedTarget(t *testing.T) {
	t.Parallel()
	l := resolverLab(t)
	for _, m := range []Mode{Validate, Both, ADOnly} {
		for how, edit := range map[string]func(*Options){
			"deny":  func(o *Options) { o.Deny = []string{"other.lab"} },
			"allow": func(o *Options) { o.Allow = []string{"example.lab"} },
		} {
			c := l.client(t, mode(m), edit)
			if r := c.Lookup(t.Context(), "away._device.example.lab", dane.TLSA); r.Status != dnssec.Indeterminate || r.Code != chain.CodeDenied || len(r.Records) > 0 {
				t.Errorf("%s, %s: %s %q (%s)", m, how, r.Status, r.Code, r.Reason)
			}
			if r := c.Lookup(t.Context(), "alias._device.example.lab", dane.TLSA); r.Status != dnssec.Secure {
				t.Errorf("%s, %s: %s %q (%s)", m, how, r.Status, r.Code, r.Reason)
			}
		}
	}
}

// TestPartlyStripping: a resolver that leaves out the signatures of some types only cannot be told
// from a zone without them by itself; what another one passes on and validates counts, and the
// first is named.
func TestPartlyStripping(t *testing.T) {
	t.Parallel()
	l := resolverLab(t)
	for name, covered := range map[string][]uint16{
		"records": {uint16(dane.TLSA)}, "aliases": {dns.TypeCNAME}, "delegations": {dns.TypeDS}, "proofs": {dns.TypeNSEC, dns.TypeNSEC3}, "keys": {dns.TypeDNSKEY},
	} {
		without := func(section []dns.RR) []dns.RR {
			return slices.DeleteFunc(section, func(rr dns.RR) bool {
				sig, ok := rr.(*dns.RRSIG)
				return ok && slices.Contains(covered, sig.TypeCovered)
			})
		}
		change := pack(func(_, out *dns.Msg) { out.Answer, out.Ns = without(out.Answer), without(out.Ns) })
		for _, m := range []Mode{Validate, Both} {
			first := (&liar{lab: l, change: change}).start(t)
			c := l.client(t, mode(m), func(o *Options) { o.Resolvers = []string{first, l.Addr()} })
			askStates(t, c, "", "")
			if name != "records" && name != "aliases" {
				continue // it is known by now, or the zone is
			}
			r := c.Lookup(t.Context(), "alias._device.other.lab", dane.TLSA)
			if r.Status != dnssec.Secure || len(r.Warnings) != 1 || !strings.Contains(r.Warnings[0], first) {
				t.Errorf("%s, %s: %s %q, warnings %q", name, m, r.Status, r.Code, r.Warnings)
			}
		}
	}
}
