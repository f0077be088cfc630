package dnssec_test

import (
	"fmt"
	"strings"

	"github.com/miekg/dns"

	"dnseal/lookup/dnssec"
)

// hashOf is the first label of a name's NSEC3 in nsec3.org, step away from it.
func hashOf(name string, step int) string {
	raw, err := base32Hex.DecodeString(dns.HashName(name, dns.SHA1, 0, "beef"))
	if err != nil {
		panic(err)
	}
	raw[19] += byte(step)
	return base32Hex.EncodeToString(raw)
}

// denial3Forgeries: absence by NSEC3 (pitfalls 5, 6 and 7).
func denial3Forgeries() []forgery {
	const zone, www = "nsec3.org.", "www.nsec3.org."
	record := func(name string, span int, parameters, types string) string {
		return fmt.Sprintf("%s.nsec3.org. 300 IN NSEC3 %s %s %s", hashOf(name, -span), parameters, hashOf(name, max(span, 1)), types)
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
		{"0701-nodata3", "NODATA: RFC 5155, 8.5", www, dns.TypeTXT, nil, secure, ""},
		{"0702-nxdomain3", "NXDOMAIN: RFC 5155, 8.4", "no.no.nsec3.org.", dns.TypeA, nil, secure, ""},
		{"0703-ent3", "an empty non-terminal has an NSEC3 without types", "ent.nsec3.org.", dns.TypeA, nil, secure, ""},
		{"0704-wildcard-nodata3", "the wildcard has no such type: RFC 5155, 8.7", "x.wild.nsec3.org.", dns.TypeAAAA, nil, secure, ""},
		{"0705-narrow", "NSEC3 that cover one hash each", "no.nsec3.org.", dns.TypeA, denied("no.nsec3.org.", dns.TypeA, 3, zone, apex, cover("no.nsec3.org."), cover("*.nsec3.org.")), secure, ""},
		{"0706-no-encloser", "the closest encloser is not matched: RFC 5155, 8.3", "no.nsec3.org.", dns.TypeA, denied("no.nsec3.org.", dns.TypeA, 3, zone, cover("no.nsec3.org."), cover("*.nsec3.org.")), bogus, dnssec.CodeBadDenial},
		{"0707-no-next-closer", "the next closer name is not covered", "no.nsec3.org.", dns.TypeA, denied("no.nsec3.org.", dns.TypeA, 3, zone, apex, cover("*.nsec3.org.")), bogus, dnssec.CodeBadDenial},
		{"0708-no-wildcard3", "the wildcard is not covered", "no.nsec3.org.", dns.TypeA, denied("no.nsec3.org.", dns.TypeA, 3, zone, apex, cover("no.nsec3.org.")), bogus, dnssec.CodeBadDenial},
		{"0709-mixed", "records that differ in iterations: RFC 5155, 8.2", "no.nsec3.org.", dns.TypeA, denied("no.nsec3.org.", dns.TypeA, 3, zone, apex, cover("no.nsec3.org."), record("*.nsec3.org.", 1, "1 0 1 BEEF", "")), bogus, dnssec.CodeBadDenial},
		{"0710-unknown-flags", "unknown flags: the record is ignored, RFC 5155, 8.2", "no.nsec3.org.", dns.TypeA, denied("no.nsec3.org.", dns.TypeA, 3, zone, apex, cover("no.nsec3.org."), record("*.nsec3.org.", 1, "1 2 0 BEEF", "")), bogus, dnssec.CodeBadDenial},
		{"0711-unknown-hash", "an unknown hash: the record is ignored, RFC 5155, 8.1", "no.nsec3.org.", dns.TypeA, denied("no.nsec3.org.", dns.TypeA, 3, zone, apex, cover("no.nsec3.org."), record("*.nsec3.org.", 1, "2 0 0 BEEF", "")), bogus, dnssec.CodeBadDenial},
		{"0712-delegation3", "the encloser is a delegation: RFC 6840, 4.1", "www.child.nsec3.org.", dns.TypeA, denied("www.child.nsec3.org.", dns.TypeA, 3, zone, match("child.nsec3.org.", "NS DS RRSIG"), cover("www.child.nsec3.org."), cover("*.child.nsec3.org.")), bogus, dnssec.CodeNoDenial},
		{"0724-delegation3-unknown", "the same for a delegation that was not asked about before", "www._sub.nsec3.org.", dns.TypeA, denied("www._sub.nsec3.org.", dns.TypeA, 3, zone, match("_sub.nsec3.org.", "NS RRSIG"), cover("www._sub.nsec3.org."), cover("*._sub.nsec3.org.")), bogus, dnssec.CodeBadDenial},
		{"0725-grandparent-ds", "the parent's parent signs a DS below its delegation: RFC 4035, 5.3.1", "www.child.nsec3.org.", dns.TypeA, answering("child.nsec3.org.", dns.TypeDS, func(f *forger, m *dns.Msg) {
			set := setOf(m.Answer, "child.nsec3.org.", dns.TypeDS)
			m.Answer = put(m.Answer, set, f.sign("org.", set))
		}), bogus, dnssec.CodeSigner},
		{"0726-grandparent-leaf", "the same for the leaf", www, dns.TypeA, answering(www, dns.TypeA, func(f *forger, m *dns.Msg) {
			set := setOf(m.Answer, www, dns.TypeA)
			m.Answer = put(m.Answer, set, f.sign("org.", set))
		}), bogus, dnssec.CodeSigner},
		{"0713-type-there3", "the NSEC3 lists the type", www, dns.TypeA, denied(www, dns.TypeA, 0, zone, match(www, "A RRSIG")), bogus, dnssec.CodeBadDenial},
		{"0714-child-denies-ds3", "the child's own NSEC3 knows nothing of its DS", www, dns.TypeA, answering(zone, dns.TypeDS, func(f *forger, m *dns.Msg) {
			m.Answer, m.Ns = nil, f.ask(zone, dns.TypeTXT).Ns
		}), bogus, ""},
		{"0715-optout-nodata", "opt-out and NODATA of a delegation's DS: RFC 5155, 8.6", "island.optout.org.", dns.TypeDS, nil, dnssec.Insecure, dnssec.CodeOptOut},
		{"0716-optout-nxdomain", "NXDOMAIN in an opt-out span: RFC 5155, 9.2", "no.optout.org.", dns.TypeA, nil, dnssec.Insecure, dnssec.CodeOptOut},
		{"0717-iterations", "51 iterations: insecure, RFC 9276, 3.2", "no.iterated.org.", dns.TypeA, nil, dnssec.Insecure, dnssec.CodeIterations},
		{"0718-iterations-forged", "51 iterations that nobody signed must not make a zone insecure", "no.nsec3.org.", dns.TypeA, answering("no.nsec3.org.", dns.TypeA, func(f *forger, m *dns.Msg) {
			for _, rr := range m.Ns {
				if n, ok := rr.(*dns.NSEC3); ok {
					n.Iterations = 51
				}
			}
		}), bogus, dnssec.CodeBadSignature},
		{"0719-iterations-ds-forged", "the same at a delegation", www, dns.TypeA, answering(zone, dns.TypeDS, func(f *forger, m *dns.Msg) {
			m.Answer, m.Ns = nil, f.rrs("0123456789abcdefghijklmnopqrstuv.org. 300 IN NSEC3 1 1 100 - 1123456789abcdefghijklmnopqrstuv NS")
			sig := f.sign("ample.org.", m.Ns)
			sig.SignerName = "org."
			m.Ns = append(m.Ns, sig)
		}), bogus, ""},
		{"0720-iterations-many", "501 iterations: bogus", "no.ground.org.", dns.TypeA, nil, bogus, dnssec.CodeIterations},
		{"0721-iterations-positive", "iterations do not matter to a positive answer", "www.ground.org.", dns.TypeA, nil, secure, ""},
		{"0722-hash-case", "hashes in any case: RFC 5155, 3", "no.nsec3.org.", dns.TypeA, answering("no.nsec3.org.", dns.TypeA, func(_ *forger, m *dns.Msg) {
			for _, rr := range m.Ns {
				if strings.HasSuffix(rr.Header().Name, ".nsec3.org.") {
					rr.Header().Name = strings.ToUpper(rr.Header().Name)
				}
			}
		}), secure, ""},
		{"0727-other-encloser3", "the wildcard of a name further up than the closest encloser", "x.wild.nsec3.org.", dns.TypeAAAA, denied("x.wild.nsec3.org.", dns.TypeAAAA, 0, zone, apex, cover("x.wild.nsec3.org."), match("*.nsec3.org.", "TXT RRSIG")), bogus, dnssec.CodeBadDenial},
		{"0728-deeper-cover", "the name is covered, but not the next closer name", "no.no.nsec3.org.", dns.TypeA, denied("no.no.nsec3.org.", dns.TypeA, 3, zone, apex, cover("no.no.nsec3.org."), cover("*.nsec3.org.")), bogus, dnssec.CodeBadDenial},
		{"0729-iterations-below", "51 iterations do not matter to a positive answer below an empty non-terminal either", "a.b.iterated.org.", dns.TypeA, nil, secure, ""},
		{"0723-other-zone", "the denial of another zone", "no.nsec3.org.", dns.TypeA, answering("no.nsec3.org.", dns.TypeA, func(f *forger, m *dns.Msg) {
			m.Ns = f.ask("no.optout.org.", dns.TypeA).Ns
		}), bogus, ""},
	}
}
