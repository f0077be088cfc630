package dnssec_test

import (
	"slices"
	"strings"

	"github.com/miekg/dns"

	"dnseal/lookup/dnssec"
	"dnseal/lookup/lookuptest"
)

// starredZone has wildcards without data: names are below the asterisk only (RFC 4592, Section
// 2.2.3).
const starredZone = `$ORIGIN starred.org.
$TTL 300
@ SOA ns hostmaster 1 7200 3600 1209600 300
@ NS ns
ns A 192.0.2.1
www A 192.0.2.2
_443._tcp.* TLSA 3 1 1 00
a.b.ent A 192.0.2.3
sub.*.deep A 192.0.2.4
alias CNAME no.deep
*.away CNAME no.island
*.near CNAME no.child
top DNAME .
`

// starredHierarchy are these zones, by NSEC, NSEC3 and compact denial, with a signed and an
// unsigned child.
func starredHierarchy() []lookuptest.Zone {
	copyOf := func(name string) string { return strings.ReplaceAll(starredZone, "starred.org", name) }
	plain := func(name string) string {
		return "$ORIGIN " + name + ".\n$TTL 300\n@ SOA ns hostmaster 1 7200 3600 1209600 300\nwww A 192.0.2.20\n"
	}
	return []lookuptest.Zone{
		{Text: starredZone},
		{Text: copyOf("starred3.org"), NSEC3: true},
		{Text: copyOf("narrow.org"), Narrow: true},
		{Text: copyOf("lost.org"), NSEC3: true, OptOut: true},
		{Text: plain("child.starred.org")},
		{Text: plain("island.starred.org"), Unsigned: true},
		{Text: plain("island.lost.org"), Unsigned: true},
	}
}

// starredForgeries: a wildcard that is an empty non-terminal, and spans that only look as if they
// proved one.
func starredForgeries() []forgery {
	// denied answers NOERROR with these spans, signed by the zone.
	denied := func(name, zone string, spans ...string) func(*forger, dns.Question, *dns.Msg) {
		return answering(name, dns.TypeSMIMEA, func(f *forger, m *dns.Msg) {
			m.Rcode, m.Answer, m.Ns = dns.RcodeSuccess, nil, f.ask(zone, dns.TypeSOA).Answer
			for _, span := range f.rrs(spans...) {
				m.Ns = append(m.Ns, span, f.sign(zone, []dns.RR{span}))
			}
		})
	}
	const (
		zone  = "starred.org."
		no    = "alice._smimecert.starred.org."
		below = "_443._tcp.*.starred.org. 300 IN NSEC alias.starred.org. RRSIG NSEC TLSA"
		span  = "starred.org. 300 IN NSEC _443._tcp.*.starred.org. NS SOA RRSIG NSEC DNSKEY"
	)
	return []forgery{
		{"0901-empty-wildcard", "the wildcard for the name exists without data: RFC 4592, 2.2.3 and 4", no, dns.TypeSMIMEA, nil, secure, ""},
		{"0902-empty-wildcard3", "the same by NSEC3", "alice._smimecert.starred3.org.", dns.TypeSMIMEA, nil, secure, ""},
		{"0903-empty-wildcard-compact", "the same by compact denial", "alice._smimecert.narrow.org.", dns.TypeSMIMEA, nil, secure, ""},
		{"0904-empty-wildcard-itself", "the wildcard itself has no data", "*.starred.org.", dns.TypeTXT, nil, secure, ""},
		{"0905-empty-wildcard-ds", "no delegation is at a name that it stands for", no, dns.TypeDS, nil, secure, ""},
		{"0906-below-empty-wildcard", "what is below the asterisk is not made from it: RFC 4592, 2.1.3", "_443._tcp.x.starred.org.", dns.TypeTLSA, nil, secure, ""},
		{"0907-below-asterisk", "no name and no wildcard is there", "x.*.starred.org.", dns.TypeA, nil, secure, ""},
		{"0908-deep-empty-wildcard", "the wildcard of the closest encloser, not of the apex", "a.b.deep.starred.org.", dns.TypeA, nil, secure, ""},
		{"0909-alias-empty-wildcard", "an alias to a name that it stands for", "alias.starred.org.", dns.TypeA, nil, secure, ""},
		{"0910-empty-wildcard-nxdomain", "the rcode is not signed: NODATA is proven, and absence with it", no, dns.TypeSMIMEA, answering(no, dns.TypeSMIMEA, func(_ *forger, m *dns.Msg) { m.Rcode = dns.RcodeNameError }), secure, ""},
		{"0911-beside-wildcard", "the next name only begins with an asterisk", no, dns.TypeSMIMEA, denied(no, zone, below, "starred.org. 300 IN NSEC _tcp.*a.starred.org. NS SOA RRSIG NSEC DNSKEY"), bogus, dnssec.CodeBadDenial},
		{"0912-wildcard-of-apex", "the encloser is further down, so another wildcard stands for the name", "no.ent.starred.org.", dns.TypeSMIMEA, denied("no.ent.starred.org.", zone, "a.b.ent.starred.org. 300 IN NSEC ns.starred.org. A RRSIG NSEC", span), bogus, dnssec.CodeBadDenial},
		{"0913-span-only", "the span to the wildcard without the one over the name", no, dns.TypeSMIMEA, denied(no, zone, span), bogus, dnssec.CodeBadDenial},
		{"0914-span-of-delegation", "a delegation speaks for nothing below it: RFC 6840, 4.1", "x._d.starred.org.", dns.TypeSMIMEA, denied("x._d.starred.org.", zone, "_d.starred.org. 300 IN NSEC _443._tcp.*._d.starred.org. NS RRSIG NSEC", "_443._tcp.*._d.starred.org. 300 IN NSEC www.starred.org. RRSIG NSEC TLSA"), bogus, dnssec.CodeBadDenial},
		{"0915-span-of-parent", "the parent's span to a name in the child", "x.starred.org.", dns.TypeSMIMEA, denied("x.starred.org.", "org.", "starred.org. 300 IN NSEC _443._tcp.*.starred.org. NS DS RRSIG NSEC", "ns.starred.org. 300 IN NSEC starred3.org. A RRSIG NSEC"), bogus, dnssec.CodeBadDenial},
		{"0916-span-of-child", "the child's spans deny a name of its parent", no, dns.TypeSMIMEA, denied(no, "child.starred.org.", "child.starred.org. 300 IN NSEC _443._tcp.*.child.starred.org. NS SOA RRSIG NSEC DNSKEY", "www.child.starred.org. 300 IN NSEC child.starred.org. A RRSIG NSEC"), bogus, dnssec.CodeNoDenial},
		{"0917-span-unsigned", "the span to the wildcard has another's signature", no, dns.TypeSMIMEA, answering(no, dns.TypeSMIMEA, func(f *forger, m *dns.Msg) {
			set := setOf(m.Ns, zone, dns.TypeNSEC)
			m.Ns = put(m.Ns, set, f.sign("org.", set))
		}), bogus, dnssec.CodeSigner},
		{"0918-name-there", "the name exists, whatever the wildcard is", "www.starred.org.", dns.TypeSMIMEA, denied("www.starred.org.", zone, below, span), bogus, dnssec.CodeBadDenial},
		{"0919-next-outside", "the next name is in another zone", no, dns.TypeSMIMEA, denied(no, zone, below, "starred.org. 300 IN NSEC _443._tcp.*.starred.org.org. NS SOA RRSIG NSEC DNSKEY"), bogus, dnssec.CodeBadDenial},
		{"0920-wildcard-alias-unsigned", "an alias made from a wildcard leads to no name of an unsigned zone below: the wildcard's proof is not of that name", "x.away.starred.org.", dns.TypeA, nil, dnssec.Insecure, dnssec.CodeUnsigned},
		{"0921-wildcard-alias-optout", "the same where the parent leaves open what is there", "x.away.lost.org.", dns.TypeA, nil, dnssec.Insecure, dnssec.CodeOptOut},
		{"0922-wildcard-alias-stripped", "the same into a signed zone, whose signatures and proofs were taken away", "x.near.starred.org.", dns.TypeA, both(
			answering("x.near.starred.org.", dns.TypeA, func(_ *forger, m *dns.Msg) { m.Ns = plainDenial(m.Ns, "child.starred.org.") }),
			answering("no.child.starred.org.", dns.TypeA, func(_ *forger, m *dns.Msg) { m.Ns = plainDenial(m.Ns, "child.starred.org.") })), bogus, dnssec.CodeNoDenial},
		{"0924-dname-root", "a DNAME to the root: RFC 6672, 2.2", "nowhere.top.starred.org.", dns.TypeA, nil, secure, ""},
		{"0923-zone-made-up", "a denial with the SOA of a zone that does not exist", "no.no.example.org.", dns.TypeA, answering("no.no.example.org.", dns.TypeA, func(f *forger, m *dns.Msg) {
			m.Ns = append(f.rrs("no.example.org. 300 IN SOA ns.example.org. h.example.org. 1 2 3 4 5"), m.Ns...)
		}), bogus, dnssec.CodeNoDenial},
	}
}

// plainDenial leaves of what a zone says only its SOA, without signature.
func plainDenial(ns []dns.RR, zone string) []dns.RR {
	return slices.DeleteFunc(slices.Clone(ns), func(rr dns.RR) bool {
		return dns.IsSubDomain(zone, rr.Header().Name) && rr.Header().Rrtype != dns.TypeSOA
	})
}
