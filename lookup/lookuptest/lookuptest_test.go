package lookuptest

import (
	"strings"
	"testing"

	"github.com/miekg/dns"
)

const sample = `$ORIGIN example.org.
$TTL 300
@ SOA ns hostmaster 1 7200 3600 1209600 300
@ NS ns
ns A 192.0.2.1
www A 192.0.2.2
alias CNAME www
away CNAME www.example.net.
loop CNAME loop
*.wild A 192.0.2.3
a.b.ent A 192.0.2.4
d DNAME example.net.
unsigned NS ns.elsewhere.example.
hash._smimecert TYPE53 \# 5 0301010102
sensor._device IN TLSA ( 3 1 1 ; a comment
	0102 )
`

const other = `$ORIGIN example.net.
@ 300 SOA ns hostmaster 1 7200 3600 1209600 300
@ 300 NS ns
ns 300 A 192.0.2.1
www 300 A 192.0.2.5
`

func ask(t *testing.T, s *Server, name string, qtype uint16) *dns.Msg {
	t.Helper()
	m, err := s.Exchange(t.Context(), name, qtype, false)
	if err != nil {
		t.Fatalf("Exchange(%s, %s): %v", name, dns.Type(qtype), err)
	}
	return m
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	s, err := New([]Zone{{Text: sample}, {Text: other, NSEC3: true}}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name  string
		qtype uint16
		rcode int
		want  string // types in answer | authority
	}{
		{"www.example.org", dns.TypeA, 0, "A RRSIG |"},
		{"WWW.EXAMPLE.org", dns.TypeA, 0, "A RRSIG |"},
		{"www.example.org", dns.TypeAAAA, 0, "| SOA RRSIG NSEC RRSIG"},
		{"ent.example.org", dns.TypeA, 0, "| SOA RRSIG NSEC RRSIG"},
		{"no.example.org", dns.TypeA, 3, "| SOA RRSIG NSEC RRSIG NSEC RRSIG"},
		{"x.wild.example.org", dns.TypeA, 0, "A RRSIG | NSEC RRSIG"},
		{"x.wild.example.org", dns.TypeAAAA, 0, "| SOA RRSIG NSEC RRSIG"},
		{"alias.example.org", dns.TypeA, 0, "CNAME RRSIG A RRSIG |"},
		{"away.example.org", dns.TypeA, 0, "CNAME RRSIG A RRSIG |"},
		{"www.d.example.org", dns.TypeA, 0, "DNAME RRSIG CNAME A RRSIG |"},
		{"loop.example.org", dns.TypeA, 2, ""},
		{"hash._smimecert.example.org", dns.TypeSMIMEA, 0, "SMIMEA RRSIG |"},
		{"sensor._device.example.org", dns.TypeTLSA, 0, "TLSA RRSIG |"},
		{"example.org", dns.TypeDS, 0, "DS RRSIG |"},
		{"example.org", dns.TypeDNSKEY, 0, "DNSKEY RRSIG |"},
		{".", dns.TypeDNSKEY, 0, "DNSKEY RRSIG |"},
		{"unsigned.example.org", dns.TypeDS, 0, "| SOA RRSIG NSEC RRSIG"},
		{"unsigned.example.org", dns.TypeA, 2, ""},
		{"www.example.net", dns.TypeTXT, 0, "| SOA RRSIG NSEC3 RRSIG"},
		{"nowhere", dns.TypeA, 3, "| SOA RRSIG NSEC RRSIG NSEC RRSIG"},
	} {
		m := ask(t, s, tt.name, tt.qtype)
		got := kinds(m.Answer) + "| " + kinds(m.Ns)
		if tt.want == "" && m.Rcode == tt.rcode {
			continue
		}
		if strings.TrimSpace(got) != tt.want || m.Rcode != tt.rcode {
			t.Errorf("%s %s = %s %q, want %s %q", tt.name, dns.Type(tt.qtype), dns.RcodeToString[m.Rcode], got, dns.RcodeToString[tt.rcode], tt.want)
		}
	}
}

func kinds(rrs []dns.RR) string {
	var b strings.Builder
	for _, rr := range rrs {
		b.WriteString(dns.Type(rr.Header().Rrtype).String() + " ")
	}
	return b.String()
}

func TestWrongZones(t *testing.T) {
	t.Parallel()
	const soa = "example.org. 300 SOA ns.example.org. h.example.org. 1 2 3 4 5\n"
	for _, tt := range []struct{ name, text, want string }{
		{"syntax", soa + "www A 192.0.2\n", "z.zone:2:"},
		{"no SOA", "www.example.org. A 192.0.2.1\n", "z.zone:1: no SOA"},
		{"empty", "", "z.zone:1: no SOA"},
		{"two SOA", soa + "sub" + soa, "z.zone:2: a second SOA"},
		{"outside", soa + "\n; comment\nwww.example.net. A 192.0.2.1\n", "z.zone:4: www.example.net. is outside the zone example.org."},
		{"duplicate", soa + "w.example.org. A 192.0.2.1\nW.example.org. 5 A 192.0.2.1\n", "z.zone:3: duplicate of the A record of w.example.org. in line 2"},
		{"CNAME and other", soa + "w.example.org. A 192.0.2.1\nw.example.org. CNAME x.example.org.\n", "z.zone:3: w.example.org. has a CNAME and other records"},
		{"below DNAME", soa + "w.example.org. DNAME example.net.\nx.w.example.org. A 192.0.2.1\n", "z.zone:3: x.w.example.org. is below the DNAME at w.example.org."},
		{"class", soa + "w.example.org. CH TXT x\n", "z.zone:2: w.example.org.: class CH"},
		{"include", soa + "$INCLUDE /etc/passwd\n", "z.zone:2:"},
	} {
		_, err := New([]Zone{{Text: tt.text, File: "z.zone"}}, Options{})
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: New = %v, want %q in it", tt.name, err, tt.want)
		}
	}
}
