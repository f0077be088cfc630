package dnssec_test

import (
	"strings"
	"testing"

	"github.com/miekg/dns"

	"dnseal/lookup/dnssec"
	"dnseal/lookup/lookuptest"
)

const sample = `$ORIGIN example.org.
$TTL 300
@ SOA ns hostmaster 1 7200 3600 1209600 300
@ NS ns
ns A 192.0.2.1
www A 192.0.2.2
alias CNAME www
away CNAME www.nsec.lab.
loop CNAME loop2
loop2 CNAME loop
*.wild A 192.0.2.3
a.b.ent A 192.0.2.4
d DNAME nsec.lab.
unsigned NS ns.elsewhere.example.
hash._smimecert TYPE53 \# 5 0301010102
sensor._device IN TLSA 3 1 1 0102
`

const other = `$ORIGIN example.net.
@ 300 SOA ns hostmaster 1 7200 3600 1209600 300
@ 300 NS ns
ns 300 A 192.0.2.1
www 300 A 192.0.2.5
`

// expectation is one question and its verdict.
type expectation struct {
	name  string
	qtype uint16
	want  dnssec.Status
	code  dnssec.Code // empty: not compared
	found bool
}

// everyState builds a hierarchy with zones in every state.
func everyState() ([]lookuptest.Zone, []expectation) {
	var zones []lookuptest.Zone
	var out []expectation
	for name, spec := range map[string]lookuptest.Zone{
		"nsec.lab":    {},
		"nsec3.lab":   {NSEC3: true},
		"salted.lab":  {NSEC3: true, Salt: "ab12", Iterations: 5},
		"optout.lab":  {NSEC3: true, OptOut: true},
		"narrow.lab":  {NSEC3: true, Narrow: true},
		"compact.lab": {Narrow: true},
		"rsa.lab":     {Algorithm: 8},
		"rsa512.lab":  {Algorithm: 10},
		"p384.lab":    {Algorithm: 14},
		"ed25519.lab": {Algorithm: 15},
	} {
		spec.Text = strings.ReplaceAll(sample, "example.org", name)
		zones = append(zones, spec)
		denied, code := dnssec.Secure, dnssec.Code("")
		if spec.OptOut {
			denied, code = dnssec.Insecure, dnssec.CodeOptOut
		}
		out = append(
			out,
			expectation{"www." + name, dns.TypeA, dnssec.Secure, "", true},
			expectation{name, dns.TypeSOA, dnssec.Secure, "", true},
			expectation{name, dns.TypeDS, dnssec.Secure, "", true},
			expectation{"hash._smimecert." + name, dns.TypeSMIMEA, dnssec.Secure, "", true},
			expectation{"sensor._device." + name, dns.TypeTLSA, dnssec.Secure, "", true},
			expectation{"x.y.wild." + name, dns.TypeA, denied, code, true},
			expectation{"x.wild." + name, dns.TypeAAAA, denied, code, false},
			expectation{"alias." + name, dns.TypeA, dnssec.Secure, "", true},
			expectation{"alias." + name, dns.TypeCNAME, dnssec.Secure, "", true},
			expectation{"alias." + name, dns.TypeAAAA, dnssec.Secure, "", false},
			expectation{"away." + name, dns.TypeA, dnssec.Secure, "", true},
			expectation{"www.d." + name, dns.TypeA, dnssec.Secure, "", true},
			expectation{"none.d." + name, dns.TypeA, dnssec.Secure, "", false},
			expectation{"loop." + name, dns.TypeA, dnssec.Indeterminate, "", false},
			expectation{"www." + name, dns.TypeAAAA, dnssec.Secure, "", false},
			expectation{"ent." + name, dns.TypeA, dnssec.Secure, "", false},
			expectation{"b.ent." + name, dns.TypeTXT, dnssec.Secure, "", false},
			expectation{"unsigned." + name, dns.TypeDS, denied, code, false},
			expectation{"no." + name, dns.TypeA, denied, code, false},
			expectation{"no.no." + name, dns.TypeA, denied, code, false},
			expectation{"child." + name, dns.TypeDS, dnssec.Secure, "", true},
			expectation{"www.child." + name, dns.TypeA, dnssec.Secure, "", true},
			expectation{"www.island." + name, dns.TypeA, dnssec.Insecure, "", true},
			expectation{"no.island." + name, dns.TypeA, dnssec.Insecure, "", false},
		)
		for _, child := range []string{"child.", "island."} {
			text := strings.ReplaceAll(other, "example.net", child+name)
			zones = append(zones, lookuptest.Zone{Text: text, Unsigned: child == "island."})
		}
	}
	for b, code := range map[lookuptest.Break]dnssec.Code{
		lookuptest.Expired: dnssec.CodeExpired, lookuptest.NotYet: dnssec.CodeNotYetValid,
		lookuptest.WrongSignature: dnssec.CodeBadSignature, lookuptest.MissingRRSIG: dnssec.CodeNoSignature, lookuptest.WrongDS: dnssec.CodeNoKey,
	} {
		name := strings.ReplaceAll(string(b), "-", "") + ".lab"
		zones = append(zones, lookuptest.Zone{Text: strings.ReplaceAll(other, "example.net", name), Break: b})
		out = append(out, expectation{"www." + name, dns.TypeA, dnssec.Bogus, code, true})
		out = append(out, expectation{"www." + name, dns.TypeAAAA, dnssec.Bogus, code, false}, expectation{"no." + name, dns.TypeA, dnssec.Bogus, code, false})
	}
	zones = append(
		zones,
		lookuptest.Zone{Text: strings.ReplaceAll(other, "example.net", "nodenial.lab"), Break: lookuptest.MissingDenial},
		lookuptest.Zone{Text: strings.ReplaceAll(other, "example.net", "down.lab"), Break: lookuptest.Unreachable},
		lookuptest.Zone{Text: strings.ReplaceAll(other, "example.net", "plain.lab"), Unsigned: true},
		lookuptest.Zone{Text: strings.ReplaceAll(other, "example.net", "iterated.lab"), NSEC3: true, Iterations: 51},
		lookuptest.Zone{Text: strings.ReplaceAll(other, "example.net", "ground.lab"), NSEC3: true, Iterations: 501},
	)
	out = append(
		out,
		expectation{"no.nodenial.lab", dns.TypeA, dnssec.Bogus, dnssec.CodeNoDenial, false},
		expectation{"www.nodenial.lab", dns.TypeA, dnssec.Secure, "", true},
		expectation{"www.down.lab", dns.TypeA, dnssec.Indeterminate, dnssec.CodeServfail, false},
		expectation{"nowhere", dns.TypeA, dnssec.Secure, "", false},
		expectation{"www.plain.lab", dns.TypeA, dnssec.Insecure, dnssec.CodeUnsigned, true},
		expectation{"plain.lab", dns.TypeDS, dnssec.Secure, "", false},
		expectation{"no.iterated.lab", dns.TypeA, dnssec.Insecure, dnssec.CodeIterations, false},
		expectation{"www.iterated.lab", dns.TypeA, dnssec.Secure, "", true},
		expectation{"no.ground.lab", dns.TypeA, dnssec.Bogus, dnssec.CodeIterations, false},
	)
	return zones, out
}

func newServer(tb testing.TB, zones []lookuptest.Zone, opts lookuptest.Options) *lookuptest.Server {
	tb.Helper()
	s, err := lookuptest.New(zones, opts)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { s.Close() })
	return s
}

func newValidator(tb testing.TB, s *lookuptest.Server) *dnssec.Validator {
	tb.Helper()
	a, err := dnssec.ParseAnchors(s.Anchor(), "anchor")
	if err != nil {
		tb.Fatal(err)
	}
	return &dnssec.Validator{Exchanger: s, Anchors: a}
}

func TestEveryState(t *testing.T) {
	t.Parallel()
	zones, cases := everyState()
	v := newValidator(t, newServer(t, zones, lookuptest.Options{}))
	for _, tt := range cases {
		a := v.Resolve(t.Context(), tt.name, tt.qtype)
		if a.Status != tt.want || a.Exists != tt.found || tt.code != "" && a.Code != tt.code {
			t.Errorf("Resolve(%s, %s) = %v %q exists=%v (%s), want %v %q exists=%v",
				tt.name, dns.Type(tt.qtype), a.Status, a.Code, a.Exists, a.Reason, tt.want, tt.code, tt.found)
		}
		if a.Status == dnssec.Secure && (a.Code != "" || a.TTL <= 0) {
			t.Errorf("Resolve(%s, %s): secure with code %q, TTL %v", tt.name, dns.Type(tt.qtype), a.Code, a.TTL)
		}
	}
}
