package dnssec_test

import (
	"fmt"
	"strings"

	"github.com/miekg/dns"

	"dnseal/lookup/dnssec"
)

// noDigest is a SHA-256 digest of nothing that is published.
var noDigest = strings.Repeat("ab", 32)

// unsignedForgeries: what makes a zone insecure, and what only pretends to (pitfall 2).
func unsignedForgeries() []forgery {
	return []forgery{
		{"0301-stripped", "no signature does not mean insecure: RFC 4035, 5.2", leaf, dns.TypeA, answering(leaf, dns.TypeA, func(_ *forger, m *dns.Msg) {
			m.Answer = unsigned(m.Answer, leaf, dns.TypeA)
		}), bogus, dnssec.CodeNoSignature},
		{"0302-stripped-denial", "the same for a negative answer", leaf, dns.TypeAAAA, answering(leaf, dns.TypeAAAA, func(_ *forger, m *dns.Msg) { m.Ns = m.Ns[:1] }), bogus, dnssec.CodeNoDenial},
		{"0303-all-stripped", "nothing below the root's keys comes with signatures", leaf, dns.TypeA, func(_ *forger, q dns.Question, m *dns.Msg) {
			if q.Name != "." {
				m.Answer, m.Ns = unsignedAll(m.Answer), unsignedAll(m.Ns)
			}
		}, bogus, ""},
		{"0304-no-ds", "a DS answer that is empty proves nothing", leaf, dns.TypeA, both(
			answering("example.org.", dns.TypeDS, func(_ *forger, m *dns.Msg) { m.Answer = nil }),
			answering(leaf, dns.TypeA, func(_ *forger, m *dns.Msg) { m.Answer = unsigned(m.Answer, leaf, dns.TypeA) })), bogus, dnssec.CodeNoDenial},
		{"0334-root-signs-ds", "a zone does not sign its own DS, not even the root: RFC 4035, 2.4", ".", dns.TypeDS, answering(".", dns.TypeDS, func(f *forger, m *dns.Msg) {
			set := f.rrs(". 300 IN DS 1 13 2 " + noDigest)
			m.Rcode, m.Ns, m.Answer = 0, nil, put(nil, set, f.sign(".", set))
		}), bogus, dnssec.CodeSigner},
		{"0305-island", "NSEC proves that there is no DS: RFC 4035, 5.2", "www.island.org.", dns.TypeA, nil, dnssec.Insecure, dnssec.CodeUnsigned},
		{"0306-island3", "NSEC3 proves it", "www.island.nsec3.org.", dns.TypeA, nil, dnssec.Insecure, dnssec.CodeUnsigned},
		{"0307-optout", "an opt-out span leaves it open: RFC 5155, 8.6", "www.island.optout.org.", dns.TypeA, nil, dnssec.Insecure, dnssec.CodeOptOut},
		{"0308-ds-denied", "the NSEC that denies the DS lists it", leaf, dns.TypeA, answering("example.org.", dns.TypeDS, func(f *forger, m *dns.Msg) {
			set := f.rrs("example.org. 300 IN NSEC ground.org. NS DS RRSIG NSEC")
			m.Answer = nil
			m.Ns = []dns.RR{set[0], f.sign("org.", set)}
		}), bogus, dnssec.CodeBadDenial},
		{"0309-child-denies-ds", "the child's own NSEC knows nothing of its DS: RFC 6840, 4.4", leaf, dns.TypeA, answering("example.org.", dns.TypeDS, func(f *forger, m *dns.Msg) {
			m.Answer = nil
			m.Ns = f.ask("example.org.", dns.TypeTXT).Ns
		}), bogus, ""},
		{"0310-ds-by-child", "the DS is signed by the child", leaf, dns.TypeA, answering("example.org.", dns.TypeDS, func(f *forger, m *dns.Msg) {
			set := setOf(m.Answer, "example.org.", dns.TypeDS)
			m.Answer = put(m.Answer, set, f.sign("example.org.", set))
		}), bogus, ""},
	}
}

// unusableForgeries: DS records and keys that nothing can be verified with, and DS that cannot be
// had (pitfall 8).
func unusableForgeries() []forgery {
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
		{"0311-unknown-algorithm", "all DS name an algorithm we do not have: RFC 4035, 5.2", leaf, dns.TypeA, dsOf("example.org.", with("example.org. 300 IN DS 1 16 2 "+noDigest, "example.org. 300 IN DS 2 200 2 "+noDigest)), dnssec.Insecure, dnssec.CodeUnsupported},
		{"0312-unknown-digest", "all DS have a digest we do not have", leaf, dns.TypeA, dsOf("example.org.", with("example.org. 300 IN DS 1 13 99 "+noDigest)), dnssec.Insecure, dnssec.CodeUnsupported},
		{"0313-one-supported", "one DS that we have and that fits nothing", leaf, dns.TypeA, dsOf("example.org.", with("example.org. 300 IN DS 1 16 2 "+noDigest, "example.org. 300 IN DS 2 13 2 "+noDigest)), bogus, dnssec.CodeNoKey},
		{"0314-one-fits", "one DS that fits beside one that does not", leaf, dns.TypeA, dsOf("example.org.", func(f *forger) []string {
			return []string{"example.org. 300 IN DS 2 13 2 " + noDigest, real(f)}
		}), secure, ""},
		{"0315-sha1-ds", "SHA-1 digests alone: RFC 9905", leaf, dns.TypeA, dsOf("example.org.", func(f *forger) []string {
			k, _, _ := f.s.Key("example.org.")
			return []string{k.ToDS(dns.SHA1).String()}
		}), dnssec.Insecure, dnssec.CodeUnsupported},
		{"0316-sha384-ds", "digest 4", leaf, dns.TypeA, dsOf("example.org.", func(f *forger) []string {
			k, _, _ := f.s.Key("example.org.")
			return []string{k.ToDS(dns.SHA384).String()}
		}), secure, ""},
		{"0317-rsasha1", "algorithm 7 alone: RFC 9905", leaf, dns.TypeA, small(dns.RSASHA1NSEC3SHA1, 1024), dnssec.Insecure, dnssec.CodeUnsupported},
		{"0318-rsa-512", "an RSA key of 512 bits is none", leaf, dns.TypeA, small(dns.RSASHA256, 512), dnssec.Insecure, dnssec.CodeUnusableKeys},
		{"0319-rsa-512-and-stripped", "the same beside a DS whose key was taken away", leaf, dns.TypeA, func(f *forger, q dns.Question, m *dns.Msg) {
			small(dns.RSASHA256, 512)(f, q, m)
			if q.Name == "example.org." && q.Qtype == dns.TypeDS {
				set := append(setOf(m.Answer, "example.org.", dns.TypeDS), f.rr(real(f)))
				m.Answer = put(m.Answer, set, f.sign("org.", set))
			}
		}, bogus, dnssec.CodeNoKey},
		{"0320-silent-ancestor", "the DS cannot be had: temporary, not insecure", leaf, dns.TypeA, answering("example.org.", dns.TypeDS, func(_ *forger, m *dns.Msg) {
			m.Answer, m.Rcode = nil, dns.RcodeServerFailure
		}), dnssec.Indeterminate, dnssec.CodeServfail},
		{"0321-refused", "a resolver that refuses", leaf, dns.TypeA, answering(leaf, dns.TypeA, func(_ *forger, m *dns.Msg) {
			m.Answer, m.Rcode = nil, dns.RcodeRefused
		}), dnssec.Indeterminate, dnssec.CodeRefused},
	}
}

// cutForgeries: who signs what at a delegation, above it and below it.
func cutForgeries() []forgery {
	const inChild = "www.child.example.org."
	aboveCut := answering(inChild, dns.TypeA, func(f *forger, m *dns.Msg) {
		set := f.rrs(inChild + " 300 IN A 192.0.2.66")
		m.Answer = put(nil, set, f.sign("example.org.", set))
	})
	return []forgery{
		{"0322-above-cut", "the parent signs a name of its child: RFC 4035, 5.3.1", inChild, dns.TypeA, aboveCut, bogus, dnssec.CodeSigner},
		{"0323-above-broken-cut", "the same, with the child's keys taken away, though its DS proves the cut", inChild, dns.TypeA, both(aboveCut, answering("child.example.org.", dns.TypeDNSKEY, func(_ *forger, m *dns.Msg) {
			m.Answer = nil
		})), bogus, dnssec.CodeNoKey},
		{"0324-above-silent-cut", "the same, with the child's keys not to be had", inChild, dns.TypeA, both(aboveCut, answering("child.example.org.", dns.TypeDNSKEY, func(_ *forger, m *dns.Msg) {
			m.Answer, m.Rcode = nil, dns.RcodeServerFailure
		})), dnssec.Indeterminate, dnssec.CodeServfail},
		{"0325-before-cut", "the same, with the parent's proof that there is no delegation: as it was before there was one, and nobody can tell", inChild, dns.TypeA, both(aboveCut, answering("child.example.org.", dns.TypeDS, func(f *forger, m *dns.Msg) {
			set := f.rrs("away.example.org. 300 IN NSEC d.example.org. CNAME RRSIG NSEC")
			m.Answer, m.Ns = nil, append(set, f.sign("example.org.", set))
		})), secure, ""},
		{"0326-unasked-cut", "the parent signs a name below a label with an underscore, where no delegation is thought of", "alice._sub.example.org.", dns.TypeSMIMEA, answering("alice._sub.example.org.", dns.TypeSMIMEA, func(f *forger, m *dns.Msg) {
			set := f.rrs(`alice._sub.example.org. 300 IN TYPE53 \# 5 0301010666`)
			m.Rcode, m.Ns, m.Answer = 0, nil, put(nil, set, f.sign("example.org.", set))
		}), secure, ""},
		{"0327-ds-wildcard", "a DS made from a wildcard: RFC 4592, 4", leaf, dns.TypeA, answering("example.org.", dns.TypeDS, func(f *forger, m *dns.Msg) {
			set := f.rrs("*.org. 300 IN DS 1 16 2 " + noDigest)
			sig := f.sign("org.", set)
			sig.Hdr.Name = "example.org."
			m.Answer = put(nil, renamed(set, "example.org."), sig)
		}), bogus, dnssec.CodeNoWildcard},
		{"0328-dnskey-wildcard", "keys whose signature claims a wildcard above the zone", leaf, dns.TypeA, answering("example.org.", dns.TypeDNSKEY, func(f *forger, m *dns.Msg) {
			set := setOf(m.Answer, "example.org.", dns.TypeDNSKEY)
			m.Answer = put(nil, set, f.sign("example.org.", set, func(s *dns.RRSIG) { s.Labels = 1 }))
		}), bogus, dnssec.CodeLabels},
		{"0329-insecure-signer", "the signature names an unsigned zone that is no ancestor", leaf, dns.TypeA, answering(leaf, dns.TypeA, func(f *forger, m *dns.Msg) {
			set := f.rrs("www.example.org. 300 IN A 192.0.2.66")
			m.Answer = put(nil, set, f.sign("example.org.", set, func(s *dns.RRSIG) { s.SignerName = "island.org." }))
		}), bogus, dnssec.CodeNoSignature},
		{"0330-optout-over-secure", "the opt-out span of another name at a delegation that has a DS", "www.child.optout.org.", dns.TypeA, both(
			answering("child.optout.org.", dns.TypeDS, func(f *forger, m *dns.Msg) { m.Answer, m.Ns = nil, f.ask("island.optout.org.", dns.TypeDS).Ns }),
			answering("www.child.optout.org.", dns.TypeA, func(_ *forger, m *dns.Msg) { m.Answer = m.Answer[:1] })), bogus, dnssec.CodeBadDenial},
		{"0331-signed-island", "signatures in a zone without DS mean nothing", "www.island.org.", dns.TypeA, answering("www.island.org.", dns.TypeA, func(f *forger, m *dns.Msg) {
			set := setOf(m.Answer, "www.island.org.", dns.TypeA)
			m.Answer = put(nil, set, f.sign("org.", set, func(s *dns.RRSIG) { s.SignerName = "island.org." }))
		}), dnssec.Insecure, dnssec.CodeUnsigned},
		{"0332-ds-at-apex", "asked for itself, the DS is denied by the child: RFC 6840, 4.4", "example.org.", dns.TypeDS, answering("example.org.", dns.TypeDS, func(f *forger, m *dns.Msg) {
			m.Answer, m.Ns = nil, f.ask("example.org.", dns.TypeTXT).Ns
		}), bogus, ""},
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
