package lookup

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/miekg/dns"

	"dnseal/lookup/chain"
	"dnseal/lookup/dane"
	"dnseal/lookup/dnssec"
	"dnseal/lookup/lookuptest"
)

// TestADOnlyAliases: so many aliases are followed and no more.
func TestADOnlyAliases(t *testing.T) {
	t.Parallel()
	chain := func(n int) *dns.Msg {
		m := new(dns.Msg)
		m.AuthenticatedData = true
		for i := range n {
			m.Answer = append(m.Answer, parse(t, fmt.Sprintf("c%d.example.lab. 60 IN CNAME c%d.example.lab.", i, i+1)))
		}
		m.Ns = append(m.Ns, parse(t, "example.lab. 60 IN SOA ns.example.lab. h.example.lab. 1 2 3 4 60"))
		return m
	}
	for n, want := range map[int]dnssec.Status{0: dnssec.Secure, 1: dnssec.Secure, 8: dnssec.Secure, 9: dnssec.Indeterminate, 20: dnssec.Indeterminate} {
		a := &dnssec.Answer{Name: "c0.example.lab.", Type: dns.TypeTLSA, Status: dnssec.Secure}
		new(Client).readUnproven(a, chain(n))
		if a.Status != want || a.Exists {
			t.Errorf("%d aliases: %s %q, exists %t, want %s", n, a.Status, a.Code, a.Exists, want)
		}
	}
}

func parse(t *testing.T, text string) dns.RR {
	t.Helper()
	rr, err := dns.NewRR(text)
	if err != nil {
		t.Fatal(err)
	}
	return rr
}

// TestADOnlyEnd: a reply with AD that does not hold the end of what was asked proves nothing.
func TestADOnlyEnd(t *testing.T) {
	t.Parallel()
	const (
		name  = "a.example.lab."
		alias = "a.example.lab. 60 IN CNAME b.other.lab."
		end   = "b.other.lab. 60 IN TLSA 3 1 1 0102"
		soa   = "other.lab. 60 IN SOA ns.other.lab. h.other.lab. 1 2 3 4 60"
	)
	for _, tt := range []struct {
		about      string
		answer, ns []string
		status     dnssec.Status
		exists     bool
	}{
		{"the record", []string{"a.example.lab. 60 IN TLSA 3 1 1 0102"}, nil, dnssec.Secure, true},
		{"empty", nil, nil, dnssec.Secure, false},
		{"empty with SOA", nil, []string{"example.lab. 60 IN SOA ns.example.lab. h.example.lab. 1 2 3 4 60"}, dnssec.Secure, false},
		{"SOA of the root", nil, []string{". 60 IN SOA ns. h. 1 2 3 4 60"}, dnssec.Secure, false},
		{"alias and its end", []string{alias, end}, nil, dnssec.Secure, true},
		{"the end before the alias", []string{end, alias}, nil, dnssec.Secure, true},
		{"alias, absent end", []string{alias}, []string{soa}, dnssec.Secure, false},
		{"alias without its end", []string{alias}, nil, dnssec.Indeterminate, false},
		{"alias without its end, the SOA of another zone", []string{alias}, []string{"example.lab. 60 IN SOA ns. h. 1 2 3 4 60"}, dnssec.Indeterminate, false},
		{"alias, the end of another name", []string{alias, "c.other.lab. 60 IN TLSA 3 1 1 0102"}, nil, dnssec.Indeterminate, false},
		{"DNAME without CNAME", []string{"example.lab. 60 IN DNAME other.lab."}, nil, dnssec.Indeterminate, false},
		{"DNAME with CNAME, end missing", []string{"example.lab. 60 IN DNAME other.lab.", "a.example.lab. 60 IN CNAME a.other.lab."}, nil, dnssec.Indeterminate, false},
		{"records of another name", []string{"c.example.lab. 60 IN TLSA 3 1 1 0102"}, nil, dnssec.Indeterminate, false},
		{"records of another type", []string{"a.example.lab. 60 IN A 192.0.2.1"}, nil, dnssec.Indeterminate, false},
		{"records of another type, and SOA", []string{"a.example.lab. 60 IN A 192.0.2.1"}, []string{"lab. 60 IN SOA ns. h. 1 2 3 4 60"}, dnssec.Secure, false},
		{"referral", nil, []string{"example.lab. 60 IN NS ns.example.lab."}, dnssec.Indeterminate, false},
		{"NS next to the SOA", nil, []string{"example.lab. 60 IN NS ns.example.lab.", "example.lab. 60 IN SOA ns. h. 1 2 3 4 60"}, dnssec.Secure, false},
	} {
		m := new(dns.Msg)
		for _, text := range tt.answer {
			m.Answer = append(m.Answer, parse(t, text))
		}
		for _, text := range tt.ns {
			m.Ns = append(m.Ns, parse(t, text))
		}
		a := &dnssec.Answer{Name: name, Type: dns.TypeTLSA, Status: dnssec.Secure}
		new(Client).readUnproven(a, m)
		if a.Status != tt.status || a.Exists != tt.exists || a.Status == dnssec.Indeterminate && a.Code != chain.CodeIncomplete {
			t.Errorf("%s: %s %q, exists %t; want %s, %t", tt.about, a.Status, a.Code, a.Exists, tt.status, tt.exists)
		}
		// Without AD it is no proof anyway, and nothing is to be added.
		a = &dnssec.Answer{Name: name, Type: dns.TypeTLSA, Status: dnssec.Insecure, Code: chain.CodeNoAD}
		if new(Client).readUnproven(a, m); a.Status != dnssec.Insecure {
			t.Errorf("%s, no AD: %s %q", tt.about, a.Status, a.Code)
		}
	}
}

// TestADOnlyNameError: NXDOMAIN with the records of the name says two things, so nothing.
func TestADOnlyNameError(t *testing.T) {
	t.Parallel()
	m := new(dns.Msg)
	m.Rcode, m.Answer = dns.RcodeNameError, []dns.RR{parse(t, "a.example.lab. 60 IN TLSA 3 1 1 0102")}
	a := &dnssec.Answer{Name: "a.example.lab.", Type: dns.TypeTLSA, Status: dnssec.Secure}
	if new(Client).readUnproven(a, m); a.Status != dnssec.Indeterminate || a.Code != chain.CodeIncomplete {
		t.Errorf("%s %q", a.Status, a.Code)
	}
}

// TestADOnlyBadName: what is no name is malformed in every mode, and the next name is asked as
// ever.
func TestADOnlyBadName(t *testing.T) {
	t.Parallel()
	l := startLab(t, lookuptest.Options{Validating: true}, modeZones()...)
	for _, m := range []Mode{Validate, Both, ADOnly} {
		c := l.client(t, mode(m))
		if r := c.Lookup(t.Context(), "a..example.lab", dane.TLSA); r.Status != dnssec.Indeterminate || r.Code != dnssec.CodeMalformed {
			t.Errorf("%s: %s %q (%s)", m, r.Status, r.Code, r.Reason)
		}
		if r := c.Lookup(t.Context(), sensor, dane.TLSA); r.Status != dnssec.Secure {
			t.Errorf("%s: %s %q (%s)", m, r.Status, r.Code, r.Reason)
		}
	}
}

// TestADOnlyProperty: whatever stands in a reply with AD, absence rests on a SOA around the end of
// the aliases or on a reply that is empty, and records are those of that end.
func TestADOnlyProperty(t *testing.T) {
	t.Parallel()
	names := []string{"a.example.lab.", "b.example.lab.", "c.other.lab.", "example.lab.", "other.lab.", "lab.", "."}
	draw := func(r *rand.Rand) dns.RR {
		n, to := names[r.IntN(len(names))], names[r.IntN(len(names))]
		return parse(t, []string{
			n + " 60 IN TLSA 3 1 1 0102", n + " 60 IN CNAME " + to, n + " 60 IN DNAME " + to, n + " 60 IN A 192.0.2.1",
			n + " 60 IN SOA ns. h. 1 2 3 4 60", n + " 60 IN NS ns.", n + " 60 CH TLSA 3 1 1 0102",
		}[r.IntN(7)])
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		m := new(dns.Msg)
		for range r.IntN(5) {
			m.Answer = append(m.Answer, draw(r))
		}
		for range r.IntN(3) {
			m.Ns = append(m.Ns, draw(r))
		}
		a := &dnssec.Answer{Name: names[0], Type: dns.TypeTLSA, Status: dnssec.Secure}
		new(Client).readUnproven(a, m)
		if a.Status != dnssec.Secure {
			continue
		}
		end := append([]string{a.Name}, a.Aliases...)[len(a.Aliases)]
		for _, rr := range a.Records {
			if rr.Header().Name != end || rr.Header().Class != dns.ClassINET {
				t.Fatalf("%v is no record of %s:\n%s", rr, end, m)
			}
		}
		if soa := has(m.Ns, dns.TypeSOA, end); !a.Exists && !soa && len(m.Answer)+len(m.Ns) > 0 {
			t.Fatalf("%s is taken for absent:\n%s", end, m)
		}
	}
}

// has reports whether a section holds a type; at a name around below, unless that is empty.
func has(section []dns.RR, typ uint16, below string) bool {
	for _, rr := range section {
		if rr.Header().Rrtype == typ && (below == "" || dns.IsSubDomain(rr.Header().Name, below)) {
			return true
		}
	}
	return false
}
