package dnssec_test

import (
	"strings"

	"github.com/miekg/dns"

	"dnseal/lookup/dnssec"
)

// denialForgeries: absence by NSEC (pitfalls 5, 6, 12 and 14).
func denialForgeries() []forgery {
	// denied answers with these records of the zone, signed, in place of the proof.
	denied := func(name string, qtype uint16, rcode int, zone string, texts ...string) func(*forger, dns.Question, *dns.Msg) {
		return answering(name, qtype, func(f *forger, m *dns.Msg) {
			soa := f.ask(zone, dns.TypeSOA).Answer
			m.Rcode, m.Answer, m.Ns = rcode, nil, soa
			for _, rr := range f.rrs(texts...) {
				m.Ns = append(m.Ns, rr, f.sign(zone, []dns.RR{rr}))
			}
		})
	}
	const zone = "example.org."
	return []forgery{
		{"0601-nodata", "NODATA: RFC 4035, 5.4", leaf, dns.TypeTXT, nil, secure, ""},
		{"0602-nxdomain", "NXDOMAIN: RFC 4035, 5.4", "no.no.example.org.", dns.TypeA, nil, secure, ""},
		{"0603-ent", "an empty non-terminal has no type at all", "ent.example.org.", dns.TypeA, nil, secure, ""},
		{"0604-wildcard-nodata", "the wildcard has no such type", "x.wild.example.org.", dns.TypeAAAA, nil, secure, ""},
		{"0605-type-there", "the NSEC lists the type: RFC 4035, 5.4", leaf, dns.TypeA, denied(leaf, dns.TypeA, 0, zone, "www.example.org. 300 IN NSEC www2.example.org. A RRSIG NSEC"), bogus, dnssec.CodeBadDenial},
		{"0606-cname-there", "the NSEC lists a CNAME: RFC 6840, 4.3", leaf, dns.TypeA, denied(leaf, dns.TypeA, 0, zone, "www.example.org. 300 IN NSEC www2.example.org. CNAME RRSIG NSEC"), bogus, dnssec.CodeBadDenial},
		{"0607-parent-side", "the parent's NSEC of the delegation denies a name below it: RFC 6840, 4.1", leaf, dns.TypeA, denied(leaf, dns.TypeA, 3, "org.", "example.org. 300 IN NSEC ground.org. NS DS RRSIG NSEC"), bogus, dnssec.CodeNoDenial},
		{"0625-parent-side-unknown", "the same for a delegation that was not asked about before", "www._sub.example.org.", dns.TypeA, denied("www._sub.example.org.", dns.TypeA, 3, zone, "_sub.example.org. 300 IN NSEC a.example.org. NS RRSIG NSEC", "example.org. 300 IN NSEC _sub.example.org. NS SOA RRSIG NSEC DNSKEY"), bogus, dnssec.CodeBadDenial},
		{"0626-wildcard-skipped", "the NSEC that denies the wildcard passes over the encloser, which exists", "no.ent.example.org.", dns.TypeA, denied("no.ent.example.org.", dns.TypeA, 3, zone, "a.b.ent.example.org. 300 IN NSEC ns.example.org. A RRSIG NSEC", "d.example.org. 300 IN NSEC two.example.org. DNAME RRSIG NSEC"), bogus, dnssec.CodeBadDenial},
		{"0608-parent-side-apex", "the same denies a type at the apex", zone, dns.TypeSOA, denied(zone, dns.TypeSOA, 0, "org.", "example.org. 300 IN NSEC ground.org. NS DS RRSIG NSEC"), bogus, dnssec.CodeBadDenial},
		{"0609-below-dname", "the NSEC of a DNAME denies a name below it: RFC 6672, 5.3.4", "www.d.example.org.", dns.TypeA, denied("www.d.example.org.", dns.TypeA, 3, zone, "d.example.org. 300 IN NSEC ent.example.org. DNAME RRSIG NSEC", "example.org. 300 IN NSEC a.example.org. NS SOA RRSIG NSEC DNSKEY"), bogus, dnssec.CodeBadDenial},
		{"0610-no-wildcard-proof", "NXDOMAIN without the proof that there is no wildcard", "no.example.org.", dns.TypeA, denied("no.example.org.", dns.TypeA, 3, zone, "named.wild.example.org. 300 IN NSEC ns.example.org. A RRSIG NSEC", "nm.example.org. 300 IN NSEC ns.example.org. A RRSIG NSEC"), bogus, dnssec.CodeBadDenial},
		{"0611-other-span", "an NSEC that covers something else", "no.example.org.", dns.TypeA, denied("no.example.org.", dns.TypeA, 3, zone, "two.example.org. 300 IN NSEC unsafe.example.org. A RRSIG NSEC"), bogus, dnssec.CodeBadDenial},
		{"0612-bad-soa", "a good NSEC beside a bad SOA, which sets the life of the answer", leaf, dns.TypeTXT, answering(leaf, dns.TypeTXT, func(_ *forger, m *dns.Msg) {
			setOf(m.Ns, zone, dns.TypeSOA)[0].(*dns.SOA).Minttl = 1 << 30
		}), bogus, dnssec.CodeBadSignature},
		{"0613-no-soa", "an NSEC without SOA is enough: RFC 9077", leaf, dns.TypeTXT, answering(leaf, dns.TypeTXT, func(_ *forger, m *dns.Msg) { m.Ns = without(m.Ns, zone, dns.TypeSOA) }), secure, ""},
		{"0614-escapes", "names with octets that need escapes, in canonical order: RFC 4034, 6.1", "a\\000c.example.org.", dns.TypeA, nil, secure, ""},
		{"0615-escapes-there", "the same where the name exists", "a\\255Z.example.org.", dns.TypeA, nil, secure, ""},
		{"0616-last", "behind the last name of the zone", "zzz.example.org.", dns.TypeA, nil, secure, ""},
		{"0617-nxname", "compact denial, RFC 9824: the name does not exist", "no.example.org.", dns.TypeA, denied("no.example.org.", dns.TypeA, 0, zone, `no.example.org. 300 IN NSEC \000.no.example.org. RRSIG NSEC TYPE128`), secure, ""},
		{"0618-nxname-rcode", "the same with NXDOMAIN: RFC 9824, 5.1", "no.example.org.", dns.TypeA, denied("no.example.org.", dns.TypeA, 3, zone, `no.example.org. 300 IN NSEC \000.no.example.org. RRSIG NSEC TYPE128`), secure, ""},
		{"0619-white-lie", "minimally covering NSEC: RFC 4470", "no.example.org.", dns.TypeA, denied("no.example.org.", dns.TypeA, 3, zone, `nn~.example.org. 300 IN NSEC no\000.example.org. RRSIG NSEC`, `!~.example.org. 300 IN NSEC +.example.org. RRSIG NSEC`), secure, ""},
		{"0620-nxdomain-of-nodata", "the rcode is not signed: what is proven counts", leaf, dns.TypeTXT, answering(leaf, dns.TypeTXT, func(_ *forger, m *dns.Msg) { m.Rcode = dns.RcodeNameError }), secure, ""},
		{"0621-nodata-of-name", "an NXDOMAIN proof is none for a name that exists", leaf, dns.TypeA, answering(leaf, dns.TypeA, func(f *forger, m *dns.Msg) {
			honest := f.ask("no.example.org.", dns.TypeA)
			m.Rcode, m.Answer, m.Ns = 3, nil, honest.Ns
		}), bogus, dnssec.CodeBadDenial},
		{"0622-next-outside", "an NSEC whose next name is outside the zone", "zzz.example.org.", dns.TypeA, denied("zzz.example.org.", dns.TypeA, 0, zone, "www2.example.org. 300 IN NSEC x.zzz.example.org.other. A RRSIG NSEC"), bogus, ""},
		{"0623-sub-apex", "a name of the child, denied by the child", "no.child.example.org.", dns.TypeA, nil, secure, ""},
		{"0627-both-sides", "at a delegation the parent and the child each have an NSEC, here in one reply", "dd.example.org.", dns.TypeA, func(f *forger, q dns.Question, m *dns.Msg) {
			const owner = "child.example.org."
			side := func(signer, types string) []dns.RR {
				set := f.rrs(owner + " 300 IN NSEC " + types)
				return append(set, f.sign(signer, set))
			}
			child := append(f.ask(owner, dns.TypeSOA).Answer, side(owner, owner+" NS SOA RRSIG NSEC DNSKEY")...)
			switch {
			case q.Name == "dd.example.org." && q.Qtype == dns.TypeA:
				set := f.rrs("*.example.org. 300 IN CNAME " + owner)
				m.Rcode, m.Answer = 0, renamed(append(set, f.sign(zone, set)), q.Name)
				m.Ns = append(side(zone, "www.example.org. NS DS RRSIG NSEC"), child...)
			case q.Name == owner && q.Qtype == dns.TypeA:
				m.Rcode, m.Answer, m.Ns = 0, nil, child
			}
		}, secure, ""},
		{"0628-next-closer-skipped", "the NSEC that denies the next closer name passes over the encloser, which exists", "x.wc.example.org.", dns.TypeA, answering("x.wc.example.org.", dns.TypeA, func(f *forger, m *dns.Msg) {
			set := f.rrs("*.wc.example.org. 300 IN A 192.0.2.66")
			m.Rcode, m.Answer = 0, renamed(append(set, f.sign(zone, set)), "x.wc.example.org.")
			span := f.rrs("child.example.org. 300 IN NSEC www.example.org. A RRSIG NSEC")
			m.Ns = append(span, f.sign(zone, span))
		}), bogus, dnssec.CodeNoWildcard},
		{"0629-next-case", "the next name of an NSEC keeps its case: RFC 6840, 5.1", leaf, dns.TypeTXT, answering(leaf, dns.TypeTXT, func(_ *forger, m *dns.Msg) {
			nsec := setOf(m.Ns, leaf, dns.TypeNSEC)[0].(*dns.NSEC)
			nsec.NextDomain = strings.ToUpper(nsec.NextDomain)
		}), bogus, dnssec.CodeBadSignature},
		{"0630-child-denies", "the last NSEC of a child, which covers all that follows, denies a name of its parent", leaf, dns.TypeA, denied(leaf, dns.TypeA, 3, "child.example.org.", "www.child.example.org. 300 IN NSEC child.example.org. A RRSIG NSEC", "child.example.org. 300 IN NSEC ns.child.example.org. NS SOA RRSIG NSEC DNSKEY"), bogus, dnssec.CodeNoDenial},
		{"0631-sibling-denies", "the NSEC of a sibling zone", leaf, dns.TypeA, denied(leaf, dns.TypeA, 3, "other.org.", "www.other.org. 300 IN NSEC other.org. A RRSIG NSEC"), bogus, dnssec.CodeNoDenial},
		{"0632-nxname-of-another", "compact denial of another name", "no.example.org.", dns.TypeA, denied("no.example.org.", dns.TypeA, 0, zone, `nn.example.org. 300 IN NSEC \000.nn.example.org. RRSIG NSEC TYPE128`), bogus, dnssec.CodeBadDenial},
		{"0633-other-encloser", "the wildcard of a name further up than the closest encloser", "x.wild.example.org.", dns.TypeAAAA, denied("x.wild.example.org.", dns.TypeAAAA, 0, zone, "deep.named2.wild.example.org. 300 IN NSEC www.example.org. A RRSIG NSEC", "*.example.org. 300 IN NSEC _smimecert.example.org. A RRSIG NSEC"), bogus, dnssec.CodeBadDenial},
		{"0634-apex-denies-ds", "an NSEC that claims to be the child's own, with the SOA bit, denies no DS: RFC 6840, 4.4", "child.example.org.", dns.TypeDS, denied("child.example.org.", dns.TypeDS, 0, zone, "child.example.org. 300 IN NSEC www.example.org. NS SOA RRSIG NSEC"), bogus, dnssec.CodeBadDenial},
		{"0635-no-ds-of-root", "the root has no parent: its own NSEC denies its DS", ".", dns.TypeDS, nil, secure, ""},
		{"0624-ds-of-child", "no DS at a name that is no delegation", leaf, dns.TypeDS, nil, secure, ""},
	}
}
