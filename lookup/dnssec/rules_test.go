package dnssec_test

import (
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"dnseal/lookup/dnssec"
)

// TestSkew: a signature is in time up to five minutes beside its times, to the second, at both ends.
func TestSkew(t *testing.T) {
	t.Parallel()
	_, s := vectorValidator(t)
	f := &forger{tb: t, s: s, now: vectorTime}
	const tolerated = 5 * time.Minute
	for _, tt := range []struct {
		inception, expiration time.Duration // from now
		code                  string
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

// TestSHA1DS: a SHA-1 digest counts only where that is allowed, and never beside a better one (RFC 4509, Section 3).
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
