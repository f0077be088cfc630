package lookup

import (
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"go.uber.org/goleak"

	"dnseal/lookup/dane"
	"dnseal/lookup/dnssec"
	"dnseal/lookup/lookuptest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const labZone = `$ORIGIN example.lab.
$TTL 300
@ SOA ns hostmaster 1 7200 3600 1209600 300
@ NS ns
ns A 192.0.2.1
sensor._device TLSA 3 1 1 0102030405060708091011121314151617181920212223242526272829303132
alias._device CNAME sensor._device
away._device CNAME sensor._device.other.lab.
*.wild._device TLSA 3 1 1 0102030405060708091011121314151617181920212223242526272829303132
d DNAME other.lab.
loop CNAME loop
a.b.ent TLSA 3 0 0 00
`

// lab serves zones and makes clients.
type lab struct {
	*lookuptest.Server
	anchors *dnssec.Anchors
}

func zone(name string, edit ...func(*lookuptest.Zone)) lookuptest.Zone {
	z := lookuptest.Zone{Text: strings.ReplaceAll(labZone, "example.lab", name)}
	for _, e := range edit {
		e(&z)
	}
	return z
}

func startLab(tb testing.TB, opts lookuptest.Options, zones ...lookuptest.Zone) *lab {
	tb.Helper()
	s, err := lookuptest.New(zones, opts)
	if err != nil {
		tb.Fatal(err)
	}
	if err = s.Start("127.0.0.1:0"); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { s.Close() })
	anchors, err := dnssec.ParseAnchors(s.Anchor(), "lab")
	if err != nil {
		tb.Fatal(err)
	}
	return &lab{s, anchors}
}

func (l *lab) client(tb testing.TB, edit ...func(*Options)) *Client {
	tb.Helper()
	opts := Options{Resolvers: []string{l.Addr()}, Anchors: l.anchors, Timeout: 30 * time.Second}
	for _, e := range edit {
		e(&opts)
	}
	c, err := New(opts)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { c.Close() })
	return c
}

// TestLookup goes through all states, over a real socket.
func TestLookup(t *testing.T) {
	t.Parallel()
	unsigned := func(z *lookuptest.Zone) { z.Unsigned = true }
	broken := func(b lookuptest.Break) func(*lookuptest.Zone) { return func(z *lookuptest.Zone) { z.Break = b } }
	l := startLab(t, lookuptest.Options{},
		zone("example.lab"), zone("other.lab"), zone("plain.lab", unsigned),
		zone("expired.lab", broken(lookuptest.Expired)), zone("notyet.lab", broken(lookuptest.NotYet)),
		zone("wrong.lab", broken(lookuptest.WrongSignature)), zone("stripped.lab", broken(lookuptest.MissingRRSIG)),
		zone("nodenial.lab", broken(lookuptest.MissingDenial)), zone("ds.lab", broken(lookuptest.WrongDS)),
		zone("down.lab", broken(lookuptest.Unreachable)))
	c := l.client(t)
	for _, tt := range []struct {
		name     string
		status   dnssec.Status
		presence dane.Presence
		code     dnssec.Code
	}{
		{"sensor._device.example.lab", dnssec.Secure, dane.Present, ""},
		{"SENSOR._device.Example.LAB.", dnssec.Secure, dane.Present, ""},
		{"alias._device.example.lab", dnssec.Secure, dane.Present, ""},
		{"away._device.example.lab", dnssec.Secure, dane.Present, ""},
		{"sensor._device.d.example.lab", dnssec.Secure, dane.Present, ""},
		{"x.wild._device.example.lab", dnssec.Secure, dane.Present, ""},
		{"a.b.ent.example.lab", dnssec.Secure, dane.Present, ""},
		{"b.ent.example.lab", dnssec.Secure, dane.Absent, ""},
		{"ns.example.lab", dnssec.Secure, dane.Absent, ""},
		{"no._device.example.lab", dnssec.Secure, dane.Absent, ""},
		{"sensor._device.plain.lab", dnssec.Insecure, dane.Present, "unsigned-delegation"},
		{"no._device.plain.lab", dnssec.Insecure, dane.Absent, "unsigned-delegation"},
		{"loop.example.lab", dnssec.Indeterminate, dane.Unknown, "servfail"},
		{"sensor._device.expired.lab", dnssec.Bogus, dane.Unknown, "signature-expired"},
		{"sensor._device.notyet.lab", dnssec.Bogus, dane.Unknown, "signature-not-yet-valid"},
		{"sensor._device.wrong.lab", dnssec.Bogus, dane.Unknown, "bad-signature"},
		{"sensor._device.stripped.lab", dnssec.Bogus, dane.Unknown, "missing-signature"},
		{"no._device.nodenial.lab", dnssec.Bogus, dane.Unknown, "missing-denial"},
		{"sensor._device.nodenial.lab", dnssec.Secure, dane.Present, ""},
		{"sensor._device.ds.lab", dnssec.Bogus, dane.Unknown, "missing-key"},
		{"sensor._device.down.lab", dnssec.Indeterminate, dane.Unknown, "servfail"},
		{strings.Repeat("a.", 130), dnssec.Indeterminate, dane.Unknown, "malformed"},
		{strings.Repeat("a", 64) + ".example.lab", dnssec.Indeterminate, dane.Unknown, "malformed"},
		{"a..example.lab", dnssec.Indeterminate, dane.Unknown, "malformed"},
	} {
		r := c.Lookup(t.Context(), tt.name, dane.TLSA)
		if r.Status != tt.status || r.Presence != tt.presence || r.Code != tt.code {
			t.Errorf("Lookup(%s) = %s, presence %d, code %q (%s), want %s, %d, %q", tt.name, r.Status, r.Presence, r.Code, r.Reason, tt.status, tt.presence, tt.code)
		}
		if (len(r.Records) > 0) != (tt.presence == dane.Present) {
			t.Errorf("Lookup(%s): %d records with presence %d", tt.name, len(r.Records), r.Presence)
		}
		if (r.Reason == "") != (tt.status == dnssec.Secure && tt.presence == dane.Present) {
			t.Errorf("Lookup(%s): reason %q", tt.name, r.Reason)
		}
		if r.Answer == nil {
			t.Errorf("Lookup(%s): no Answer", tt.name)
		}
	}
}

// TestLateAnswer waits for a resolver that is slower than most, where the lookup has the time.
func TestLateAnswer(t *testing.T) {
	t.Parallel()
	l := startLab(t, lookuptest.Options{Delay: serverTime + serverTime/4}, zone("example.lab"))
	if r := l.client(t).Lookup(t.Context(), sensor, dane.TLSA); r.Status != dnssec.Secure {
		t.Errorf("Lookup() = %s %q (%s), want secure", r.Status, r.Code, r.Reason)
	}
}

// TestAnchorsBelowTheRoot trusts one zone and nothing beside it, and several.
func TestAnchorsBelowTheRoot(t *testing.T) {
	t.Parallel()
	l := startLab(t, lookuptest.Options{}, zone("example.lab"), zone("other.lab"), zone("third.lab"))
	var text strings.Builder
	for _, name := range []string{"example.lab.", "other.lab."} {
		m, err := l.Exchange(t.Context(), name, dns.TypeDS, false)
		if err != nil {
			t.Fatal(err)
		}
		text.WriteString(m.Answer[0].String() + "\n")
	}
	anchors, err := dnssec.ParseAnchors(text.String(), "two.anchors")
	if err != nil {
		t.Fatal(err)
	}
	c := l.client(t, func(o *Options) { o.Anchors = anchors })
	for name, want := range map[string]dnssec.Status{
		"sensor._device.example.lab": dnssec.Secure, "away._device.example.lab": dnssec.Secure,
		"no._device.other.lab": dnssec.Secure, "sensor._device.third.lab": dnssec.Indeterminate,
	} {
		r := c.Lookup(t.Context(), name, dane.TLSA)
		if r.Status != want || want == dnssec.Indeterminate && r.Code != dnssec.CodeNoAnchor {
			t.Errorf("%s is %s %q (%s), want %s", name, r.Status, r.Code, r.Reason, want)
		}
	}
}

// TestWrongAnchors blames the trust anchors, not a resolver that validates by the right ones.
func TestWrongAnchors(t *testing.T) {
	t.Parallel()
	l, other := startLab(t, lookuptest.Options{Validating: true}, zone("example.lab")), startLab(t, lookuptest.Options{}, zone("example.lab"))
	c := l.client(t, func(o *Options) { o.Anchors = other.anchors })
	r := c.Lookup(t.Context(), sensor, dane.TLSA)
	if r.Status != dnssec.Bogus || !strings.Contains(r.Advice(), "the trust anchors do not fit") {
		t.Errorf("Lookup() = %s %q: %s", r.Status, r.Code, r.Advice())
	}
	for _, w := range r.Warnings {
		if strings.Contains(w, "does not validate") {
			t.Errorf("the resolver is blamed: %q", w)
		}
	}
}
