package dnssec_test

import (
	"strings"
	"time"

	"github.com/miekg/dns"

	"dnseal/lookup/dnssec"
	"dnseal/lookup/lookuptest"
)

// forgery is one way to mislead a validator, or one answer that only looks as if it did.
type forgery struct {
	id     string // file name, its number first
	why    string
	name   string
	qtype  uint16
	change func(f *forger, q dns.Question, m *dns.Msg)
	anchor func(f *forger) string // nil: the root's
	at     time.Time              // clock; zero: the usual
	want   dnssec.Status
	code   string
}

// vectorTime is the clock of all vectors but those about clocks.
var vectorTime = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

const vectorZone = `$ORIGIN example.org.
$TTL 300
@ SOA ns hostmaster 1 7200 3600 1209600 300
@ NS ns
ns A 192.0.2.1
www A 192.0.2.2
WWW2 A 192.0.2.2
two A 192.0.2.3
two A 192.0.2.4
alias CNAME www
away CNAME www.other.org.
unsafe CNAME www.island.org.
loop CNAME loop2
loop2 CNAME loop
d DNAME other.org.
*.wild A 192.0.2.5
*.wild TXT "wild"
named.wild A 192.0.2.6
deep.named2.wild A 192.0.2.7
a.b.ent A 192.0.2.8
a\000b A 192.0.2.9
A\255z A 192.0.2.10
alice._smimecert TYPE53 \# 5 0301010102
*._smimecert TYPE53 \# 5 0301010666
`

// vectorHierarchy are the zones the forgeries start from.
func vectorHierarchy() []lookuptest.Zone {
	plain := func(name string) string {
		return strings.ReplaceAll("$ORIGIN Z.\n$TTL 300\n@ SOA ns hostmaster 1 7200 3600 1209600 300\n@ NS ns\nns A 192.0.2.1\nwww A 192.0.2.20\n*.wild A 192.0.2.21\n", "Z", name)
	}
	copyOf := func(name string) string { return strings.ReplaceAll(vectorZone, "example.org", name) }
	return []lookuptest.Zone{
		{Text: vectorZone},
		{Text: copyOf("nsec3.org"), NSEC3: true, Salt: "beef"},
		{Text: copyOf("optout.org"), NSEC3: true, OptOut: true},
		{Text: plain("child.example.org")},
		{Text: plain("child.nsec3.org")},
		{Text: plain("island.org"), Unsigned: true},
		{Text: plain("island.nsec3.org"), Unsigned: true},
		{Text: plain("island.optout.org"), Unsigned: true},
		{Text: plain("iterated.org"), NSEC3: true, Iterations: 51},
		{Text: plain("ground.org"), NSEC3: true, Iterations: 501},
		{Text: plain("other.org")},
		{Text: plain("ample.org")},
		{Text: plain("rsa.org"), Algorithm: 8},
		{Text: plain("rsasha512.org"), Algorithm: 10},
		{Text: plain("p384.org"), Algorithm: 14},
		{Text: plain("ed25519.org"), Algorithm: 15},
	}
}

// answering makes a change of the replies to one question only.
func answering(name string, qtype uint16, change func(f *forger, m *dns.Msg)) func(*forger, dns.Question, *dns.Msg) {
	return func(f *forger, q dns.Question, m *dns.Msg) {
		if dns.CanonicalName(q.Name) == dns.CanonicalName(name) && q.Qtype == qtype {
			change(f, m)
		}
	}
}

// both does two changes.
func both(a, b func(*forger, dns.Question, *dns.Msg)) func(*forger, dns.Question, *dns.Msg) {
	return func(f *forger, q dns.Question, m *dns.Msg) { a(f, q, m); b(f, q, m) }
}

const (
	leaf   = "www.example.org."
	secure = dnssec.Secure
	bogus  = dnssec.Bogus
)

// resigned signs the address of www.example.org with other fields.
func resigned(change func(*dns.RRSIG)) func(*forger, dns.Question, *dns.Msg) {
	return answering(leaf, dns.TypeA, func(f *forger, m *dns.Msg) {
		set := setOf(m.Answer, leaf, dns.TypeA)
		m.Answer = put(m.Answer, set, f.sign("example.org.", set, change))
	})
}

// keysOf replaces the DNSKEY set of a zone; the zone's own key signs it.
func keysOf(zone string, more func(f *forger) []dns.RR) func(*forger, dns.Question, *dns.Msg) {
	return answering(zone, dns.TypeDNSKEY, func(f *forger, m *dns.Msg) {
		set := append(setOf(m.Answer, zone, dns.TypeDNSKEY), more(f)...)
		m.Answer = put(m.Answer, set, f.sign(zone, set))
	})
}

// dsOf replaces the DS set of a child of org.
func dsOf(zone string, texts func(f *forger) []string) func(*forger, dns.Question, *dns.Msg) {
	return answering(zone, dns.TypeDS, func(f *forger, m *dns.Msg) {
		set := f.rrs(texts(f)...)
		m.Answer = put(without(m.Answer, zone, dns.TypeDS), set, f.sign("org.", set))
	})
}

// signatureForgeries: RRSIG.Verify is not validation (pitfall 1).
func signatureForgeries() []forgery {
	day := func(n int) uint32 { return uint32(vectorTime.AddDate(0, 0, n).Unix()) }
	fetch := func(change func(*dns.RRSIG)) func(*forger, dns.Question, *dns.Msg) { return resigned(change) }
	return []forgery{
		{"0101-good", "the answer that the others alter", leaf, dns.TypeA, nil, nil, time.Time{}, secure, ""},
		{"0102-expired", "the signature expired: RFC 4035, 5.3.1", leaf, dns.TypeA, fetch(func(s *dns.RRSIG) { s.Inception, s.Expiration = day(-20), day(-1) }), nil, time.Time{}, bogus, dnssec.CodeExpired},
		{"0103-future", "the signature is not valid yet: RFC 4035, 5.3.1", leaf, dns.TypeA, fetch(func(s *dns.RRSIG) { s.Inception, s.Expiration = day(1), day(20) }), nil, time.Time{}, bogus, dnssec.CodeNotYetValid},
		{"0104-inverted", "the signature ends before it begins", leaf, dns.TypeA, fetch(func(s *dns.RRSIG) { s.Inception, s.Expiration = day(1), day(-1) }), nil, time.Time{}, bogus, dnssec.CodeTimesInverted},
		{"0105-skew", "four minutes beyond its end are within the tolerance", leaf, dns.TypeA, fetch(func(s *dns.RRSIG) { s.Inception, s.Expiration = day(-9), uint32(vectorTime.Add(-4*time.Minute).Unix()) }), nil, time.Time{}, secure, ""},
		{"0106-serial", "times that wrap in 2106: RFC 4034, 3.1.5", leaf, dns.TypeA, nil, nil, time.Date(2106, 2, 7, 6, 28, 0, 0, time.UTC), secure, ""},
		{"0107-suffix-signer", "ample.org. is no label-wise ancestor of www.example.org.", leaf, dns.TypeA, answering(leaf, dns.TypeA, func(f *forger, m *dns.Msg) {
			set := f.rrs("www.example.org. 300 IN A 192.0.2.66")
			m.Answer = put(m.Answer, set, f.sign("ample.org.", set))
		}), nil, time.Time{}, bogus, dnssec.CodeNoSignature},
		{"0108-foreign-signer", "another secure zone signs: RFC 4035, 5.3.1", leaf, dns.TypeA, answering(leaf, dns.TypeA, func(f *forger, m *dns.Msg) {
			set := f.rrs("www.example.org. 300 IN A 192.0.2.66")
			m.Answer = put(m.Answer, set, f.sign("other.org.", set))
		}), nil, time.Time{}, bogus, dnssec.CodeNoSignature},
		{"0109-no-zone-signer", "the signer is a name that is no zone", leaf, dns.TypeA, fetch(func(s *dns.RRSIG) { s.SignerName = leaf }), nil, time.Time{}, bogus, dnssec.CodeNotAZone},
		{"0110-many-labels", "more labels than the owner has: RFC 4034, 3.1.3", leaf, dns.TypeA, fetch(func(s *dns.RRSIG) { s.Labels = 4 }), nil, time.Time{}, bogus, dnssec.CodeLabels},
		{"0111-few-labels", "fewer labels than the zone has", leaf, dns.TypeA, fetch(func(s *dns.RRSIG) { s.Labels = 1 }), nil, time.Time{}, bogus, dnssec.CodeLabels},
		{"0112-other-type", "a signature over another type does not count", leaf, dns.TypeA, answering(leaf, dns.TypeA, func(f *forger, m *dns.Msg) {
			set := setOf(m.Answer, leaf, dns.TypeA)
			sig := f.sign("example.org.", f.rrs(`www.example.org. 300 IN TXT "x"`))
			sig.TypeCovered = dns.TypeA
			m.Answer = put(m.Answer, set, sig)
		}), nil, time.Time{}, bogus, dnssec.CodeBadSignature},
		{"0113-bit", "one bit of the address is another", leaf, dns.TypeA, answering(leaf, dns.TypeA, func(_ *forger, m *dns.Msg) {
			setOf(m.Answer, leaf, dns.TypeA)[0].(*dns.A).A[3] ^= 1
		}), nil, time.Time{}, bogus, dnssec.CodeBadSignature},
		{"0114-added", "a record added to a signed set", leaf, dns.TypeA, answering(leaf, dns.TypeA, func(f *forger, m *dns.Msg) {
			m.Answer = append(m.Answer, f.rr("www.example.org. 300 IN A 192.0.2.66"))
		}), nil, time.Time{}, bogus, dnssec.CodeBadSignature},
		{"0115-removed", "a record removed from a signed set", "two.example.org.", dns.TypeA, answering("two.example.org.", dns.TypeA, func(_ *forger, m *dns.Msg) {
			m.Answer = m.Answer[1:]
		}), nil, time.Time{}, bogus, dnssec.CodeBadSignature},
		{"0116-duplicate", "the same record twice is one: RFC 4034, 6.3", leaf, dns.TypeA, answering(leaf, dns.TypeA, func(_ *forger, m *dns.Msg) {
			m.Answer = append([]dns.RR{dns.Copy(m.Answer[0])}, m.Answer...)
		}), nil, time.Time{}, secure, ""},
		{"0117-ttl", "a TTL above the original one is cut: RFC 4035, 5.3.3", leaf, dns.TypeA, answering(leaf, dns.TypeA, func(_ *forger, m *dns.Msg) {
			setOf(m.Answer, leaf, dns.TypeA)[0].Header().Ttl = 86400
		}), nil, time.Time{}, secure, ""},
		{"0118-upper-case", "letters in names have no case: RFC 4034, 6.2", leaf, dns.TypeA, answering(leaf, dns.TypeA, func(_ *forger, m *dns.Msg) {
			for _, rr := range m.Answer {
				rr.Header().Name = "wWw.eXAMPLE.oRG."
			}
		}), nil, time.Time{}, secure, ""},
		{"0119-rsa", "algorithm 8", "www.rsa.org.", dns.TypeA, nil, nil, time.Time{}, secure, ""},
		{"0120-rsasha512", "algorithm 10", "www.rsasha512.org.", dns.TypeA, nil, nil, time.Time{}, secure, ""},
		{"0121-p384", "algorithm 14", "www.p384.org.", dns.TypeA, nil, nil, time.Time{}, secure, ""},
		{"0122-ed25519", "algorithm 15", "www.ed25519.org.", dns.TypeA, nil, nil, time.Time{}, secure, ""},
	}
}

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
		{"0201-second-key", "a key that the first key signed", leaf, dns.TypeA, signedBySpare("zsk", 256, keep), nil, time.Time{}, secure, ""},
		{"0202-revoked", "a revoked key signs nothing but itself: RFC 5011, 2.1", leaf, dns.TypeA, signedBySpare("revoked", 256|128, keep), nil, time.Time{}, bogus, dnssec.CodeRevoked},
		{"0203-no-zone-key", "a key without the zone key flag: RFC 4034, 2.1.1", leaf, dns.TypeA, signedBySpare("host", 0, keep), nil, time.Time{}, bogus, dnssec.CodeNotZoneKey},
		{"0204-protocol", "a key with another protocol than 3: RFC 4034, 2.1.2", leaf, dns.TypeA, signedBySpare("protocol", 256, func(k *dns.DNSKEY) { k.Protocol = 2 }), nil, time.Time{}, bogus, dnssec.CodeNotZoneKey},
		{"0205-unknown-key", "a key that is not in the DNSKEY set", leaf, dns.TypeA, answering(leaf, dns.TypeA, func(f *forger, m *dns.Msg) {
			set := setOf(m.Answer, leaf, dns.TypeA)
			m.Answer = put(m.Answer, set, f.signBy(f.spare("stranger", "example.org.", dns.ECDSAP256SHA256, 256, 256), set))
		}), nil, time.Time{}, bogus, dnssec.CodeNoKey},
		{"0206-key-set-by-zsk", "the DNSKEY set is signed by a key that no DS names: RFC 4035, 5.2", leaf, dns.TypeA, answering("example.org.", dns.TypeDNSKEY, func(f *forger, m *dns.Msg) {
			k := f.spare("evil", "example.org.", dns.ECDSAP256SHA256, 257, 256)
			set := append(setOf(m.Answer, "example.org.", dns.TypeDNSKEY), k.record)
			m.Answer = put(m.Answer, set, f.signBy(k, set))
		}), nil, time.Time{}, bogus, dnssec.CodeNoKey},
		{"0207-tag-collision", "two keys with one tag, the right one last: both are tried", leaf, dns.TypeA, keysOf("example.org.", func(f *forger) []dns.RR {
			return []dns.RR{f.collision("example.org.").record}
		}), nil, time.Time{}, secure, ""},
		{"0208-tag-collision-forged", "the same, signed by the wrong one", leaf, dns.TypeA, both(
			keysOf("example.org.", func(f *forger) []dns.RR {
				k := *f.collision("example.org.").record
				k.Flags = 0 // it is no zone key
				return []dns.RR{&k}
			}),
			answering(leaf, dns.TypeA, func(f *forger, m *dns.Msg) {
				set := f.rrs("www.example.org. 300 IN A 192.0.2.66")
				m.Answer = put(m.Answer, set, f.signBy(f.collision("example.org."), set))
			})), nil, time.Time{}, bogus, ""},
		{"0209-many-keys", "more keys than anybody needs", leaf, dns.TypeA, keysOf("example.org.", func(f *forger) []dns.RR {
			var out []dns.RR
			for i := range 40 {
				k := *f.spare("filler", "example.org.", dns.ED25519, 256, 256).record
				k.Flags |= uint16(i) << 9
				out = append(out, &k)
			}
			return out
		}), nil, time.Time{}, dnssec.Indeterminate, "budget:keys"},
		{"0210-many-signatures", "more bad signatures than are worth trying", leaf, dns.TypeA, answering(leaf, dns.TypeA, func(f *forger, m *dns.Msg) {
			set := setOf(m.Answer, leaf, dns.TypeA)
			var sigs []*dns.RRSIG
			for i := range 5 {
				sig := f.sign("example.org.", set, func(s *dns.RRSIG) { s.OrigTtl = uint32(i) })
				sig.OrigTtl = 300
				sigs = append(sigs, sig)
			}
			m.Answer = put(m.Answer, set, sigs...)
		}), nil, time.Time{}, dnssec.Indeterminate, "budget:bad-signatures"},
		{"0211-no-dnskey", "the DNSKEY answer is empty", leaf, dns.TypeA, answering("example.org.", dns.TypeDNSKEY, func(_ *forger, m *dns.Msg) { m.Answer = nil }), nil, time.Time{}, bogus, dnssec.CodeNoKey},
		{"0212-revoked-anchor", "the anchor's key comes revoked: RFC 5011, 2.1", leaf, dns.TypeA, answering(".", dns.TypeDNSKEY, func(_ *forger, m *dns.Msg) {
			setOf(m.Answer, ".", dns.TypeDNSKEY)[0].(*dns.DNSKEY).Flags |= dns.REVOKE
		}), nil, time.Time{}, bogus, ""},
		{"0213-old-anchor-too", "one of two anchors fits", leaf, dns.TypeA, nil, func(f *forger) string {
			return f.s.Anchor() + ". IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D\n"
		}, time.Time{}, secure, ""},
		{"0214-old-anchor", "no anchor fits", leaf, dns.TypeA, nil, func(*forger) string {
			return ". IN DS 1 13 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D\n"
		}, time.Time{}, bogus, dnssec.CodeNoKey},
		{"0215-anchor-below", "an anchor below the root", leaf, dns.TypeA, nil, func(f *forger) string {
			return f.ask("example.org.", dns.TypeDNSKEY).Answer[0].String() + "\n"
		}, time.Time{}, secure, ""},
		{"0216-beside-anchor", "a name that no anchor encloses", "www.other.org.", dns.TypeA, nil, func(f *forger) string {
			return f.ask("example.org.", dns.TypeDNSKEY).Answer[0].String() + "\n"
		}, time.Time{}, dnssec.Indeterminate, dnssec.CodeNoAnchor},
	}
}
