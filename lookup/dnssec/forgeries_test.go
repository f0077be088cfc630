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
	want   dnssec.Status
	code   dnssec.Code // empty: not compared
}

// circumstance is what only few forgeries need.
type circumstance struct {
	anchor func(f *forger) string // nil: the root's
	clock  time.Time              // zero: vectorTime
	signed time.Time              // when the zones were signed; zero: at clock
}

// circumstances by id.
var circumstances = map[string]circumstance{
	"0106-serial": {clock: time.Date(2106, 2, 7, 6, 28, 0, 0, time.UTC)},
	"0213-old-anchor-too": {anchor: func(f *forger) string {
		return f.s.Anchor() + ". IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D\n"
	}},
	"0214-old-anchor": {anchor: func(*forger) string {
		return ". IN DS 1 13 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D\n"
	}},
	"0511-dname-above-anchor": {anchor: func(f *forger) string { return f.s.Anchor() + keyOfExample(f) }},
	"0215-anchor-below":       {anchor: keyOfExample},
	"0216-beside-anchor":      {anchor: keyOfExample},
	"0801-clock-ahead":        {clock: vectorTime.AddDate(1, 0, 0), signed: vectorTime},
	"0802-clock-behind":       {clock: vectorTime.AddDate(-1, 0, 0), signed: vectorTime},
}

// keyOfExample is an anchor below the root.
func keyOfExample(f *forger) string {
	return f.ask("example.org.", dns.TypeDNSKEY).Answer[0].String() + "\n"
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
mail MX 10 WWW
*.walias CNAME www
named.walias A 192.0.2.11
`

// vectorHierarchy are the zones the forgeries start from.
func vectorHierarchy() []lookuptest.Zone {
	plain := func(name string) string {
		return strings.ReplaceAll("$ORIGIN Z.\n$TTL 300\n@ SOA ns hostmaster 1 7200 3600 1209600 300\n@ NS ns\nns A 192.0.2.1\nwww A 192.0.2.20\n*.wild A 192.0.2.21\n", "Z", name)
	}
	copyOf := func(name string) string { return strings.ReplaceAll(vectorZone, "example.org", name) }
	return append(starredHierarchy(), []lookuptest.Zone{
		{Text: vectorZone},
		{Text: copyOf("nsec3.org"), NSEC3: true, Salt: "beef"},
		{Text: copyOf("optout.org"), NSEC3: true, OptOut: true},
		{Text: plain("child.example.org")},
		{Text: plain("child.nsec3.org")},
		{Text: plain("child.optout.org")},
		{Text: plain("island.org"), Unsigned: true},
		{Text: plain("island.nsec3.org"), Unsigned: true},
		{Text: plain("island.optout.org"), Unsigned: true},
		{Text: plain("iterated.org") + "a.b A 192.0.2.22\n", NSEC3: true, Iterations: 51},
		{Text: plain("ground.org"), NSEC3: true, Iterations: 501},
		{Text: plain("other.org")},
		{Text: plain("ample.org")},
		{Text: plain("rsa.org"), Algorithm: 8},
		{Text: plain("rsasha512.org"), Algorithm: 10},
		{Text: plain("p384.org"), Algorithm: 14},
		{Text: plain("ed25519.org"), Algorithm: 15},
	}...)
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
	return []forgery{
		{"0101-good", "the answer that the others alter", leaf, dns.TypeA, nil, secure, ""},
		{"0102-expired", "the signature expired: RFC 4035, 5.3.1", leaf, dns.TypeA, resigned(func(s *dns.RRSIG) { s.Inception, s.Expiration = day(-20), day(-1) }), bogus, dnssec.CodeExpired},
		{"0103-future", "the signature is not valid yet: RFC 4035, 5.3.1", leaf, dns.TypeA, resigned(func(s *dns.RRSIG) { s.Inception, s.Expiration = day(1), day(20) }), bogus, dnssec.CodeNotYetValid},
		{"0104-inverted", "the signature ends before it begins", leaf, dns.TypeA, resigned(func(s *dns.RRSIG) { s.Inception, s.Expiration = day(1), day(-1) }), bogus, dnssec.CodeTimesInverted},
		{"0105-skew", "four minutes beyond its end are within the tolerance", leaf, dns.TypeA, resigned(func(s *dns.RRSIG) { s.Inception, s.Expiration = day(-9), uint32(vectorTime.Add(-4*time.Minute).Unix()) }), secure, ""},
		{"0106-serial", "times that wrap in 2106: RFC 4034, 3.1.5", leaf, dns.TypeA, nil, secure, ""},
		{"0107-suffix-signer", "ample.org. is no label-wise ancestor of www.example.org.", leaf, dns.TypeA, answering(leaf, dns.TypeA, func(f *forger, m *dns.Msg) {
			set := f.rrs("www.example.org. 300 IN A 192.0.2.66")
			m.Answer = put(m.Answer, set, f.sign("ample.org.", set))
		}), bogus, dnssec.CodeNoSignature},
		{"0108-foreign-signer", "another secure zone signs: RFC 4035, 5.3.1", leaf, dns.TypeA, answering(leaf, dns.TypeA, func(f *forger, m *dns.Msg) {
			set := f.rrs("www.example.org. 300 IN A 192.0.2.66")
			m.Answer = put(m.Answer, set, f.sign("other.org.", set))
		}), bogus, dnssec.CodeNoSignature},
		{"0109-no-zone-signer", "the signer is a name that is no zone", leaf, dns.TypeA, resigned(func(s *dns.RRSIG) { s.SignerName = leaf }), bogus, dnssec.CodeNotAZone},
		{"0110-many-labels", "more labels than the owner has: RFC 4034, 3.1.3", leaf, dns.TypeA, resigned(func(s *dns.RRSIG) { s.Labels = 4 }), bogus, dnssec.CodeLabels},
		{"0111-few-labels", "fewer labels than the zone has", leaf, dns.TypeA, resigned(func(s *dns.RRSIG) { s.Labels = 1 }), bogus, dnssec.CodeLabels},
		{"0112-other-type", "a signature over another type does not count", leaf, dns.TypeA, answering(leaf, dns.TypeA, func(f *forger, m *dns.Msg) {
			set := setOf(m.Answer, leaf, dns.TypeA)
			sig := f.sign("example.org.", f.rrs(`www.example.org. 300 IN TXT "x"`))
			sig.TypeCovered = dns.TypeA
			m.Answer = put(m.Answer, set, sig)
		}), bogus, dnssec.CodeBadSignature},
		{"0113-bit", "one bit of the address is another", leaf, dns.TypeA, answering(leaf, dns.TypeA, func(_ *forger, m *dns.Msg) {
			setOf(m.Answer, leaf, dns.TypeA)[0].(*dns.A).A[3] ^= 1
		}), bogus, dnssec.CodeBadSignature},
		{"0114-added", "a record added to a signed set", leaf, dns.TypeA, answering(leaf, dns.TypeA, func(f *forger, m *dns.Msg) {
			m.Answer = append(m.Answer, f.rr("www.example.org. 300 IN A 192.0.2.66"))
		}), bogus, dnssec.CodeBadSignature},
		{"0115-removed", "a record removed from a signed set", "two.example.org.", dns.TypeA, answering("two.example.org.", dns.TypeA, func(_ *forger, m *dns.Msg) {
			m.Answer = m.Answer[1:]
		}), bogus, dnssec.CodeBadSignature},
		{"0116-duplicate", "the same record twice is one: RFC 4034, 6.3", leaf, dns.TypeA, answering(leaf, dns.TypeA, func(_ *forger, m *dns.Msg) {
			m.Answer = append([]dns.RR{dns.Copy(m.Answer[0])}, m.Answer...)
		}), secure, ""},
		{"0117-ttl", "a TTL above the original one is cut: RFC 4035, 5.3.3", leaf, dns.TypeA, answering(leaf, dns.TypeA, func(_ *forger, m *dns.Msg) {
			setOf(m.Answer, leaf, dns.TypeA)[0].Header().Ttl = 86400
		}), secure, ""},
		{"0118-upper-case", "letters in names have no case: RFC 4034, 6.2", leaf, dns.TypeA, answering(leaf, dns.TypeA, func(_ *forger, m *dns.Msg) {
			for _, rr := range m.Answer {
				rr.Header().Name = "wWw.eXAMPLE.oRG."
			}
		}), secure, ""},
		{"0119-rsa", "algorithm 8", "www.rsa.org.", dns.TypeA, nil, secure, ""},
		{"0120-rsasha512", "algorithm 10", "www.rsasha512.org.", dns.TypeA, nil, secure, ""},
		{"0121-p384", "algorithm 14", "www.p384.org.", dns.TypeA, nil, secure, ""},
		{"0122-ed25519", "algorithm 15", "www.ed25519.org.", dns.TypeA, nil, secure, ""},
		{"0123-chaos", "a record of another class does not belong to the set", leaf, dns.TypeA, answering(leaf, dns.TypeA, func(f *forger, m *dns.Msg) {
			m.Answer = append(m.Answer, f.rr("www.example.org. 300 CH A 192.0.2.66"))
		}), secure, ""},
		{"0124-rrsig-of-rrsig", "nothing signs signatures: RFC 4035, 2.2", leaf, dns.TypeA, answering(leaf, dns.TypeA, func(f *forger, m *dns.Msg) {
			set := setOf(m.Answer, leaf, dns.TypeA)
			m.Answer = append(m.Answer, f.sign("example.org.", set, func(s *dns.RRSIG) { s.TypeCovered = dns.TypeRRSIG }))
		}), secure, ""},
		{"0125-data-case", "names in the data of the types of old have no case: RFC 4034, 6.2", "mail.example.org.", dns.TypeMX, answering("mail.example.org.", dns.TypeMX, func(_ *forger, m *dns.Msg) {
			setOf(m.Answer, "mail.example.org.", dns.TypeMX)[0].(*dns.MX).Mx = "wWw.Example.ORG."
		}), secure, ""},
		{"0126-original-ttl", "the original TTL is signed: RFC 4034, 3.1.4", leaf, dns.TypeA, answering(leaf, dns.TypeA, func(_ *forger, m *dns.Msg) {
			m.Answer[1].(*dns.RRSIG).OrigTtl = 86400
		}), bogus, dnssec.CodeBadSignature},
		{"0127-first-bad", "one signature that is wrong before one that is right", leaf, dns.TypeA, answering(leaf, dns.TypeA, func(f *forger, m *dns.Msg) {
			set := setOf(m.Answer, leaf, dns.TypeA)
			bad := f.sign("example.org.", f.rrs("www.example.org. 300 IN A 192.0.2.66"))
			m.Answer = put(m.Answer, set, bad, f.sign("example.org.", set))
		}), secure, ""},
		{"0128-other-algorithm", "the signature names the key's tag with another algorithm", leaf, dns.TypeA, answering(leaf, dns.TypeA, func(_ *forger, m *dns.Msg) {
			m.Answer[1].(*dns.RRSIG).Algorithm = dns.ED25519
		}), bogus, dnssec.CodeNoKey},
		{"0129-any", "a question that is for no data: RFC 6895, 3.1", leaf, dns.TypeANY, nil, dnssec.Indeterminate, dnssec.CodeMalformed},
	}
}

// clockForgeries: a wrong clock is not a wrong zone (pitfall 17).
func clockForgeries() []forgery {
	return []forgery{
		{"0801-clock-ahead", "our clock is a year ahead", leaf, dns.TypeA, nil, dnssec.Indeterminate, dnssec.CodeClock},
		{"0802-clock-behind", "our clock is a year behind", leaf, dns.TypeA, nil, dnssec.Indeterminate, dnssec.CodeClock},
		{"0803-root-expired", "only the root expired: that is not the clock", leaf, dns.TypeA, answering(".", dns.TypeDNSKEY, func(f *forger, m *dns.Msg) {
			set := setOf(m.Answer, ".", dns.TypeDNSKEY)
			m.Answer = put(m.Answer, set, f.sign(".", set, func(s *dns.RRSIG) { s.Expiration = s.Inception }))
		}), bogus, dnssec.CodeExpired},
	}
}

// forgeries returns all of them.
func forgeries() []forgery {
	var out []forgery
	for _, more := range [][]forgery{
		signatureForgeries(), keyForgeries(), unsignedForgeries(), unusableForgeries(), cutForgeries(),
		wildcardForgeries(), aliasForgeries(), denialForgeries(), denial3Forgeries(), clockForgeries(), starredForgeries(),
	} {
		out = append(out, more...)
	}
	return out
}
