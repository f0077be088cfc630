package dnssec_test

import (
	"fmt"
	"strings"
	"time"

	"github.com/miekg/dns"

	"dnseal/lookup/dnssec"
)

// delegationForgeries: what makes a zone insecure, and what only pretends to (pitfalls 2 and 8).
func delegationForgeries() []forgery {
	digest := strings.Repeat("ab", 32)
	with := func(texts ...string) func(*forger) []string { return func(*forger) []string { return texts } }
	real := func(f *forger) string {
		k, _, _ := f.s.Key("example.org.")
		return k.ToDS(dns.SHA256).String()
	}
	small := func(algorithm uint8, bits int) func(*forger, dns.Question, *dns.Msg) {
		key := func(f *forger) spareKey {
			return f.spare(fmt.Sprint(algorithm, bits), "example.org.", algorithm, 257, bits)
		}
		return both(
			dsOf("example.org.", func(f *forger) []string { return []string{key(f).record.ToDS(dns.SHA256).String()} }),
			func(f *forger, q dns.Question, m *dns.Msg) {
				if q.Name == "example.org." && q.Qtype == dns.TypeDNSKEY {
					set := []dns.RR{key(f).record}
					m.Answer = put(nil, set, f.signBy(key(f), set))
				}
			},
		)
	}
	return []forgery{
		{"0301-stripped", "no signature does not mean insecure: RFC 4035, 5.2", leaf, dns.TypeA, answering(leaf, dns.TypeA, func(_ *forger, m *dns.Msg) {
			m.Answer = unsigned(m.Answer, leaf, dns.TypeA)
		}), nil, time.Time{}, bogus, dnssec.CodeNoSignature},
		{"0302-stripped-denial", "the same for a negative answer", leaf, dns.TypeAAAA, answering(leaf, dns.TypeAAAA, func(_ *forger, m *dns.Msg) { m.Ns = m.Ns[:1] }), nil, time.Time{}, bogus, dnssec.CodeNoDenial},
		{"0303-all-stripped", "nothing below the root's keys comes with signatures", leaf, dns.TypeA, func(_ *forger, q dns.Question, m *dns.Msg) {
			if q.Name != "." {
				m.Answer, m.Ns = unsignedAll(m.Answer), unsignedAll(m.Ns)
			}
		}, nil, time.Time{}, bogus, ""},
		{"0304-no-ds", "a DS answer that is empty proves nothing", leaf, dns.TypeA, both(
			answering("example.org.", dns.TypeDS, func(_ *forger, m *dns.Msg) { m.Answer = nil }),
			answering(leaf, dns.TypeA, func(_ *forger, m *dns.Msg) { m.Answer = unsigned(m.Answer, leaf, dns.TypeA) })), nil, time.Time{}, bogus, dnssec.CodeNoDenial},
		{"0305-island", "NSEC proves that there is no DS: RFC 4035, 5.2", "www.island.org.", dns.TypeA, nil, nil, time.Time{}, dnssec.Insecure, dnssec.CodeUnsigned},
		{"0306-island3", "NSEC3 proves it", "www.island.nsec3.org.", dns.TypeA, nil, nil, time.Time{}, dnssec.Insecure, dnssec.CodeUnsigned},
		{"0307-optout", "an opt-out span leaves it open: RFC 5155, 8.6", "www.island.optout.org.", dns.TypeA, nil, nil, time.Time{}, dnssec.Insecure, dnssec.CodeOptOut},
		{"0308-ds-denied", "the NSEC that denies the DS lists it", leaf, dns.TypeA, answering("example.org.", dns.TypeDS, func(f *forger, m *dns.Msg) {
			set := f.rrs("example.org. 300 IN NSEC ground.org. NS DS RRSIG NSEC")
			m.Answer = nil
			m.Ns = []dns.RR{set[0], f.sign("org.", set)}
		}), nil, time.Time{}, bogus, dnssec.CodeBadDenial},
		{"0309-child-denies-ds", "the child's own NSEC knows nothing of its DS: RFC 6840, 4.4", leaf, dns.TypeA, answering("example.org.", dns.TypeDS, func(f *forger, m *dns.Msg) {
			m.Answer = nil
			m.Ns = f.ask("example.org.", dns.TypeTXT).Ns
		}), nil, time.Time{}, bogus, ""},
		{"0310-ds-by-child", "the DS is signed by the child", leaf, dns.TypeA, answering("example.org.", dns.TypeDS, func(f *forger, m *dns.Msg) {
			set := setOf(m.Answer, "example.org.", dns.TypeDS)
			m.Answer = put(m.Answer, set, f.sign("example.org.", set))
		}), nil, time.Time{}, bogus, ""},
		{"0311-unknown-algorithm", "all DS name an algorithm we do not have: RFC 4035, 5.2", leaf, dns.TypeA, dsOf("example.org.", with("example.org. 300 IN DS 1 16 2 "+digest, "example.org. 300 IN DS 2 200 2 "+digest)), nil, time.Time{}, dnssec.Insecure, dnssec.CodeUnsupported},
		{"0312-unknown-digest", "all DS have a digest we do not have", leaf, dns.TypeA, dsOf("example.org.", with("example.org. 300 IN DS 1 13 99 "+digest)), nil, time.Time{}, dnssec.Insecure, dnssec.CodeUnsupported},
		{"0313-one-supported", "one DS that we have and that fits nothing", leaf, dns.TypeA, dsOf("example.org.", with("example.org. 300 IN DS 1 16 2 "+digest, "example.org. 300 IN DS 2 13 2 "+digest)), nil, time.Time{}, bogus, dnssec.CodeNoKey},
		{"0314-one-fits", "one DS that fits beside one that does not", leaf, dns.TypeA, dsOf("example.org.", func(f *forger) []string {
			return []string{"example.org. 300 IN DS 2 13 2 " + digest, real(f)}
		}), nil, time.Time{}, secure, ""},
		{"0315-sha1-ds", "SHA-1 digests alone: RFC 9905", leaf, dns.TypeA, dsOf("example.org.", func(f *forger) []string {
			k, _, _ := f.s.Key("example.org.")
			return []string{k.ToDS(dns.SHA1).String()}
		}), nil, time.Time{}, dnssec.Insecure, dnssec.CodeUnsupported},
		{"0316-sha384-ds", "digest 4", leaf, dns.TypeA, dsOf("example.org.", func(f *forger) []string {
			k, _, _ := f.s.Key("example.org.")
			return []string{k.ToDS(dns.SHA384).String()}
		}), nil, time.Time{}, secure, ""},
		{"0317-rsasha1", "algorithm 7 alone: RFC 9905", leaf, dns.TypeA, small(dns.RSASHA1NSEC3SHA1, 1024), nil, time.Time{}, dnssec.Insecure, dnssec.CodeUnsupported},
		{"0318-rsa-512", "an RSA key of 512 bits is none", leaf, dns.TypeA, small(dns.RSASHA256, 512), nil, time.Time{}, dnssec.Insecure, dnssec.CodeUnusableKeys},
		{"0319-rsa-512-and-stripped", "the same beside a DS whose key was taken away", leaf, dns.TypeA, func(f *forger, q dns.Question, m *dns.Msg) {
			small(dns.RSASHA256, 512)(f, q, m)
			if q.Name == "example.org." && q.Qtype == dns.TypeDS {
				set := append(setOf(m.Answer, "example.org.", dns.TypeDS), f.rr(real(f)))
				m.Answer = put(m.Answer, set, f.sign("org.", set))
			}
		}, nil, time.Time{}, bogus, dnssec.CodeNoKey},
		{"0320-silent-ancestor", "the DS cannot be had: temporary, not insecure", leaf, dns.TypeA, answering("example.org.", dns.TypeDS, func(_ *forger, m *dns.Msg) {
			m.Answer, m.Rcode = nil, dns.RcodeServerFailure
		}), nil, time.Time{}, dnssec.Indeterminate, dnssec.CodeServfail},
		{"0321-refused", "a resolver that refuses", leaf, dns.TypeA, answering(leaf, dns.TypeA, func(_ *forger, m *dns.Msg) {
			m.Answer, m.Rcode = nil, dns.RcodeRefused
		}), nil, time.Time{}, dnssec.Indeterminate, dnssec.CodeRefused},
	}
}

func unsignedAll(section []dns.RR) []dns.RR {
	var out []dns.RR
	for _, rr := range section {
		if t := rr.Header().Rrtype; t != dns.TypeRRSIG && t != dns.TypeNSEC && t != dns.TypeNSEC3 {
			out = append(out, rr)
		}
	}
	return out
}

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
		{"0401-wildcard", "a wildcard with its proof: RFC 4035, 5.3.4", "x.y.wild.example.org.", dns.TypeA, nil, nil, time.Time{}, secure, ""},
		{"0402-wildcard3", "the same by NSEC3: RFC 5155, 8.8", "x.y.wild.nsec3.org.", dns.TypeA, nil, nil, time.Time{}, secure, ""},
		{"0403-wildcard-optout", "an opt-out span may hide a delegation: RFC 5155, 9.2", "x.wild.optout.org.", dns.TypeA, nil, nil, time.Time{}, dnssec.Insecure, dnssec.CodeOptOut},
		{"0404-wildcard-itself", "the wildcard asked for by its name", "*.wild.example.org.", dns.TypeA, nil, nil, time.Time{}, secure, ""},
		{"0405-no-proof", "a wildcard without proof", "x.wild.example.org.", dns.TypeA, answering("x.wild.example.org.", dns.TypeA, func(_ *forger, m *dns.Msg) { m.Ns = nil }), nil, time.Time{}, bogus, dnssec.CodeNoWildcard},
		{"0406-over-name", "the wildcard replayed over a name that exists", named, dns.TypeA, replay(named, "x.wild.example.org.", dns.TypeA, same), nil, time.Time{}, bogus, dnssec.CodeNoWildcard},
		{"0407-over-name3", "the same by NSEC3", "named.wild.nsec3.org.", dns.TypeA, replay("named.wild.nsec3.org.", "x.wild.nsec3.org.", dns.TypeA, same), nil, time.Time{}, bogus, dnssec.CodeNoWildcard},
		{"0408-over-person", "the attack on mail: *._smimecert over alice", "alice._smimecert.example.org.", dns.TypeSMIMEA, replay("alice._smimecert.example.org.", "zoe._smimecert.example.org.", dns.TypeSMIMEA, same), nil, time.Time{}, bogus, dnssec.CodeNoWildcard},
		{"0409-next-closer", "the name is proven absent, but not the next closer name, which is an empty non-terminal", "x.named2.wild.example.org.", dns.TypeA, replay("x.named2.wild.example.org.", "x.wild.example.org.", dns.TypeA, func(f *forger, _ *dns.Msg) []dns.RR {
			return f.ask("x.named2.wild.example.org.", dns.TypeTXT).Ns
		}), nil, time.Time{}, bogus, dnssec.CodeNoWildcard},
		{"0410-next-closer3", "the same by NSEC3", "x.named2.wild.nsec3.org.", dns.TypeA, replay("x.named2.wild.nsec3.org.", "x.wild.nsec3.org.", dns.TypeA, func(f *forger, _ *dns.Msg) []dns.RR {
			return f.ask("x.named2.wild.nsec3.org.", dns.TypeTXT).Ns
		}), nil, time.Time{}, bogus, dnssec.CodeNoWildcard},
		{"0411-expanded-nsec", "a denial made from a wildcard: CVE-2017-15105", named, dns.TypeA, answering(named, dns.TypeA, func(f *forger, m *dns.Msg) {
			set := f.rrs("*.wild.example.org. 300 IN NSEC named.wild.example.org. TXT RRSIG NSEC")
			sig := f.sign("example.org.", set)
			sig.Hdr.Name = named
			m.Answer, m.Ns = nil, append(f.ask("example.org.", dns.TypeSOA).Answer, append(renamed(set, named), sig)...)
		}), nil, time.Time{}, bogus, dnssec.CodeBadDenial},
		{"0412-wildcard-dname", "a DNAME made from a wildcard: RFC 6672, 3.3", "a.b.dd.example.org.", dns.TypeA, answering("a.b.dd.example.org.", dns.TypeA, func(f *forger, m *dns.Msg) {
			set := f.rrs("*.dd.example.org. 300 IN DNAME other.org.")
			sig := f.sign("example.org.", set)
			sig.Hdr.Name = "b.dd.example.org."
			honest := f.ask("www.other.org.", dns.TypeA)
			m.Rcode = 0
			m.Answer = append(renamed(set, "b.dd.example.org."), sig, f.rr("a.b.dd.example.org. 300 IN CNAME a.other.org."))
			m.Answer = append(m.Answer, honest.Answer...)
		}), nil, time.Time{}, bogus, ""},
		{"0413-wildcard-none", "no proof at all, by NSEC3", "x.wild.nsec3.org.", dns.TypeA, replay("x.wild.nsec3.org.", "x.wild.nsec3.org.", dns.TypeA, nothing), nil, time.Time{}, bogus, dnssec.CodeNoWildcard},
	}
}

// aliasForgeries: CNAME and DNAME (pitfall 13).
func aliasForgeries() []forgery {
	return []forgery{
		{"0501-cname", "an alias within the zone", "alias.example.org.", dns.TypeA, nil, nil, time.Time{}, secure, ""},
		{"0502-cname-away", "an alias to another secure zone", "away.example.org.", dns.TypeA, nil, nil, time.Time{}, secure, ""},
		{"0503-cname-insecure", "an alias to an unsigned zone: the worst link counts", "unsafe.example.org.", dns.TypeA, nil, nil, time.Time{}, dnssec.Insecure, dnssec.CodeUnsigned},
		{"0504-cname-forged", "an unsigned alias in a signed zone", "alias.example.org.", dns.TypeA, answering("alias.example.org.", dns.TypeA, func(f *forger, m *dns.Msg) {
			m.Answer = append(f.rrs("alias.example.org. 300 IN CNAME www.other.org."), f.ask("www.other.org.", dns.TypeA).Answer...)
		}), nil, time.Time{}, bogus, dnssec.CodeNoSignature},
		{"0505-target-forged", "a good alias to a forged address", "away.example.org.", dns.TypeA, func(_ *forger, q dns.Question, m *dns.Msg) {
			if q.Qtype == dns.TypeA {
				setOf(m.Answer, "www.other.org.", dns.TypeA)[0].(*dns.A).A[3] ^= 1
			}
		}, nil, time.Time{}, bogus, dnssec.CodeBadSignature},
		{"0506-dname", "a DNAME and the alias it makes: RFC 6672, 3.1", "www.d.example.org.", dns.TypeA, nil, nil, time.Time{}, secure, ""},
		{"0507-dname-cname-other", "a DNAME with an alias that it does not make", "www.d.example.org.", dns.TypeA, answering("www.d.example.org.", dns.TypeA, func(f *forger, m *dns.Msg) {
			m.Answer = put(m.Answer, f.rrs("www.d.example.org. 300 IN CNAME www.ample.org."))
			m.Answer = append(m.Answer, f.ask("www.ample.org.", dns.TypeA).Answer...)
		}), nil, time.Time{}, bogus, dnssec.CodeBadAlias},
		{"0508-dname-alone", "a DNAME without the alias: it is made here", "www.d.example.org.", dns.TypeA, answering("www.d.example.org.", dns.TypeA, func(_ *forger, m *dns.Msg) {
			m.Answer = without(m.Answer, "www.d.example.org.", dns.TypeCNAME)
		}), nil, time.Time{}, secure, ""},
		{"0509-two-cnames", "two aliases at one name", "alias.example.org.", dns.TypeA, answering("alias.example.org.", dns.TypeA, func(f *forger, m *dns.Msg) {
			m.Answer = append(m.Answer, f.rr("alias.example.org. 300 IN CNAME www.other.org."))
		}), nil, time.Time{}, bogus, dnssec.CodeBadAlias},
		{"0510-loop", "aliases in a circle", "loop.example.org.", dns.TypeA, answering("loop.example.org.", dns.TypeA, func(f *forger, m *dns.Msg) {
			m.Rcode = 0
			m.Answer = append(f.ask("loop.example.org.", dns.TypeCNAME).Answer, f.ask("loop2.example.org.", dns.TypeCNAME).Answer...)
		}), nil, time.Time{}, dnssec.Indeterminate, dnssec.CodeAliasLoop},
	}
}

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
		{"0601-nodata", "NODATA: RFC 4035, 5.4", leaf, dns.TypeTXT, nil, nil, time.Time{}, secure, ""},
		{"0602-nxdomain", "NXDOMAIN: RFC 4035, 5.4", "no.no.example.org.", dns.TypeA, nil, nil, time.Time{}, secure, ""},
		{"0603-ent", "an empty non-terminal has no type at all", "ent.example.org.", dns.TypeA, nil, nil, time.Time{}, secure, ""},
		{"0604-wildcard-nodata", "the wildcard has no such type", "x.wild.example.org.", dns.TypeAAAA, nil, nil, time.Time{}, secure, ""},
		{"0605-type-there", "the NSEC lists the type: RFC 4035, 5.4", leaf, dns.TypeA, denied(leaf, dns.TypeA, 0, zone, "www.example.org. 300 IN NSEC www2.example.org. A RRSIG NSEC"), nil, time.Time{}, bogus, dnssec.CodeBadDenial},
		{"0606-cname-there", "the NSEC lists a CNAME: RFC 6840, 4.3", leaf, dns.TypeA, denied(leaf, dns.TypeA, 0, zone, "www.example.org. 300 IN NSEC www2.example.org. CNAME RRSIG NSEC"), nil, time.Time{}, bogus, dnssec.CodeBadDenial},
		{"0607-parent-side", "the parent's NSEC of the delegation denies a name below it: RFC 6840, 4.1", leaf, dns.TypeA, denied(leaf, dns.TypeA, 3, "org.", "example.org. 300 IN NSEC ground.org. NS DS RRSIG NSEC"), nil, time.Time{}, bogus, dnssec.CodeNoDenial},
		{"0625-parent-side-unknown", "the same for a delegation that was not asked about before", "www._sub.example.org.", dns.TypeA, denied("www._sub.example.org.", dns.TypeA, 3, zone, "_sub.example.org. 300 IN NSEC a.example.org. NS RRSIG NSEC", "example.org. 300 IN NSEC _sub.example.org. NS SOA RRSIG NSEC DNSKEY"), nil, time.Time{}, bogus, dnssec.CodeBadDenial},
		{"0626-wildcard-skipped", "the NSEC that denies the wildcard passes over the encloser, which exists", "no.ent.example.org.", dns.TypeA, denied("no.ent.example.org.", dns.TypeA, 3, zone, "a.b.ent.example.org. 300 IN NSEC ns.example.org. A RRSIG NSEC", "d.example.org. 300 IN NSEC two.example.org. DNAME RRSIG NSEC"), nil, time.Time{}, bogus, dnssec.CodeBadDenial},
		{"0608-parent-side-apex", "the same denies a type at the apex", zone, dns.TypeSOA, denied(zone, dns.TypeSOA, 0, "org.", "example.org. 300 IN NSEC ground.org. NS DS RRSIG NSEC"), nil, time.Time{}, bogus, dnssec.CodeBadDenial},
		{"0609-below-dname", "the NSEC of a DNAME denies a name below it: RFC 6672, 5.3.4", "www.d.example.org.", dns.TypeA, denied("www.d.example.org.", dns.TypeA, 3, zone, "d.example.org. 300 IN NSEC ent.example.org. DNAME RRSIG NSEC", "example.org. 300 IN NSEC a.example.org. NS SOA RRSIG NSEC DNSKEY"), nil, time.Time{}, bogus, dnssec.CodeBadDenial},
		{"0610-no-wildcard-proof", "NXDOMAIN without the proof that there is no wildcard", "no.example.org.", dns.TypeA, denied("no.example.org.", dns.TypeA, 3, zone, "named.wild.example.org. 300 IN NSEC ns.example.org. A RRSIG NSEC", "nm.example.org. 300 IN NSEC ns.example.org. A RRSIG NSEC"), nil, time.Time{}, bogus, dnssec.CodeBadDenial},
		{"0611-other-span", "an NSEC that covers something else", "no.example.org.", dns.TypeA, denied("no.example.org.", dns.TypeA, 3, zone, "two.example.org. 300 IN NSEC unsafe.example.org. A RRSIG NSEC"), nil, time.Time{}, bogus, dnssec.CodeBadDenial},
		{"0612-bad-soa", "a good NSEC beside a bad SOA, which sets the life of the answer", leaf, dns.TypeTXT, answering(leaf, dns.TypeTXT, func(_ *forger, m *dns.Msg) {
			setOf(m.Ns, zone, dns.TypeSOA)[0].(*dns.SOA).Minttl = 1 << 30
		}), nil, time.Time{}, bogus, dnssec.CodeBadSignature},
		{"0613-no-soa", "an NSEC without SOA is enough: RFC 9077", leaf, dns.TypeTXT, answering(leaf, dns.TypeTXT, func(_ *forger, m *dns.Msg) { m.Ns = without(m.Ns, zone, dns.TypeSOA) }), nil, time.Time{}, secure, ""},
		{"0614-escapes", "names with octets that need escapes, in canonical order: RFC 4034, 6.1", "a\\000c.example.org.", dns.TypeA, nil, nil, time.Time{}, secure, ""},
		{"0615-escapes-there", "the same where the name exists", "a\\255Z.example.org.", dns.TypeA, nil, nil, time.Time{}, secure, ""},
		{"0616-last", "behind the last name of the zone", "zzz.example.org.", dns.TypeA, nil, nil, time.Time{}, secure, ""},
		{"0617-nxname", "compact denial, RFC 9824: the name does not exist", "no.example.org.", dns.TypeA, denied("no.example.org.", dns.TypeA, 0, zone, `no.example.org. 300 IN NSEC \000.no.example.org. RRSIG NSEC TYPE128`), nil, time.Time{}, secure, ""},
		{"0618-nxname-rcode", "the same with NXDOMAIN: RFC 9824, 5.1", "no.example.org.", dns.TypeA, denied("no.example.org.", dns.TypeA, 3, zone, `no.example.org. 300 IN NSEC \000.no.example.org. RRSIG NSEC TYPE128`), nil, time.Time{}, secure, ""},
		{"0619-white-lie", "minimally covering NSEC: RFC 4470", "no.example.org.", dns.TypeA, denied("no.example.org.", dns.TypeA, 3, zone, `nn~.example.org. 300 IN NSEC no\000.example.org. RRSIG NSEC`, `!~.example.org. 300 IN NSEC +.example.org. RRSIG NSEC`), nil, time.Time{}, secure, ""},
		{"0620-nxdomain-of-nodata", "the rcode is not signed: what is proven counts", leaf, dns.TypeTXT, answering(leaf, dns.TypeTXT, func(_ *forger, m *dns.Msg) { m.Rcode = dns.RcodeNameError }), nil, time.Time{}, secure, ""},
		{"0621-nodata-of-name", "an NXDOMAIN proof is none for a name that exists", leaf, dns.TypeA, answering(leaf, dns.TypeA, func(f *forger, m *dns.Msg) {
			honest := f.ask("no.example.org.", dns.TypeA)
			m.Rcode, m.Answer, m.Ns = 3, nil, honest.Ns
		}), nil, time.Time{}, bogus, dnssec.CodeBadDenial},
		{"0622-next-outside", "an NSEC whose next name is outside the zone", "zzz.example.org.", dns.TypeA, denied("zzz.example.org.", dns.TypeA, 0, zone, "www2.example.org. 300 IN NSEC x.zzz.example.org.other. A RRSIG NSEC"), nil, time.Time{}, bogus, ""},
		{"0623-sub-apex", "a name of the child, denied by the child", "no.child.example.org.", dns.TypeA, nil, nil, time.Time{}, secure, ""},
		{"0624-ds-of-child", "no DS at a name that is no delegation", leaf, dns.TypeDS, nil, nil, time.Time{}, secure, ""},
	}
}

// hashOf is the first label of a name's NSEC3 in nsec3.org, step away from it.
func hashOf(name string, step int) string {
	raw, _ := hexOfHash(dns.HashName(name, dns.SHA1, 0, "beef"))
	raw[19] += byte(step)
	return textOfHash(raw)
}

func hexOfHash(text string) ([]byte, error) {
	return base32Hex.DecodeString(text)
}

func textOfHash(raw []byte) string { return base32Hex.EncodeToString(raw) }

// denial3Forgeries: absence by NSEC3 (pitfalls 5, 6 and 7).
func denial3Forgeries() []forgery {
	const zone, www = "nsec3.org.", "www.nsec3.org."
	record := func(name string, span int, parameters, types string) string {
		return fmt.Sprintf("%s.nsec3.org. 300 IN NSEC3 %s %s %s", hashOf(name, -span), parameters, hashOf(name, span+boolInt(span == 0)), types)
	}
	denied := func(name string, qtype uint16, rcode int, signer string, texts ...string) func(*forger, dns.Question, *dns.Msg) {
		return answering(name, qtype, func(f *forger, m *dns.Msg) {
			m.Rcode, m.Answer, m.Ns = rcode, nil, f.ask(signer, dns.TypeSOA).Answer
			for _, rr := range f.rrs(texts...) {
				m.Ns = append(m.Ns, rr, f.sign(signer, []dns.RR{rr}))
			}
		})
	}
	match := func(name, types string) string { return record(name, 0, "1 0 0 BEEF", types) }
	cover := func(name string) string { return record(name, 1, "1 0 0 BEEF", "") }
	apex := match(zone, "NS SOA RRSIG DNSKEY NSEC3PARAM")
	return []forgery{
		{"0701-nodata3", "NODATA: RFC 5155, 8.5", www, dns.TypeTXT, nil, nil, time.Time{}, secure, ""},
		{"0702-nxdomain3", "NXDOMAIN: RFC 5155, 8.4", "no.no.nsec3.org.", dns.TypeA, nil, nil, time.Time{}, secure, ""},
		{"0703-ent3", "an empty non-terminal has an NSEC3 without types", "ent.nsec3.org.", dns.TypeA, nil, nil, time.Time{}, secure, ""},
		{"0704-wildcard-nodata3", "the wildcard has no such type: RFC 5155, 8.7", "x.wild.nsec3.org.", dns.TypeAAAA, nil, nil, time.Time{}, secure, ""},
		{"0705-narrow", "NSEC3 that cover one hash each", "no.nsec3.org.", dns.TypeA, denied("no.nsec3.org.", dns.TypeA, 3, zone, apex, cover("no.nsec3.org."), cover("*.nsec3.org.")), nil, time.Time{}, secure, ""},
		{"0706-no-encloser", "the closest encloser is not matched: RFC 5155, 8.3", "no.nsec3.org.", dns.TypeA, denied("no.nsec3.org.", dns.TypeA, 3, zone, cover("no.nsec3.org."), cover("*.nsec3.org.")), nil, time.Time{}, bogus, dnssec.CodeBadDenial},
		{"0707-no-next-closer", "the next closer name is not covered", "no.nsec3.org.", dns.TypeA, denied("no.nsec3.org.", dns.TypeA, 3, zone, apex, cover("*.nsec3.org.")), nil, time.Time{}, bogus, dnssec.CodeBadDenial},
		{"0708-no-wildcard3", "the wildcard is not covered", "no.nsec3.org.", dns.TypeA, denied("no.nsec3.org.", dns.TypeA, 3, zone, apex, cover("no.nsec3.org.")), nil, time.Time{}, bogus, dnssec.CodeBadDenial},
		{"0709-mixed", "records that differ in iterations: RFC 5155, 8.2", "no.nsec3.org.", dns.TypeA, denied("no.nsec3.org.", dns.TypeA, 3, zone, apex, cover("no.nsec3.org."), record("*.nsec3.org.", 1, "1 0 1 BEEF", "")), nil, time.Time{}, bogus, dnssec.CodeBadDenial},
		{"0710-unknown-flags", "unknown flags: the record is ignored, RFC 5155, 8.2", "no.nsec3.org.", dns.TypeA, denied("no.nsec3.org.", dns.TypeA, 3, zone, apex, cover("no.nsec3.org."), record("*.nsec3.org.", 1, "1 2 0 BEEF", "")), nil, time.Time{}, bogus, dnssec.CodeBadDenial},
		{"0711-unknown-hash", "an unknown hash: the record is ignored, RFC 5155, 8.1", "no.nsec3.org.", dns.TypeA, denied("no.nsec3.org.", dns.TypeA, 3, zone, apex, cover("no.nsec3.org."), record("*.nsec3.org.", 1, "2 0 0 BEEF", "")), nil, time.Time{}, bogus, dnssec.CodeBadDenial},
		{"0712-delegation3", "the encloser is a delegation: RFC 6840, 4.1", "www.child.nsec3.org.", dns.TypeA, denied("www.child.nsec3.org.", dns.TypeA, 3, zone, match("child.nsec3.org.", "NS DS RRSIG"), cover("www.child.nsec3.org."), cover("*.child.nsec3.org.")), nil, time.Time{}, bogus, dnssec.CodeNoDenial},
		{"0724-delegation3-unknown", "the same for a delegation that was not asked about before", "www._sub.nsec3.org.", dns.TypeA, denied("www._sub.nsec3.org.", dns.TypeA, 3, zone, match("_sub.nsec3.org.", "NS RRSIG"), cover("www._sub.nsec3.org."), cover("*._sub.nsec3.org.")), nil, time.Time{}, bogus, dnssec.CodeBadDenial},
		{"0725-grandparent-ds", "the parent's parent signs a DS below its delegation: RFC 4035, 5.3.1", "www.child.nsec3.org.", dns.TypeA, answering("child.nsec3.org.", dns.TypeDS, func(f *forger, m *dns.Msg) {
			set := setOf(m.Answer, "child.nsec3.org.", dns.TypeDS)
			m.Answer = put(m.Answer, set, f.sign("org.", set))
		}), nil, time.Time{}, bogus, dnssec.CodeSigner},
		{"0726-grandparent-leaf", "the same for the leaf", www, dns.TypeA, answering(www, dns.TypeA, func(f *forger, m *dns.Msg) {
			set := setOf(m.Answer, www, dns.TypeA)
			m.Answer = put(m.Answer, set, f.sign("org.", set))
		}), nil, time.Time{}, bogus, dnssec.CodeSigner},
		{"0713-type-there3", "the NSEC3 lists the type", www, dns.TypeA, denied(www, dns.TypeA, 0, zone, match(www, "A RRSIG")), nil, time.Time{}, bogus, dnssec.CodeBadDenial},
		{"0714-child-denies-ds3", "the child's own NSEC3 knows nothing of its DS", www, dns.TypeA, answering(zone, dns.TypeDS, func(f *forger, m *dns.Msg) {
			m.Answer, m.Ns = nil, f.ask(zone, dns.TypeTXT).Ns
		}), nil, time.Time{}, bogus, ""},
		{"0715-optout-nodata", "opt-out and NODATA of a delegation's DS: RFC 5155, 8.6", "island.optout.org.", dns.TypeDS, nil, nil, time.Time{}, dnssec.Insecure, dnssec.CodeOptOut},
		{"0716-optout-nxdomain", "NXDOMAIN in an opt-out span: RFC 5155, 9.2", "no.optout.org.", dns.TypeA, nil, nil, time.Time{}, dnssec.Insecure, dnssec.CodeOptOut},
		{"0717-iterations", "51 iterations: insecure, RFC 9276, 3.2", "no.iterated.org.", dns.TypeA, nil, nil, time.Time{}, dnssec.Insecure, dnssec.CodeIterations},
		{"0718-iterations-forged", "51 iterations that nobody signed must not make a zone insecure", "no.nsec3.org.", dns.TypeA, answering("no.nsec3.org.", dns.TypeA, func(f *forger, m *dns.Msg) {
			for _, rr := range m.Ns {
				if n, ok := rr.(*dns.NSEC3); ok {
					n.Iterations = 51
				}
			}
		}), nil, time.Time{}, bogus, dnssec.CodeBadSignature},
		{"0719-iterations-ds-forged", "the same at a delegation", www, dns.TypeA, answering(zone, dns.TypeDS, func(f *forger, m *dns.Msg) {
			m.Answer, m.Ns = nil, f.rrs("0123456789abcdefghijklmnopqrstuv.org. 300 IN NSEC3 1 1 100 - 1123456789abcdefghijklmnopqrstuv NS")
			sig := f.sign("ample.org.", m.Ns)
			sig.SignerName = "org."
			m.Ns = append(m.Ns, sig)
		}), nil, time.Time{}, bogus, ""},
		{"0720-iterations-many", "501 iterations: bogus", "no.ground.org.", dns.TypeA, nil, nil, time.Time{}, bogus, dnssec.CodeIterations},
		{"0721-iterations-positive", "iterations do not matter to a positive answer", "www.ground.org.", dns.TypeA, nil, nil, time.Time{}, secure, ""},
		{"0722-hash-case", "hashes in any case: RFC 5155, 3", "no.nsec3.org.", dns.TypeA, answering("no.nsec3.org.", dns.TypeA, func(_ *forger, m *dns.Msg) {
			for _, rr := range m.Ns {
				if strings.HasSuffix(rr.Header().Name, ".nsec3.org.") {
					rr.Header().Name = strings.ToUpper(rr.Header().Name)
				}
			}
		}), nil, time.Time{}, secure, ""},
		{"0723-other-zone", "the denial of another zone", "no.nsec3.org.", dns.TypeA, answering("no.nsec3.org.", dns.TypeA, func(f *forger, m *dns.Msg) {
			m.Ns = f.ask("no.optout.org.", dns.TypeA).Ns
		}), nil, time.Time{}, bogus, ""},
	}
}

// clockForgeries: a wrong clock is not a wrong zone (pitfall 17).
func clockForgeries() []forgery {
	return []forgery{
		{"0801-clock-ahead", "our clock is a year ahead", leaf, dns.TypeA, nil, nil, vectorTime.AddDate(1, 0, 0), dnssec.Indeterminate, dnssec.CodeClock},
		{"0802-clock-behind", "our clock is a year behind", leaf, dns.TypeA, nil, nil, vectorTime.AddDate(-1, 0, 0), dnssec.Indeterminate, dnssec.CodeClock},
		{"0803-root-expired", "only the root expired: that is not the clock", leaf, dns.TypeA, answering(".", dns.TypeDNSKEY, func(f *forger, m *dns.Msg) {
			set := setOf(m.Answer, ".", dns.TypeDNSKEY)
			m.Answer = put(m.Answer, set, f.sign(".", set, func(s *dns.RRSIG) { s.Expiration = s.Inception }))
		}), nil, time.Time{}, bogus, dnssec.CodeExpired},
	}
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

func forgeries() []forgery {
	var out []forgery
	for _, more := range [][]forgery{
		signatureForgeries(), keyForgeries(), delegationForgeries(), wildcardForgeries(), aliasForgeries(),
		denialForgeries(), denial3Forgeries(), clockForgeries(),
	} {
		out = append(out, more...)
	}
	return out
}
