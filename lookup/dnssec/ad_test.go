package dnssec_test

import (
	"context"
	"slices"
	"testing"

	"github.com/miekg/dns"

	"dnseal/lookup/dnssec"
)

// TestAD reports AD when every reply about the records asked for has it, along an alias, and
// whatever the replies about zones say.
func TestAD(t *testing.T) {
	t.Parallel()
	v, s := vectorValidator(t)
	for _, tt := range []struct {
		name   string
		change func(m *dns.Msg, cd bool)
		want   bool
	}{
		{"AD", func(m *dns.Msg, _ bool) { m.AuthenticatedData = true }, true},
		{"no AD", func(m *dns.Msg, _ bool) { m.AuthenticatedData = false }, false},
		{"AD with CD", func(m *dns.Msg, _ bool) { m.AuthenticatedData, m.CheckingDisabled = true, true }, false},
		{"AD after SERVFAIL, asked with CD=1", func(m *dns.Msg, cd bool) {
			m.AuthenticatedData = true
			if !cd {
				m.Rcode, m.Answer = dns.RcodeServerFailure, nil
			}
		}, false},
	} {
		about := dnssec.Validator{Anchors: v.Anchors, Now: v.Now, Exchanger: exchange(func(ctx context.Context, name string, qtype uint16, cd bool) (*dns.Msg, error) {
			m, err := s.Exchange(ctx, name, qtype, cd)
			if err == nil && qtype == dns.TypeA {
				tt.change(m, cd)
			}
			return m, err
		})}
		if a := about.Resolve(t.Context(), leaf, dns.TypeA); a.Status != dnssec.Secure || a.AD != tt.want {
			t.Errorf("%s: %s, AD %t, want secure, %t", tt.name, a.Status, a.AD, tt.want)
		}
	}
	if a := v.Verify((&dnssec.Answer{Name: leaf, Type: dns.TypeA}).Evidence(), vectorNow()); a.AD {
		t.Error("evidence that no resolver brought has AD")
	}
}

// TestADAlongAlias: the end of an alias that is asked for by itself must have AD too.
func TestADAlongAlias(t *testing.T) {
	t.Parallel()
	const alias, target = "away.example.org.", "www.other.org."
	v, s := vectorValidator(t)
	for _, without := range []string{"", alias, target} {
		about := dnssec.Validator{Anchors: v.Anchors, Now: v.Now, Exchanger: exchange(func(ctx context.Context, name string, qtype uint16, cd bool) (*dns.Msg, error) {
			m, err := s.Exchange(ctx, name, qtype, cd)
			if err == nil && qtype == dns.TypeA {
				m.AuthenticatedData = name != without
				m.Answer = slices.DeleteFunc(m.Answer, func(rr dns.RR) bool { return rr.Header().Name != name })
			}
			return m, err
		})}
		a := about.Resolve(t.Context(), alias, dns.TypeA)
		if a.Status != dnssec.Secure || !a.Exists || a.AD != (without == "") {
			t.Errorf("without AD about %q: %s, %d records, AD %t", without, a.Status, len(a.Records), a.AD)
		}
	}
}
