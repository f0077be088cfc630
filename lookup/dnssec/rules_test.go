package dnssec_test

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"dnseal/lookup/dnssec"
)

// TestSkew: a signature is in time up to five minutes beside its times, to the second, at both
// ends.
func TestSkew(t *testing.T) {
	t.Parallel()
	_, s := vectorValidator(t)
	f := &forger{tb: t, s: s, now: vectorTime}
	const tolerated = 5 * time.Minute
	for _, tt := range []struct {
		inception, expiration time.Duration // from now
		code                  dnssec.Code
	}{
		{-time.Hour, -tolerated, ""},
		{-time.Hour, -tolerated - time.Second, dnssec.CodeExpired},
		{tolerated, time.Hour, ""},
		{tolerated + time.Second, time.Hour, dnssec.CodeNotYetValid},
	} {
		f.change = resigned(func(s *dns.RRSIG) {
			s.Inception, s.Expiration = uint32(vectorTime.Add(tt.inception).Unix()), uint32(vectorTime.Add(tt.expiration).Unix())
		})
		if a := f.validator().Resolve(t.Context(), leaf, dns.TypeA); a.Code != tt.code || (a.Status == dnssec.Secure) != (tt.code == "") {
			t.Errorf("from %s to %s: %v %q (%s), want %q", tt.inception, tt.expiration, a.Status, a.Code, a.Reason, tt.code)
		}
	}
}

// TestSHA1DS: a SHA-1 digest counts only where that is allowed, and never beside a better one (RFC
// 4509, Section 3).
func TestSHA1DS(t *testing.T) {
	t.Parallel()
	_, s := vectorValidator(t)
	key, _, err := s.Key("example.org.")
	if err != nil {
		t.Fatal(err)
	}
	right, other := key.ToDS(dns.SHA1), key.ToDS(dns.SHA256)
	other.Digest = strings.Repeat("5a", len(other.Digest)/2)
	for _, tt := range []struct {
		ds    []string
		allow bool
		want  dnssec.Status
	}{
		{[]string{right.String()}, false, dnssec.Insecure},
		{[]string{right.String()}, true, dnssec.Secure},
		{[]string{right.String(), other.String()}, true, dnssec.Bogus},
		{[]string{right.String(), other.String()}, false, dnssec.Bogus},
	} {
		f := &forger{tb: t, s: s, now: vectorTime, change: dsOf("example.org.", func(*forger) []string { return tt.ds })}
		v := f.validator()
		v.AllowSHA1 = tt.allow
		if a := v.Resolve(t.Context(), leaf, dns.TypeA); a.Status != tt.want {
			t.Errorf("%d DS, SHA-1 allowed %v: %v %q (%s), want %v", len(tt.ds), tt.allow, a.Status, a.Code, a.Reason, tt.want)
		}
	}
}

// TestLongExponent: an RSA key whose exponent makes verifiers work is none, and costs no
// verification.
func TestLongExponent(t *testing.T) {
	t.Parallel()
	_, s := vectorValidator(t)
	for bits, want := range map[int]dnssec.Code{33: dnssec.CodeBadSignature, 34: dnssec.CodeUnusableKeys, 2000: dnssec.CodeUnusableKeys} {
		exponent := bytes.Repeat([]byte{0xff}, (bits+7)/8)
		exponent[0] >>= (8 - bits%8) % 8
		wire := append([]byte{0, byte(len(exponent) >> 8), byte(len(exponent))}, exponent...)
		wire = append(wire, bytes.Repeat([]byte{0xff}, 256)...)
		key := &dns.DNSKEY{
			Hdr:   dns.RR_Header{Name: "example.org.", Rrtype: dns.TypeDNSKEY, Class: dns.ClassINET, Ttl: 300},
			Flags: 257, Protocol: 3, Algorithm: dns.RSASHA256, PublicKey: base64.StdEncoding.EncodeToString(wire),
		}
		f := &forger{tb: t, s: s, now: vectorTime, change: both(
			dsOf("example.org.", func(*forger) []string { return []string{key.ToDS(dns.SHA256).String()} }),
			answering("example.org.", dns.TypeDNSKEY, func(f *forger, m *dns.Msg) {
				set := append(setOf(m.Answer, "example.org.", dns.TypeDNSKEY), key)
				sig := f.sign("example.org.", set)
				sig.Algorithm, sig.KeyTag = key.Algorithm, key.KeyTag()
				m.Answer = put(m.Answer, set, sig)
			}))}
		a := f.validator().Resolve(t.Context(), leaf, dns.TypeA)
		if a.Code != want || a.Status == dnssec.Secure {
			t.Errorf("%d bits: %v %q (%s), want %q", bits, a.Status, a.Code, a.Reason, want)
		}
	}
}

// TestWildcardDNAME: no DNAME is made from a wildcard, though the name itself is proven not to
// exist (RFC 6672, Section 3.3).
func TestWildcardDNAME(t *testing.T) {
	t.Parallel()
	_, s := vectorValidator(t)
	const name = "www.x.www.example.org."
	f := &forger{tb: t, s: s, now: vectorTime, change: answering(name, dns.TypeA, func(f *forger, m *dns.Msg) {
		set := f.rrs("*.www.example.org. 300 IN DNAME other.org.")
		sig := f.sign("example.org.", set)
		sig.Hdr.Name = "x.www.example.org."
		m.Rcode, m.Ns = 0, f.ask("x.www.example.org.", dns.TypeA).Ns
		m.Answer = append(renamed(set, "x.www.example.org."), sig, f.rr(name+" 300 IN CNAME www.other.org."))
		m.Answer = append(m.Answer, f.ask("www.other.org.", dns.TypeA).Answer...)
	})}
	if a := f.validator().Resolve(t.Context(), name, dns.TypeA); a.Status != dnssec.Bogus || a.Code != dnssec.CodeNoWildcard {
		t.Errorf("%v %q (%s)", a.Status, a.Code, a.Reason)
	}
}
