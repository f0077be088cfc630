package dnssec_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"dnseal/lookup/dnssec"
)

// TestLimits: each limit, set low, makes the answer indeterminate under its own name.
func TestLimits(t *testing.T) {
	t.Parallel()
	v, _ := vectorValidator(t)
	for _, tt := range []struct {
		what   string
		limits dnssec.Limits
		name   string
		qtype  uint16
	}{
		{"queries", dnssec.Limits{Queries: 3}, leaf, dns.TypeA},
		{"lookup-queries", dnssec.Limits{LookupQueries: 3}, leaf, dns.TypeA},
		{"verifications", dnssec.Limits{Verifications: 3}, leaf, dns.TypeA},
		{"ds-digests", dnssec.Limits{Digests: 1}, leaf, dns.TypeA},
		{"nsec3-hashes", dnssec.Limits{Hashes: 1}, "no.nsec3.org.", dns.TypeA},
		{"labels", dnssec.Limits{Labels: 2}, leaf, dns.TypeA},
		{"records", dnssec.Limits{Records: 1}, leaf, dns.TypeA},
		{"leaf-records", dnssec.Limits{LeafRecords: 1}, "two.example.org.", dns.TypeA},
		{"leaf-record-size", dnssec.Limits{LeafRecordSize: 3}, leaf, dns.TypeA},
		{"leaf-size", dnssec.Limits{LeafSize: 7}, "two.example.org.", dns.TypeA},
	} {
		ctx := dnssec.WithBudget(t.Context(), dnssec.NewBudget(tt.limits))
		a := v.Resolve(ctx, tt.name, tt.qtype)
		if a.Status != dnssec.Indeterminate || a.Code != dnssec.Code("budget:"+tt.what) {
			t.Errorf("%s: %v %q (%s)", tt.what, a.Status, a.Code, a.Reason)
		}
	}
}

// TestIterationLimits: what a zone with 51 iterations is worth is for the limits to say.
func TestIterationLimits(t *testing.T) {
	t.Parallel()
	v, _ := vectorValidator(t)
	for _, tt := range []struct {
		limits dnssec.Limits
		want   dnssec.Status
	}{
		{dnssec.Limits{}, dnssec.Insecure},
		{dnssec.Limits{Iterations: 51}, dnssec.Secure},
		{dnssec.Limits{BogusIterations: 50}, dnssec.Bogus},
	} {
		ctx := dnssec.WithBudget(t.Context(), dnssec.NewBudget(tt.limits))
		if a := v.Resolve(ctx, "no.iterated.org.", dns.TypeA); a.Status != tt.want {
			t.Errorf("%+v: %v %q (%s), want %v", tt.limits, a.Status, a.Code, a.Reason, tt.want)
		}
	}
}

// TestLongNames: the default limits leave room for names with many labels, all of which are asked
// about.
func TestLongNames(t *testing.T) {
	t.Parallel()
	v, _ := vectorValidator(t)
	v.Keys = new(zoneMap)
	for _, zone := range []string{"example.org.", "nsec3.org."} {
		for range 2 {
			if a := v.Resolve(t.Context(), strings.Repeat("a.", 15)+zone, dns.TypeA); a.Status != dnssec.Secure {
				t.Errorf("%s: %v %q (%s)", a.Name, a.Status, a.Code, a.Reason)
			}
		}
	}
}

// TestKeySizes: which RSA keys count is for the limits to say. A zone with no other is insecure.
func TestKeySizes(t *testing.T) {
	t.Parallel()
	v, _ := vectorValidator(t)
	for _, tt := range []struct {
		limits dnssec.Limits
		want   dnssec.Status
	}{
		{dnssec.Limits{}, dnssec.Secure},
		{dnssec.Limits{RSAMin: 4000}, dnssec.Insecure},
		{dnssec.Limits{RSAMax: 1000}, dnssec.Insecure},
	} {
		ctx := dnssec.WithBudget(t.Context(), dnssec.NewBudget(tt.limits))
		if a := v.Resolve(ctx, "www.rsa.org.", dns.TypeA); a.Status != tt.want || a.Status == dnssec.Insecure && a.Code != dnssec.CodeUnusableKeys {
			t.Errorf("%+v: %v %q (%s), want %v", tt.limits, a.Status, a.Code, a.Reason, tt.want)
		}
	}
}

// TestForgedLimits: the limits that only a hostile zone meets.
func TestForgedLimits(t *testing.T) {
	t.Parallel()
	_, s := vectorValidator(t)
	keys := &spareKeys{}
	manySignatures := answering(leaf, dns.TypeA, func(f *forger, m *dns.Msg) {
		set := setOf(m.Answer, leaf, dns.TypeA)
		early := f.sign("example.org.", set, func(s *dns.RRSIG) { s.Inception = s.Expiration })
		m.Answer = put(m.Answer, set, early, early, f.sign("example.org.", set))
	})
	for _, tt := range []struct {
		what   string
		limits dnssec.Limits
		change func(*forger, dns.Question, *dns.Msg)
	}{
		{"ds", dnssec.Limits{DS: 1}, dsOf("example.org.", func(f *forger) []string {
			k, _, _ := f.s.Key("example.org.")
			return []string{k.ToDS(dns.SHA256).String(), k.ToDS(dns.SHA384).String()}
		})},
		{"keys", dnssec.Limits{Keys: 1}, keysOf("example.org.", func(f *forger) []dns.RR { return []dns.RR{f.collision("example.org.").record} })},
		{"signatures", dnssec.Limits{Signatures: 2}, manySignatures},
		{"same-tag-keys", dnssec.Limits{SameTagKeys: 1}, both(
			keysOf("example.org.", func(f *forger) []dns.RR { return []dns.RR{f.collision("example.org.").record} }),
			answering(leaf, dns.TypeA, func(f *forger, m *dns.Msg) {
				set := setOf(m.Answer, leaf, dns.TypeA)
				m.Answer = put(m.Answer, set, f.signBy(f.collision("example.org."), set))
			}))},
	} {
		f := &forger{tb: t, s: s, now: vectorTime, keys: keys, change: tt.change}
		v := f.validator()
		if a := v.Resolve(t.Context(), leaf, dns.TypeA); a.Status != dnssec.Secure {
			t.Errorf("%s, without the limit: %v %q (%s)", tt.what, a.Status, a.Code, a.Reason)
		}
		ctx := dnssec.WithBudget(t.Context(), dnssec.NewBudget(tt.limits))
		if a := v.Resolve(ctx, leaf, dns.TypeA); a.Status != dnssec.Indeterminate || a.Code != dnssec.Code("budget:"+tt.what) {
			t.Errorf("%s: %v %q (%s)", tt.what, a.Status, a.Code, a.Reason)
		}
	}
}

// TestAliasLimit: a chain of aliases without end.
func TestAliasLimit(t *testing.T) {
	t.Parallel()
	v, s := vectorValidator(t)
	f := &forger{tb: t, s: s, now: vectorTime}
	f.change = func(f *forger, q dns.Question, m *dns.Msg) {
		if q.Qtype != dns.TypeA {
			return
		}
		var n int
		if _, err := fmt.Sscanf(q.Name, "c%d.example.org.", &n); err != nil {
			return
		}
		set := f.rrs(fmt.Sprintf("c%d.example.org. 300 IN CNAME c%d.example.org.", n, n+1))
		m.Rcode, m.Answer, m.Ns = 0, put(nil, set, f.sign("example.org.", set)), nil
	}
	v.Exchanger = f
	if a := v.Resolve(t.Context(), "c0.example.org.", dns.TypeA); a.Code != "budget:aliases" || a.Status != dnssec.Indeterminate || len(a.Aliases) != 9 {
		t.Errorf("%v %q (%s) after %d aliases", a.Status, a.Code, a.Reason, len(a.Aliases))
	}
}

// TestBudgetPerMessage: one budget over several look-ups, and over the questions within them.
func TestBudgetPerMessage(t *testing.T) {
	t.Parallel()
	v, _ := vectorValidator(t)
	b := dnssec.NewBudget(dnssec.Limits{Queries: 14})
	ctx := dnssec.WithBudget(context.Background(), b)
	var got []string
	for range 4 {
		a := v.Resolve(ctx, leaf, dns.TypeA)
		got = append(got, strings.TrimSpace(a.Status.String()+" "+string(a.Code)))
	}
	if s := strings.Join(got, ", "); s != "secure, secure, indeterminate budget:queries, indeterminate budget:queries" || b.Queries() != 14 {
		t.Errorf("%s after %d queries", s, b.Queries())
	}
	if dnssec.BudgetFrom(ctx) != b || dnssec.BudgetFrom(context.Background()) != nil {
		t.Error("BudgetFrom")
	}
}
