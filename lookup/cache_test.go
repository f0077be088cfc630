package lookup

import (
	"context"
	"crypto/x509"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"dnseal/lookup/chain"
	"dnseal/lookup/dane"
	"dnseal/lookup/dnssec"
	"dnseal/lookup/lookuptest"
	"dnseal/lookup/lookuptest/peertest"
)

// testClock starts in the present, so that the caches' own clock agrees, and only ever goes forward
// when told.
type testClock struct{ ahead atomic.Int64 }

func (c *testClock) now() time.Time          { return time.Now().Add(time.Duration(c.ahead.Load())) }
func (c *testClock) advance(d time.Duration) { c.ahead.Add(int64(d)) }

// counted is a lab that counts questions for one type. It is asked over TLS: over UDP a question is
// asked once more when the answer takes a second, as it may on a busy machine.
type counted struct {
	*lab
	addr  string
	roots *x509.CertPool
	asked atomic.Int32
	clock testClock
}

func startCounted(t *testing.T, zones ...lookuptest.Zone) *counted {
	t.Helper()
	c := new(counted)
	c.lab = startLab(t, lookuptest.Options{Now: c.clock.now, Asked: func(_ string, qtype uint16) {
		if qtype == uint16(dane.TLSA) {
			c.asked.Add(1)
		}
	}}, zones...)
	c.addr, c.roots = startTLS(t, c.lab)
	return c
}

func (c *counted) client(t *testing.T, edit ...func(*Options)) *Client {
	t.Helper()
	return c.lab.client(t, append(edit, func(o *Options) {
		o.Now, o.RootCAs = c.clock.now, c.roots
		o.Resolvers = []string{"tls://" + c.addr + "#dns.example.net"}
	})...)
}

const sensor = "sensor._device.example.lab"

// TestCacheHolds asks once for as long as the TTL lasts, counts it down, and asks again after it.
func TestCacheHolds(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		zone func(*lookuptest.Zone)
		ask  string
		ttl  time.Duration
	}{
		{"present", func(*lookuptest.Zone) {}, sensor, 300 * time.Second},
		{"absent", func(*lookuptest.Zone) {}, "no._device.example.lab", 300 * time.Second},
		{"insecure", func(z *lookuptest.Zone) { z.Unsigned = true }, sensor, 300 * time.Second},
		{"signatures that end soon", func(z *lookuptest.Zone) { z.Validity = 100 * time.Second }, sensor, 100 * time.Second},
		{"what cannot be told", func(z *lookuptest.Zone) { z.Break = lookuptest.Unreachable }, sensor, 5 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l := startCounted(t, zone("example.lab", tt.zone))
			c := l.client(t)
			start := time.Now()
			first := c.Lookup(t.Context(), tt.ask, dane.TLSA)
			asked := l.asked.Load()
			// signatures are made meanwhile, and end with a whole second
			slack := time.Since(start) + time.Second
			if first.Status != dnssec.Indeterminate && (first.TTL > tt.ttl+slack || first.TTL < tt.ttl-slack) {
				t.Errorf("TTL %s, want %s", first.TTL, tt.ttl)
			}
			l.clock.advance(tt.ttl / 2)
			again := c.Lookup(t.Context(), tt.ask, dane.TLSA)
			slack = time.Since(start) + time.Second
			if l.asked.Load() != asked && slack < tt.ttl/2 {
				t.Fatal("asked again within the TTL")
			}
			if again.Status != first.Status || again.Presence != first.Presence || again.TTL > tt.ttl/2+slack || again.TTL <= 0 {
				t.Errorf("from the cache: %s, TTL %s after half of %s", again.Status, again.TTL, tt.ttl)
			}
			l.clock.advance(tt.ttl/2 + slack)
			c.Lookup(t.Context(), tt.ask, dane.TLSA)
			if l.asked.Load() == asked {
				t.Error("not asked again after the TTL")
			}
		})
	}
}

// TestCacheClock: a clock that is set back does not make what is kept live longer.
func TestCacheClock(t *testing.T) {
	t.Parallel()
	var clock testClock
	c, err := newCache(&Options{CacheBytes: 1 << 20, Now: clock.now, Limits: Limits{}.withDefaults()})
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	k := key{sensor + ".", dane.TLSA}
	c.put(k, &Result{Name: k.name, Type: k.typ, Status: dnssec.Secure, Presence: dane.Present, TTL: 5 * time.Minute, Answer: new(dnssec.Answer)})
	if r, _ := c.get(k); r == nil {
		t.Fatal("nothing was kept")
	}
	clock.advance(-time.Hour)
	if r, _ := c.get(k); r != nil {
		t.Errorf("kept for %s from a clock that was set back", r.TTL)
	}
}

func TestKeepFor(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	limits := Limits{}.withDefaults()
	for _, tt := range []struct {
		result Result
		want   time.Duration
	}{
		{Result{Status: dnssec.Secure, Presence: dane.Present, TTL: day}, time.Hour},
		{Result{Status: dnssec.Secure, Presence: dane.Present, TTL: time.Minute}, time.Minute},
		{Result{Status: dnssec.Secure, Presence: dane.Present}, 0},
		{Result{Status: dnssec.Secure, Presence: dane.Absent, TTL: day}, 15 * time.Minute},
		{Result{Status: dnssec.Insecure, Presence: dane.Present, TTL: day}, time.Hour},
		{Result{Status: dnssec.Insecure, Presence: dane.Absent, TTL: day}, 15 * time.Minute},
		{Result{Status: dnssec.Bogus, TTL: day}, time.Minute},
		{Result{Status: dnssec.Bogus}, 5 * time.Second},
		{Result{Code: dnssec.CodeTimeout, TTL: day}, 5 * time.Second},
		{Result{Code: "budget:verifications"}, 5 * time.Second},
		{Result{Code: "budget:queries"}, 0},
		{Result{}, 5 * time.Second},
	} {
		if got := limits.keepFor(&tt.result); got != tt.want {
			t.Errorf("keepFor(%s, presence %d, %q, TTL %s) = %s, want %s", tt.result.Status, tt.result.Presence, tt.result.Code, tt.result.TTL, got, tt.want)
		}
	}
}

// TestRevoked sees that a record is gone as soon as the TTL is over, even when nothing can be asked
// then.
func TestRevoked(t *testing.T) {
	t.Parallel()
	l := startCounted(t, zone("example.lab"))
	c := l.client(t)
	if r := c.Lookup(t.Context(), sensor, dane.TLSA); r.Presence != dane.Present {
		t.Fatal(r.Reason)
	}
	gone := zone("example.lab", func(z *lookuptest.Zone) { z.Text = strings.ReplaceAll(z.Text, "\nsensor", "\nother") })
	if err := l.Replace([]lookuptest.Zone{gone}); err != nil {
		t.Fatal(err)
	}
	l.clock.advance(301 * time.Second)
	if r := c.Lookup(t.Context(), sensor, dane.TLSA); r.Status != dnssec.Secure || r.Presence != dane.Absent {
		t.Errorf("Lookup() = %s, presence %d, want secure and absent", r.Status, r.Presence)
	}
	if err := l.SetBreak("example.lab", lookuptest.Unreachable); err != nil {
		t.Fatal(err)
	}
	l.clock.advance(301 * time.Second)
	if r := c.Lookup(t.Context(), sensor, dane.TLSA); r.Status != dnssec.Indeterminate || r.Presence != dane.Unknown {
		t.Errorf("Lookup() = %s, presence %d, want indeterminate: nothing stale", r.Status, r.Presence)
	}
}

// TestLookupFresh goes past the cache, but not more than once in five seconds.
func TestLookupFresh(t *testing.T) {
	t.Parallel()
	l := startCounted(t, zone("example.lab"))
	c := l.client(t)
	const absent = "new._device.example.lab"
	c.Lookup(t.Context(), absent, dane.TLSA)
	published := zone("example.lab", func(z *lookuptest.Zone) { z.Text += "new._device TLSA 3 0 0 00\n" })
	if err := l.Replace([]lookuptest.Zone{published}); err != nil {
		t.Fatal(err)
	}
	if r := c.LookupFresh(t.Context(), absent, dane.TLSA); r.Presence != dane.Absent || l.asked.Load() != 1 {
		t.Errorf("%d questions: what was asked just now is asked again", l.asked.Load())
	}
	l.clock.advance(freshAge)
	if r := c.LookupFresh(t.Context(), absent, dane.TLSA); r.Presence != dane.Present || l.asked.Load() != 2 {
		t.Errorf("LookupFresh() = presence %d after %d questions, want the new record after 2", r.Presence, l.asked.Load())
	}
	if r := c.Lookup(t.Context(), absent, dane.TLSA); r.Presence != dane.Present || l.asked.Load() != 2 {
		t.Errorf("Lookup() = presence %d after %d questions, want what was just found", r.Presence, l.asked.Load())
	}
}

func TestNoCache(t *testing.T) {
	t.Parallel()
	l := startCounted(t, zone("example.lab"))
	c := l.client(t, func(o *Options) { o.NoCache = true })
	for range 3 {
		c.Lookup(t.Context(), sensor, dane.TLSA)
	}
	if got := l.asked.Load(); got != 3 {
		t.Errorf("%d questions, want 3", got)
	}
}

// TestCacheBytes bounds the cache.
func TestCacheBytes(t *testing.T) {
	t.Parallel()
	l := startCounted(t, zone("example.lab"))
	const limit = 200_000
	c := l.client(t, func(o *Options) { o.CacheBytes = limit })
	for i := range 100 {
		c.Lookup(t.Context(), fmt.Sprintf("n%d._device.example.lab", i), dane.TLSA)
	}
	results := c.trust.Load().cache.results
	results.CleanUp()
	if got, n := results.WeightedSize(), results.EstimatedSize(); got > limit || n == 0 || n == 100 {
		t.Errorf("%d entries of %d octets, want some within %d", n, got, limit)
	}
}

// TestZoneBytes bounds what is kept of zones, which whoever sends mail can make many and large.
func TestZoneBytes(t *testing.T) {
	t.Parallel()
	const limit, count = 60_000, 60
	var zones []lookuptest.Zone
	for i := range count {
		zones = append(zones, zone(fmt.Sprintf("z%d.lab", i)))
	}
	c := startLab(t, lookuptest.Options{}, zones...).client(t, func(o *Options) { o.CacheBytes = limit * zoneShare })
	for i := range count {
		if r := c.Lookup(t.Context(), fmt.Sprintf("sensor._device.z%d.lab", i), dane.TLSA); r.Status != dnssec.Secure {
			t.Fatalf("%s: %s", r.Name, r.Reason)
		}
	}
	kept := c.trust.Load().cache.zones
	kept.CleanUp()
	if got, n := kept.WeightedSize(), kept.EstimatedSize(); got > limit || n == 0 || n >= count {
		t.Errorf("%d zones of %d octets, want some within %d", n, got, limit)
	}
}

// TestCoalesced asks once for everybody; who gives up does not stop the others.
func TestCoalesced(t *testing.T) {
	t.Parallel()
	const callers = 500
	var asked atomic.Int32
	release := make(chan struct{})
	l := startLab(t, lookuptest.Options{Asked: func(_ string, qtype uint16) {
		if qtype == uint16(dane.TLSA) {
			asked.Add(1)
			<-release
		}
	}}, zone("example.lab"))
	c := l.client(t)
	first, cancel := context.WithCancel(t.Context())
	gaveUp := make(chan *Result)
	go func() { gaveUp <- c.Lookup(first, sensor, dane.TLSA) }()
	peertest.WaitFor(t, "the first question", func() bool { return asked.Load() == 1 })
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			if r := c.Lookup(t.Context(), sensor, dane.TLSA); r.Status != dnssec.Secure || r.Presence != dane.Present {
				t.Errorf("Lookup() = %s (%s)", r.Status, r.Reason)
			}
		})
	}
	cancel()
	if r := <-gaveUp; r.Status != dnssec.Indeterminate || r.Code != dnssec.CodeTimeout {
		t.Errorf("the caller who gave up got %s %q", r.Status, r.Code)
	}
	close(release)
	wg.Wait()
	if got := asked.Load(); got > 2 { // a second datagram when the first took long
		t.Errorf("%d questions for %d callers", got, callers)
	}
}

// TestBudgetOfAnother does not let the limit of one message fail another.
func TestBudgetOfAnother(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	release := make(chan struct{})
	l := startLab(t, lookuptest.Options{Asked: func(string, uint16) {
		if asked.Add(1) == 1 {
			<-release
		}
	}}, zone("example.lab"))
	c := l.client(t)
	poor := dnssec.WithBudget(t.Context(), dnssec.NewBudget(dnssec.Limits{Queries: 1}))
	failed := make(chan *Result)
	go func() { failed <- c.Lookup(poor, sensor, dane.TLSA) }()
	peertest.WaitFor(t, "the first question", func() bool { return asked.Load() == 1 })
	ok := make(chan *Result)
	go func() { ok <- c.Lookup(t.Context(), sensor, dane.TLSA) }()
	close(release)
	if r := <-failed; r.Status != dnssec.Indeterminate || r.Code != codeMessageQueries {
		t.Errorf("with a budget of one query: %s %q", r.Status, r.Code)
	}
	if r := <-ok; r.Status != dnssec.Secure {
		t.Errorf("the other message: %s %q (%s)", r.Status, r.Code, r.Reason)
	}
}

// TestBudgetIsShared counts all lookups of a message, and nothing that came from the cache.
func TestBudgetIsShared(t *testing.T) {
	t.Parallel()
	l := startCounted(t, zone("example.lab"))
	c := l.client(t)
	ctx := dnssec.WithBudget(t.Context(), dnssec.NewBudget(dnssec.Limits{Queries: 30}))
	for i := range 40 {
		c.Lookup(ctx, fmt.Sprintf("n%d._device.example.lab", i), dane.TLSA)
	}
	r := c.Lookup(ctx, "last._device.example.lab", dane.TLSA)
	if r.Code != codeMessageQueries || dnssec.BudgetFrom(ctx).Queries() > 30 {
		t.Errorf("after %d queries: %q, want %q", dnssec.BudgetFrom(ctx).Queries(), r.Code, codeMessageQueries)
	}
	if r := c.Lookup(ctx, "n1._device.example.lab", dane.TLSA); r.Status != dnssec.Secure {
		t.Errorf("from the cache: %s %q", r.Status, r.Code)
	}
	if r := c.Lookup(t.Context(), "last._device.example.lab", dane.TLSA); r.Status != dnssec.Secure {
		t.Errorf("the next message: %s %q (%s)", r.Status, r.Code, r.Reason)
	}
}

// TestSetAnchors forgets what rested on other anchors.
func TestSetAnchors(t *testing.T) {
	t.Parallel()
	l := startLab(t, lookuptest.Options{}, zone("example.lab"))
	c := l.client(t)
	if r := c.Lookup(t.Context(), sensor, dane.TLSA); r.Status != dnssec.Secure {
		t.Fatal(r.Reason)
	}
	if err := c.SetAnchors(nil); err != nil {
		t.Fatal(err)
	}
	if r := c.Lookup(t.Context(), sensor, dane.TLSA); r.Status != dnssec.Bogus {
		t.Errorf("with the real root's anchors: %s, want bogus", r.Status)
	}
	if err := c.SetAnchors(l.anchors); err != nil {
		t.Fatal(err)
	}
	if r := c.Lookup(t.Context(), sensor, dane.TLSA); r.Status != dnssec.Secure {
		t.Errorf("with the right anchors again: %s (%s)", r.Status, r.Reason)
	}
	c.Close()
	if err := c.SetAnchors(nil); err == nil {
		t.Error("SetAnchors() of a closed client: no error")
	}
}

// TestClose ends lookups under way and says so to later ones.
func TestClose(t *testing.T) {
	t.Parallel()
	l := startLab(t, lookuptest.Options{}, zone("example.lab", func(z *lookuptest.Zone) { z.Break = lookuptest.Slow }))
	c := l.client(t)
	got := make(chan *Result)
	go func() { got <- c.Lookup(t.Context(), sensor, dane.TLSA) }()
	peertest.WaitFor(t, "a running lookup", func() bool {
		running, _, _ := c.limiter.Counts("")
		return running == 1
	})
	c.Close()
	if r := <-got; r.Status != dnssec.Indeterminate {
		t.Errorf("the lookup under way: %s", r.Status)
	}
	if r := c.Lookup(t.Context(), sensor, dane.TLSA); r.Status != dnssec.Indeterminate || r.Code != chain.CodeClosed {
		t.Errorf("after Close: %s %q", r.Status, r.Code)
	}
	c.Close()
}
