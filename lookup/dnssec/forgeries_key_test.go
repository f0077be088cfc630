package dnssec_test

import (
	"github.com/miekg/dns"

	"dnseal/lookup/dnssec"
)

// keyForgeries: keys that must not verify (pitfalls 1, 8, 9 and 18).
func keyForgeries() []forgery {
	signedBySpare := func(id string, flags uint16, change func(*dns.DNSKEY)) func(*forger, dns.Question, *dns.Msg) {
		spare := func(f *forger) spareKey {
			k := f.spare(id, "example.org.", dns.ECDSAP256SHA256, flags, 256)
			record := *k.record
			change(&record)
			return spareKey{&record, k.signer}
		}
		return both(
			keysOf("example.org.", func(f *forger) []dns.RR { return []dns.RR{spare(f).record} }),
			answering(leaf, dns.TypeA, func(f *forger, m *dns.Msg) {
				set := setOf(m.Answer, leaf, dns.TypeA)
				m.Answer = put(m.Answer, set, f.signBy(spare(f), set))
			}),
		)
	}
	keep := func(*dns.DNSKEY) {}
	return []forgery{
		{"0201-second-key", "a key that the first key signed", leaf, dns.TypeA, signedBySpare("zsk", 256, keep), secure, ""},
		{"0202-revoked", "a revoked key signs nothing but itself: RFC 5011, 2.1", leaf, dns.TypeA, signedBySpare("revoked", 256|128, keep), bogus, dnssec.CodeRevoked},
		{"0203-no-zone-key", "a key without the zone key flag: RFC 4034, 2.1.1", leaf, dns.TypeA, signedBySpare("host", 0, keep), bogus, dnssec.CodeNotZoneKey},
		{"0204-protocol", "a key with another protocol than 3: RFC 4034, 2.1.2", leaf, dns.TypeA, signedBySpare("protocol", 256, func(k *dns.DNSKEY) { k.Protocol = 2 }), bogus, dnssec.CodeNotZoneKey},
		{"0205-unknown-key", "a key that is not in the DNSKEY set", leaf, dns.TypeA, answering(leaf, dns.TypeA, func(f *forger, m *dns.Msg) {
			set := setOf(m.Answer, leaf, dns.TypeA)
			m.Answer = put(m.Answer, set, f.signBy(f.spare("stranger", "example.org.", dns.ECDSAP256SHA256, 256, 256), set))
		}), bogus, dnssec.CodeNoKey},
		{"0206-key-set-by-zsk", "the DNSKEY set is signed by a key that no DS names: RFC 4035, 5.2", leaf, dns.TypeA, answering("example.org.", dns.TypeDNSKEY, func(f *forger, m *dns.Msg) {
			k := f.spare("evil", "example.org.", dns.ECDSAP256SHA256, 257, 256)
			set := append(setOf(m.Answer, "example.org.", dns.TypeDNSKEY), k.record)
			m.Answer = put(m.Answer, set, f.signBy(k, set))
		}), bogus, dnssec.CodeNoKey},
		{"0207-tag-collision", "two keys with one tag, the right one last: both are tried", leaf, dns.TypeA, keysOf("example.org.", func(f *forger) []dns.RR {
			return []dns.RR{f.collision("example.org.").record}
		}), secure, ""},
		{"0208-tag-collision-forged", "the same, signed by the wrong one", leaf, dns.TypeA, both(
			keysOf("example.org.", func(f *forger) []dns.RR {
				k := *f.collision("example.org.").record
				k.Flags = 0 // it is no zone key
				return []dns.RR{&k}
			}),
			answering(leaf, dns.TypeA, func(f *forger, m *dns.Msg) {
				set := f.rrs("www.example.org. 300 IN A 192.0.2.66")
				m.Answer = put(m.Answer, set, f.signBy(f.collision("example.org."), set))
			})), bogus, ""},
		{"0209-many-keys", "more keys than anybody needs", leaf, dns.TypeA, keysOf("example.org.", func(f *forger) []dns.RR {
			var out []dns.RR
			for i := range 40 {
				k := *f.spare("filler", "example.org.", dns.ED25519, 256, 256).record
				k.Flags |= uint16(i) << 9
				out = append(out, &k)
			}
			return out
		}), dnssec.Indeterminate, "budget:keys"},
		{"0210-many-signatures", "more bad signatures than are worth trying", leaf, dns.TypeA, answering(leaf, dns.TypeA, func(f *forger, m *dns.Msg) {
			set := setOf(m.Answer, leaf, dns.TypeA)
			var sigs []*dns.RRSIG
			for i := range 5 {
				sig := f.sign("example.org.", set, func(s *dns.RRSIG) { s.OrigTtl = uint32(i) })
				sig.OrigTtl = 300
				sigs = append(sigs, sig)
			}
			m.Answer = put(m.Answer, set, sigs...)
		}), dnssec.Indeterminate, "budget:bad-signatures"},
		{"0211-no-dnskey", "the DNSKEY answer is empty", leaf, dns.TypeA, answering("example.org.", dns.TypeDNSKEY, func(_ *forger, m *dns.Msg) { m.Answer = nil }), bogus, dnssec.CodeNoKey},
		{"0212-revoked-anchor", "the anchor's key comes revoked: RFC 5011, 2.1", leaf, dns.TypeA, answering(".", dns.TypeDNSKEY, func(_ *forger, m *dns.Msg) {
			setOf(m.Answer, ".", dns.TypeDNSKEY)[0].(*dns.DNSKEY).Flags |= dns.REVOKE
		}), bogus, ""},
		{"0213-old-anchor-too", "one of two anchors fits", leaf, dns.TypeA, nil, secure, ""},
		{"0214-old-anchor", "no anchor fits", leaf, dns.TypeA, nil, bogus, dnssec.CodeNoKey},
		{"0215-anchor-below", "an anchor below the root", leaf, dns.TypeA, nil, secure, ""},
		{"0216-beside-anchor", "a name that no anchor encloses", "www.other.org.", dns.TypeA, nil, dnssec.Indeterminate, dnssec.CodeNoAnchor},
	}
}
