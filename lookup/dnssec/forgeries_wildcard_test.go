package dnssec_test

import (
	"github.com/miekg/dns"

	"dnseal/lookup/dnssec"
)

// wildcardForgeries: answers made from wildcards, and what they must prove (pitfalls 3 and 4).
func wildcardForgeries() []forgery {
	const named = "named.wild.example.org."
	// replay answers for a name with the wildcard's records.
	replay := func(name, like string, qtype uint16, ns func(f *forger, honest *dns.Msg) []dns.RR) func(*forger, dns.Question, *dns.Msg) {
		return answering(name, qtype, func(f *forger, m *dns.Msg) {
			honest := f.ask(like, qtype)
			m.Rcode, m.Answer, m.Ns = 0, renamed(honest.Answer, name), ns(f, honest)
		})
	}
	same := func(_ *forger, honest *dns.Msg) []dns.RR { return honest.Ns }
	nothing := func(*forger, *dns.Msg) []dns.RR { return nil }
	return []forgery{
		{"0401-wildcard", "a wildcard with its proof: RFC 4035, 5.3.4", "x.y.wild.example.org.", dns.TypeA, nil, secure, ""},
		{"0402-wildcard3", "the same by NSEC3: RFC 5155, 8.8", "x.y.wild.nsec3.org.", dns.TypeA, nil, secure, ""},
		{"0403-wildcard-optout", "an opt-out span may hide a delegation: RFC 5155, 9.2", "x.wild.optout.org.", dns.TypeA, nil, dnssec.Insecure, dnssec.CodeOptOut},
		{"0404-wildcard-itself", "the wildcard asked for by its name", "*.wild.example.org.", dns.TypeA, nil, secure, ""},
		{"0405-no-proof", "a wildcard without proof", "x.wild.example.org.", dns.TypeA, answering("x.wild.example.org.", dns.TypeA, func(_ *forger, m *dns.Msg) { m.Ns = nil }), bogus, dnssec.CodeNoWildcard},
		{"0406-over-name", "the wildcard replayed over a name that exists", named, dns.TypeA, replay(named, "x.wild.example.org.", dns.TypeA, same), bogus, dnssec.CodeNoWildcard},
		{"0407-over-name3", "the same by NSEC3", "named.wild.nsec3.org.", dns.TypeA, replay("named.wild.nsec3.org.", "x.wild.nsec3.org.", dns.TypeA, same), bogus, dnssec.CodeNoWildcard},
		{"0408-over-person", "the attack on mail: *._smimecert over alice", "alice._smimecert.example.org.", dns.TypeSMIMEA, replay("alice._smimecert.example.org.", "zoe._smimecert.example.org.", dns.TypeSMIMEA, same), bogus, dnssec.CodeNoWildcard},
		{"0409-next-closer", "the name is proven absent, but not the next closer name, which is an empty non-terminal", "x.named2.wild.example.org.", dns.TypeA, replay("x.named2.wild.example.org.", "x.wild.example.org.", dns.TypeA, func(f *forger, _ *dns.Msg) []dns.RR {
			return f.ask("x.named2.wild.example.org.", dns.TypeTXT).Ns
		}), bogus, dnssec.CodeNoWildcard},
		{"0410-next-closer3", "the same by NSEC3", "x.named2.wild.nsec3.org.", dns.TypeA, replay("x.named2.wild.nsec3.org.", "x.wild.nsec3.org.", dns.TypeA, func(f *forger, _ *dns.Msg) []dns.RR {
			return f.ask("x.named2.wild.nsec3.org.", dns.TypeTXT).Ns
		}), bogus, dnssec.CodeNoWildcard},
		{"0411-expanded-nsec", "a denial made from a wildcard: CVE-2017-15105", named, dns.TypeA, answering(named, dns.TypeA, func(f *forger, m *dns.Msg) {
			set := f.rrs("*.wild.example.org. 300 IN NSEC named.wild.example.org. TXT RRSIG NSEC")
			sig := f.sign("example.org.", set)
			sig.Hdr.Name = named
			m.Answer, m.Ns = nil, append(f.ask("example.org.", dns.TypeSOA).Answer, append(renamed(set, named), sig)...)
		}), bogus, dnssec.CodeBadDenial},
		{"0412-wildcard-dname", "a DNAME made from a wildcard: RFC 6672, 3.3", "a.b.dd.example.org.", dns.TypeA, answering("a.b.dd.example.org.", dns.TypeA, func(f *forger, m *dns.Msg) {
			set := f.rrs("*.dd.example.org. 300 IN DNAME other.org.")
			sig := f.sign("example.org.", set)
			sig.Hdr.Name = "b.dd.example.org."
			honest := f.ask("www.other.org.", dns.TypeA)
			m.Rcode = 0
			m.Answer = append(renamed(set, "b.dd.example.org."), sig, f.rr("a.b.dd.example.org. 300 IN CNAME a.other.org."))
			m.Answer = append(m.Answer, honest.Answer...)
		}), bogus, ""},
		{"0413-wildcard-none", "no proof at all, by NSEC3", "x.wild.nsec3.org.", dns.TypeA, replay("x.wild.nsec3.org.", "x.wild.nsec3.org.", dns.TypeA, nothing), bogus, dnssec.CodeNoWildcard},
		{"0414-alias", "an alias made from a wildcard", "x.walias.example.org.", dns.TypeA, nil, secure, ""},
		{"0415-alias-over-name", "the same replayed over a name that exists", "named.walias.example.org.", dns.TypeA, answering("named.walias.example.org.", dns.TypeA, func(f *forger, m *dns.Msg) {
			honest := f.ask("x.walias.example.org.", dns.TypeCNAME)
			m.Answer = append(renamed(honest.Answer, "named.walias.example.org."), f.ask(leaf, dns.TypeA).Answer...)
			m.Ns = honest.Ns
		}), bogus, dnssec.CodeNoWildcard},
		{"0416-optout-over-name", "a wildcard and its opt-out span replayed over a name that exists", "named.wild.optout.org.", dns.TypeA, replay("named.wild.optout.org.", "x.wild.optout.org.", dns.TypeA, same), bogus, dnssec.CodeNoWildcard},
		{"0417-over-cut", "the parent's wildcard over a name of its child, with the delegation's NSEC as the proof", "www.child.example.org.", dns.TypeA, answering("www.child.example.org.", dns.TypeA, func(f *forger, m *dns.Msg) {
			set := f.rrs("*.example.org. 300 IN A 192.0.2.66")
			sig := f.sign("example.org.", set)
			sig.Hdr.Name = "www.child.example.org."
			span := f.rrs("child.example.org. 300 IN NSEC d.example.org. NS DS RRSIG NSEC")
			m.Answer = append(renamed(set, "www.child.example.org."), sig)
			m.Ns = append(span, f.sign("example.org.", span))
		}), bogus, ""},
	}
}

// aliasForgeries: CNAME and DNAME (pitfall 13).
func aliasForgeries() []forgery {
	return []forgery{
		{"0501-cname", "an alias within the zone", "alias.example.org.", dns.TypeA, nil, secure, ""},
		{"0502-cname-away", "an alias to another secure zone", "away.example.org.", dns.TypeA, nil, secure, ""},
		{"0503-cname-insecure", "an alias to an unsigned zone: the worst link counts", "unsafe.example.org.", dns.TypeA, nil, dnssec.Insecure, dnssec.CodeUnsigned},
		{"0504-cname-forged", "an unsigned alias in a signed zone", "alias.example.org.", dns.TypeA, answering("alias.example.org.", dns.TypeA, func(f *forger, m *dns.Msg) {
			m.Answer = append(f.rrs("alias.example.org. 300 IN CNAME www.other.org."), f.ask("www.other.org.", dns.TypeA).Answer...)
		}), bogus, dnssec.CodeNoSignature},
		{"0505-target-forged", "a good alias to a forged address", "away.example.org.", dns.TypeA, func(_ *forger, q dns.Question, m *dns.Msg) {
			if q.Qtype == dns.TypeA {
				setOf(m.Answer, "www.other.org.", dns.TypeA)[0].(*dns.A).A[3] ^= 1
			}
		}, bogus, dnssec.CodeBadSignature},
		{"0506-dname", "a DNAME and the alias it makes: RFC 6672, 3.1", "www.d.example.org.", dns.TypeA, nil, secure, ""},
		{"0507-dname-cname-other", "a DNAME with an alias that it does not make", "www.d.example.org.", dns.TypeA, answering("www.d.example.org.", dns.TypeA, func(f *forger, m *dns.Msg) {
			m.Answer = put(m.Answer, f.rrs("www.d.example.org. 300 IN CNAME www.ample.org."))
			m.Answer = append(m.Answer, f.ask("www.ample.org.", dns.TypeA).Answer...)
		}), bogus, dnssec.CodeBadAlias},
		{"0508-dname-alone", "a DNAME without the alias: it is made here", "www.d.example.org.", dns.TypeA, answering("www.d.example.org.", dns.TypeA, func(_ *forger, m *dns.Msg) {
			m.Answer = without(m.Answer, "www.d.example.org.", dns.TypeCNAME)
		}), secure, ""},
		{"0509-two-cnames", "two aliases at one name", "alias.example.org.", dns.TypeA, answering("alias.example.org.", dns.TypeA, func(f *forger, m *dns.Msg) {
			m.Answer = append(m.Answer, f.rr("alias.example.org. 300 IN CNAME www.other.org."))
		}), bogus, dnssec.CodeBadAlias},
		{"0510-loop", "aliases in a circle", "loop.example.org.", dns.TypeA, answering("loop.example.org.", dns.TypeA, func(f *forger, m *dns.Msg) {
			m.Rcode = 0
			m.Answer = append(f.ask("loop.example.org.", dns.TypeCNAME).Answer, f.ask("loop2.example.org.", dns.TypeCNAME).Answer...)
		}), dnssec.Indeterminate, dnssec.CodeAliasLoop},
		{"0511-dname-above-anchor", "a DNAME in the unsigned zone above a trust anchor", leaf, dns.TypeA, both(
			answering("org.", dns.TypeDS, func(f *forger, m *dns.Msg) {
				set := f.rrs("org. 300 IN NSEC . NS RRSIG NSEC")
				m.Answer, m.Ns = nil, append(set, f.sign(".", set))
			}),
			answering(leaf, dns.TypeA, func(f *forger, m *dns.Msg) {
				m.Answer = f.rrs("org. 300 IN DNAME evil.", "www.example.org. 300 IN CNAME www.example.evil.", "www.example.evil. 300 IN A 192.0.2.66")
			})), bogus, dnssec.CodeBadAlias},
		{"0512-dname-unsigned", "a DNAME without signature in a signed zone", "www.d.example.org.", dns.TypeA, answering("www.d.example.org.", dns.TypeA, func(_ *forger, m *dns.Msg) {
			m.Answer = unsigned(m.Answer, "d.example.org.", dns.TypeDNAME)
		}), bogus, dnssec.CodeNoSignature},
		{"0513-target-denied", "a good alias whose target is denied by the alias's zone", "away.example.org.", dns.TypeA, both(
			answering("away.example.org.", dns.TypeA, func(f *forger, m *dns.Msg) {
				m.Answer, m.Ns = f.ask("away.example.org.", dns.TypeCNAME).Answer, f.ask("no.example.org.", dns.TypeA).Ns
			}),
			answering("www.other.org.", dns.TypeA, func(f *forger, m *dns.Msg) {
				m.Answer, m.Ns = nil, f.ask("no.example.org.", dns.TypeA).Ns
			})), bogus, dnssec.CodeNoDenial},
	}
}
