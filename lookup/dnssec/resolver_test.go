package dnssec_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"

	"dnseal/lookup/dnssec"
	"dnseal/lookup/lookuptest"
)

// exchange is an Exchanger made of a function.
type exchange func(ctx context.Context, name string, qtype uint16, cd bool) (*dns.Msg, error)

// Exchange implements dnssec.Exchanger.
func (e exchange) Exchange(ctx context.Context, name string, qtype uint16, cd bool) (*dns.Msg, error) {
	return e(ctx, name, qtype, cd)
}

// vectorValidator is an honest validator over the vectors' hierarchy.
func vectorValidator(t *testing.T) (*dnssec.Validator, *lookuptest.Server) {
	t.Helper()
	s := newServer(t, vectorHierarchy(), lookuptest.Options{Now: vectorNow})
	v := newValidator(t, s)
	v.Now = vectorNow
	return v, s
}

// TestResolverTrouble: what a resolver can do wrong is never secure, and has its own word.
func TestResolverTrouble(t *testing.T) {
	t.Parallel()
	v, s := vectorValidator(t)
	leafOnly := func(change func(m *dns.Msg, cd bool) error) exchange {
		return func(ctx context.Context, name string, qtype uint16, cd bool) (*dns.Msg, error) {
			m, err := s.Exchange(ctx, name, qtype, cd)
			if err == nil && name == leaf && qtype == dns.TypeA {
				err = change(m, cd)
			}
			return m, err
		}
	}
	ede := func(code uint16) func(*dns.Msg, bool) error {
		return func(m *dns.Msg, _ bool) error {
			m.IsEdns0().Option = append(m.IsEdns0().Option, &dns.EDNS0_EDE{InfoCode: code})
			return nil
		}
	}
	for _, tt := range []struct {
		name   string
		change func(m *dns.Msg, cd bool) error
		status dnssec.Status
		code   dnssec.Code
		ede    int
	}{
		{"honest", func(*dns.Msg, bool) error { return nil }, dnssec.Secure, "", -1},
		{"stale", ede(dns.ExtendedErrorCodeStaleAnswer), dnssec.Indeterminate, dnssec.CodeStale, 3},
		{"stale NXDOMAIN", ede(dns.ExtendedErrorCodeStaleNXDOMAINAnswer), dnssec.Indeterminate, dnssec.CodeStale, 19},
		{"truncated", func(m *dns.Msg, _ bool) error { m.Truncated = true; return nil }, dnssec.Indeterminate, dnssec.CodeMalformed, -1},
		{"no response", func(m *dns.Msg, _ bool) error { m.Response = false; return nil }, dnssec.Indeterminate, dnssec.CodeMalformed, -1},
		{"no query", func(m *dns.Msg, _ bool) error { m.Opcode = dns.OpcodeNotify; return nil }, dnssec.Indeterminate, dnssec.CodeMalformed, -1},
		{"other name", func(m *dns.Msg, _ bool) error { m.Question[0].Name = "www.other.org."; return nil }, dnssec.Indeterminate, dnssec.CodeMalformed, -1},
		{"other type", func(m *dns.Msg, _ bool) error { m.Question[0].Qtype = dns.TypeTXT; return nil }, dnssec.Indeterminate, dnssec.CodeMalformed, -1},
		{"no question", func(m *dns.Msg, _ bool) error { m.Question = nil; return nil }, dnssec.Indeterminate, dnssec.CodeMalformed, -1},
		{"class", func(m *dns.Msg, _ bool) error { m.Answer[0].Header().Class = dns.ClassCHAOS; return nil }, dnssec.Bogus, dnssec.CodeNoDenial, 12},
		{"silent", func(*dns.Msg, bool) error { return context.DeadlineExceeded }, dnssec.Indeterminate, dnssec.CodeTimeout, 22},
		{"unreachable", func(*dns.Msg, bool) error { return errors.New("no route") }, dnssec.Indeterminate, dnssec.CodeUnreachable, 23},
		{"servfail", func(m *dns.Msg, _ bool) error { m.Rcode, m.Answer = dns.RcodeServerFailure, nil; return nil }, dnssec.Indeterminate, dnssec.CodeServfail, -1},
		{"servfail, right with CD", func(m *dns.Msg, cd bool) error {
			if !cd {
				m.Rcode, m.Answer = dns.RcodeServerFailure, nil
			}
			return nil
		}, dnssec.Secure, "", -1},
		{"servfail, CD was tried", func(m *dns.Msg, cd bool) error {
			if m.CheckingDisabled = true; !cd {
				m.Rcode, m.Answer = dns.RcodeServerFailure, nil
			}
			return nil
		}, dnssec.Indeterminate, dnssec.CodeServfail, -1},
		{"its own code", func(*dns.Msg, bool) error { return ownCode{} }, dnssec.Indeterminate, "its-own", -1},
		{"servfail, wrong with CD", func(m *dns.Msg, cd bool) error {
			if m.Answer[0].(*dns.A).A[3] ^= 1; !cd {
				m.Rcode, m.Answer = dns.RcodeServerFailure, nil
			}
			return nil
		}, dnssec.Bogus, dnssec.CodeBadSignature, 6},
		{"refused", func(m *dns.Msg, _ bool) error { m.Rcode, m.Answer = dns.RcodeRefused, nil; return nil }, dnssec.Indeterminate, dnssec.CodeRefused, -1},
		{"nothing", func(m *dns.Msg, _ bool) error { m.Answer = nil; return nil }, dnssec.Bogus, dnssec.CodeNoDenial, 12},
	} {
		v.Exchanger = leafOnly(tt.change)
		a := v.Resolve(t.Context(), leaf, dns.TypeA)
		if a.Status != tt.status || a.Code != tt.code || a.EDE != tt.ede {
			t.Errorf("%s: %v %q EDE %d (%s), want %v %q EDE %d", tt.name, a.Status, a.Code, a.EDE, a.Reason, tt.status, tt.code, tt.ede)
		}
		if a.Status != dnssec.Secure && a.Reason == "" {
			t.Errorf("%s: no reason", tt.name)
		}
	}
}

// TestQuestions that cannot be asked.
func TestQuestions(t *testing.T) {
	t.Parallel()
	v, _ := vectorValidator(t)
	for _, q := range []question{
		{strings.Repeat("a", 64) + ".org", dns.TypeA},
		{strings.Repeat("a.", 128) + "org", dns.TypeA},
		{"a..org", dns.TypeA},
		{"www.example.org", dns.TypeANY},
		{"www.example.org", dns.TypeRRSIG},
		{"www.example.org", dns.TypeAXFR},
		{"www.example.org", 0},
	} {
		if a := v.Resolve(t.Context(), q.name, q.qtype); a.Status != dnssec.Indeterminate || a.Code != dnssec.CodeMalformed {
			t.Errorf("Resolve(%.20q, %d) = %v %q", q.name, q.qtype, a.Status, a.Code)
		}
	}
	if a := v.Resolve(t.Context(), "WWW.Example.ORG", dns.TypeA); a.Status != dnssec.Secure || a.Name != leaf {
		t.Errorf("without dot: %v %q (%s)", a.Status, a.Name, a.Reason)
	}
}

// TestColdRoundTrips: with nothing known, a name three zones deep takes two round trips at most;
// names known, one.
func TestColdRoundTrips(t *testing.T) {
	t.Parallel()
	v, s := vectorValidator(t)
	const roundTrip = 20 * time.Millisecond
	for _, tt := range []struct {
		name  string
		qtype uint16
		trips int
	}{
		{"alice._smimecert.example.org.", dns.TypeSMIMEA, 1},
		{"nobody.nsec3.org.", dns.TypeTLSA, 1},
		{"www.island.org.", dns.TypeA, 1},
		{"www.child.example.org.", dns.TypeA, 1},
		{"away.example.org.", dns.TypeA, 2},
	} {
		synctest.Test(t, func(t *testing.T) {
			v.Exchanger = exchange(func(ctx context.Context, name string, qtype uint16, cd bool) (*dns.Msg, error) {
				time.Sleep(roundTrip)
				return s.Exchange(ctx, name, qtype, cd)
			})
			start := time.Now()
			a := v.Resolve(context.Background(), tt.name, tt.qtype)
			if took := time.Since(start); took > time.Duration(tt.trips)*roundTrip {
				t.Errorf("%s: %v after %v, want %d round trips of %v", tt.name, a.Status, took, tt.trips, roundTrip)
			}
		})
	}
}

// TestJoin: no goroutine outlives Resolve, also when the answer is there before the others.
func TestJoin(t *testing.T) {
	t.Parallel()
	v, s := vectorValidator(t)
	synctest.Test(t, func(t *testing.T) {
		v.Exchanger = exchange(func(ctx context.Context, name string, qtype uint16, cd bool) (*dns.Msg, error) {
			if name == "." {
				<-ctx.Done()
				return nil, ctx.Err()
			}
			return s.Exchange(ctx, name, qtype, cd)
		})
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if a := v.Resolve(ctx, leaf, dns.TypeA); a.Status != dnssec.Indeterminate || a.Code != dnssec.CodeTimeout {
			t.Errorf("%v %q (%s)", a.Status, a.Code, a.Reason)
		}
		// synctest fails when a goroutine is left.
	})
}

// TestKeysCache: what is known is not asked again, until it expires.
func TestKeysCache(t *testing.T) {
	t.Parallel()
	v, s := vectorValidator(t)
	now := vectorTime
	v.Now = func() time.Time { return now }
	v.Keys = new(zoneMap)
	var mu sync.Mutex
	var asked []string
	v.Exchanger = exchange(func(ctx context.Context, name string, qtype uint16, cd bool) (*dns.Msg, error) {
		mu.Lock()
		defer mu.Unlock()
		asked = append(asked, name+" "+dns.Type(qtype).String())
		return s.Exchange(ctx, name, qtype, cd)
	})
	for _, tt := range []struct {
		wait time.Duration
		name string
		most int
	}{
		{0, "www.example.org.", 6},
		{time.Second, "two.example.org.", 1},
		{time.Second, "alice._smimecert.example.org.", 1},
		{time.Second, "www.child.example.org.", 3},
		{time.Second, "www.other.org.", 3},
		{time.Second, "www.island.org.", 3},
		{time.Second, "wwww.island.org.", 1},
		{300 * time.Second, "www.example.org.", 6},
	} {
		now = now.Add(tt.wait)
		asked = nil
		a := v.Resolve(t.Context(), tt.name, dns.TypeA)
		if a.Status != dnssec.Secure && a.Status != dnssec.Insecure || len(asked) > tt.most {
			t.Errorf("%s: %v (%s), asked %q, want at most %d questions", tt.name, a.Status, a.Reason, asked, tt.most)
		}
	}
}

// TestShared: look-ups side by side over one cache and the same messages; the race detector sees
// what they write.
func TestShared(t *testing.T) {
	t.Parallel()
	v, _ := vectorValidator(t)
	rec := &recorder{Exchanger: v.Exchanger}
	v.Exchanger = rec
	asked := []question{
		{leaf, dns.TypeA},
		{"no.example.org.", dns.TypeA},
		{"no.nsec3.org.", dns.TypeA},
		{"away.example.org.", dns.TypeA},
		{"www.d.example.org.", dns.TypeA},
		{"alice._smimecert.example.org.", dns.TypeSMIMEA},
		{"www.island.org.", dns.TypeA},
	}
	want := map[question]dnssec.Status{}
	for _, q := range asked {
		want[q] = v.Resolve(t.Context(), q.name, q.qtype).Status
	}
	c := canned{}
	for q, m := range rec.seen {
		c[question{q.Name, q.Qtype}] = m
	}
	v.Exchanger, v.Keys, v.Signatures = c, new(zoneMap), new(signatureMap)
	var work sync.WaitGroup
	for range 8 {
		for _, q := range asked {
			work.Go(func() {
				if a := v.Resolve(t.Context(), q.name, q.qtype); a.Status != want[q] {
					t.Errorf("%s: %v (%s), want %v", q.name, a.Status, a.Reason, want[q])
				}
			})
		}
	}
	work.Wait()
}

// ownCode is an error of an Exchanger with a code.
type ownCode struct{}

func (ownCode) Error() string     { return "it has a word of its own" }
func (ownCode) Code() dnssec.Code { return "its-own" }

// TestRefusedByResolver: what came with CD=1 only, after SERVFAIL, is as good as anything that
// validates here.
func TestRefusedByResolver(t *testing.T) {
	t.Parallel()
	v, s := vectorValidator(t)
	cache := new(zoneMap)
	v.Keys = cache
	v.Exchanger = exchange(func(ctx context.Context, name string, qtype uint16, cd bool) (*dns.Msg, error) {
		m, err := s.Exchange(ctx, name, qtype, cd)
		if err == nil && name == "org." && !cd {
			m.Rcode, m.Answer = dns.RcodeServerFailure, nil
		}
		return m, err
	})
	a := v.Resolve(t.Context(), leaf, dns.TypeA)
	if a.Status != dnssec.Secure || a.Code != "" {
		t.Errorf("%v %q (%s)", a.Status, a.Code, a.Reason)
	}
	if _, ok := cache.Get("example.org."); !ok {
		t.Error("example.org. was not kept")
	}
}

// TestMayFollow: an alias that may not be followed ends the lookup before anything is asked about
// its target.
func TestMayFollow(t *testing.T) {
	t.Parallel()
	v, s := vectorValidator(t)
	v.MayFollow = func(target string) error {
		if strings.HasSuffix(target, "other.org.") {
			return ownCode{}
		}
		return nil
	}
	v.Exchanger = exchange(func(ctx context.Context, name string, qtype uint16, cd bool) (*dns.Msg, error) {
		if strings.HasSuffix(name, "other.org.") {
			t.Errorf("%s %s is asked for", name, dns.Type(qtype))
		}
		return s.Exchange(ctx, name, qtype, cd)
	})
	for name, want := range map[string]dnssec.Status{"away.example.org.": dnssec.Indeterminate, leaf: dnssec.Secure} {
		if a := v.Resolve(t.Context(), name, dns.TypeA); a.Status != want || a.Status != dnssec.Secure && a.Code != "its-own" {
			t.Errorf("%s: %v %q (%s), want %v", name, a.Status, a.Code, a.Reason, want)
		}
	}
}

// TestTTL: no longer than any link, nor than the signature (RFC 4035, 5.3.3), nor than the SOA says
// (RFC 9077).
func TestTTL(t *testing.T) {
	t.Parallel()
	v, s := vectorValidator(t)
	ttl := func(owner string, qtype uint16, seconds uint32) exchange {
		return func(ctx context.Context, name string, asked uint16, cd bool) (*dns.Msg, error) {
			m, err := s.Exchange(ctx, name, asked, cd)
			for _, rr := range slices.Concat(m.Answer, m.Ns) {
				if isOf(rr, owner, qtype) {
					rr.Header().Ttl = seconds
				}
			}
			return m, err
		}
	}
	for _, tt := range []struct {
		name     string
		qtype    uint16
		exchange exchange
		want     time.Duration
	}{
		{leaf, dns.TypeA, ttl(leaf, dns.TypeA, 60), time.Minute},
		{leaf, dns.TypeA, ttl(leaf, dns.TypeA, 86400), 300 * time.Second},
		{leaf, dns.TypeA, ttl("org.", dns.TypeDNSKEY, 50), 50 * time.Second},
		{leaf, dns.TypeA, ttl("example.org.", dns.TypeDS, 40), 40 * time.Second},
		{leaf, dns.TypeTXT, ttl("example.org.", dns.TypeSOA, 30), 30 * time.Second},
		{leaf, dns.TypeTXT, ttl(leaf, dns.TypeNSEC, 20), 20 * time.Second},
		{"away.example.org.", dns.TypeA, ttl("www.other.org.", dns.TypeA, 10), 10 * time.Second},
		{"www.island.org.", dns.TypeA, ttl("www.island.org.", dns.TypeA, 9), 9 * time.Second},
		{"www.island.org.", dns.TypeA, ttl("island.org.", dns.TypeNSEC, 8), 8 * time.Second},
	} {
		v.Exchanger = tt.exchange
		if a := v.Resolve(t.Context(), tt.name, tt.qtype); a.TTL != tt.want {
			t.Errorf("%s %s: TTL %v, want %v", tt.name, dns.Type(tt.qtype), a.TTL, tt.want)
		}
	}
}

// TestLinks: the chain is there for people, also where it breaks.
func TestLinks(t *testing.T) {
	t.Parallel()
	zones, _ := everyState()
	v := newValidator(t, newServer(t, zones, lookuptest.Options{}))
	for _, tt := range []struct {
		name string
		want string
	}{
		{"hash._smimecert.nsec.lab", ". secure, lab. secure, nsec.lab. secure"},
		{"www.island.nsec3.lab", ". secure, lab. secure, nsec3.lab. secure, island.nsec3.lab. insecure"},
		{"www.wrongds.lab", ". secure, lab. secure, wrongds.lab. bogus"},
		{"away.ed25519.lab", ". secure, lab. secure, ed25519.lab. secure, nsec.lab. secure"},
	} {
		a := v.Resolve(t.Context(), tt.name, dns.TypeA)
		var got []string
		for _, l := range a.Links {
			got = append(got, l.Zone+" "+l.Status.String())
			if l.Status != dnssec.Secure && l.Reason == "" {
				t.Errorf("%s: link %s without a reason", tt.name, l.Zone)
			}
			if l.Status == dnssec.Secure && (l.Signature == nil || len(l.Keys) == 0 || l.Zone != "." && len(l.DS) == 0) {
				t.Errorf("%s: link %s without keys", tt.name, l.Zone)
			}
		}
		if s := strings.Join(got, ", "); s != tt.want {
			t.Errorf("%s: %s, want %s (%s)", tt.name, s, tt.want, a.Reason)
		}
	}
}

// TestUnknownRootKey: a key-signing key that no anchor knows is worth a warning, the known one is
// not.
func TestUnknownRootKey(t *testing.T) {
	t.Parallel()
	_, s := vectorValidator(t)
	f := &forger{tb: t, s: s, now: vectorTime, keys: &spareKeys{}}
	v := f.validator()
	if a := v.Resolve(t.Context(), leaf, dns.TypeA); a.Links[0].Warning != "" {
		t.Errorf("warning %q", a.Links[0].Warning)
	}
	f.change = keysOf(".", func(f *forger) []dns.RR {
		return []dns.RR{f.spare("next", ".", dns.ECDSAP256SHA256, 257, 256).record}
	})
	a := v.Resolve(t.Context(), leaf, dns.TypeA)
	if a.Status != dnssec.Secure || !strings.Contains(a.Links[0].Warning, "no trust anchor knows") {
		t.Errorf("%v, warning %q", a.Status, a.Links[0].Warning)
	}
}
