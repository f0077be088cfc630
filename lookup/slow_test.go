package lookup

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/miekg/dns"

	"dnseal/lookup/chain"
	"dnseal/lookup/dane"
	"dnseal/lookup/dnssec"
	"dnseal/lookup/lookuptest"
	"dnseal/lookup/lookuptest/peertest"
)

// Slots by the default limits.
const (
	perLane   = 128
	perDomain = 8
)

// TestSlowZones has more zones that never answer than there are places. Zones seen before, and new
// ones, still get their answers while those are waited for, and the slow ones end as
// could-not-tell.
func TestSlowZones(t *testing.T) {
	t.Parallel()
	const attackers = 2 * perLane
	l := startLab(t, lookuptest.Options{}, zone("seen.lab"), zone("new1.lab"), zone("new2.lab"), zone("new3.lab"))
	addr := (&liar{lab: l, silent: slow, change: pack(func(_, _ *dns.Msg) {})}).start(t)
	c := l.client(t, func(o *Options) { o.Resolvers = []string{addr} })
	must(t, c.Lookup(t.Context(), "sensor._device.seen.lab", dane.TLSA))

	ctx, cancel := context.WithCancel(t.Context())
	var attack sync.WaitGroup
	defer attack.Wait()
	defer cancel()
	for i := range attackers {
		attack.Go(func() {
			r := c.Lookup(ctx, fmt.Sprintf("s._device.slow%d.lab", i), dane.TLSA)
			if r.Status != dnssec.Indeterminate || r.Presence != dane.Unknown {
				t.Errorf("%s is %s, %s", r.Name, r.Status, r.Presence)
			}
		})
	}
	peertest.WaitFor(t, "the running lookups", func() bool {
		running, _, _ := c.limiter.Counts("")
		return running == perLane
	})
	for i := range 20 {
		must(t, c.Lookup(t.Context(), fmt.Sprintf("x%d.wild._device.seen.lab", i), dane.TLSA))
	}
	for i := range 3 {
		name := fmt.Sprintf("sensor._device.new%d.lab", i+1)
		var r *Result
		// A quarter of a second is not enough on a busy machine.
		peertest.WaitFor(t, "a place", func() bool {
			r = c.Lookup(t.Context(), name, dane.TLSA)
			return r.Code != chain.CodeBusy
		})
		must(t, r)
	}
}

// TestSlowZone has one zone that never answers hold no more than its own places.
func TestSlowZone(t *testing.T) {
	t.Parallel()
	l := startLab(t, lookuptest.Options{}, zone("seen.lab"))
	addr := (&liar{lab: l, silent: slow, change: pack(func(_, _ *dns.Msg) {})}).start(t)
	c := l.client(t, func(o *Options) { o.Resolvers = []string{addr} })
	ctx, cancel := context.WithCancel(t.Context())
	var attack sync.WaitGroup
	defer attack.Wait()
	defer cancel()
	for i := range 100 {
		attack.Go(func() { c.Lookup(ctx, fmt.Sprintf("s%d._device.slow.lab", i), dane.TLSA) })
	}
	peertest.WaitFor(t, "the running lookups", func() bool {
		_, _, users := c.limiter.Counts("slow.lab")
		return users == 100
	})
	must(t, c.Lookup(t.Context(), "sensor._device.seen.lab", dane.TLSA))
	if n, _, _ := c.limiter.Counts("slow.lab"); n > perDomain {
		t.Errorf("the slow zone holds %d places, at most %d", n, perDomain)
	}
}

// TestDisplaced has a lookup make room for others, and come back when the resolver knows the
// answer.
func TestDisplaced(t *testing.T) {
	t.Parallel()
	l := startLab(t, lookuptest.Options{}, zone("late.lab"))
	var known atomic.Bool
	asked := make(chan struct{}, 100)
	addr := (&liar{lab: l, change: pack(func(_, _ *dns.Msg) {}), silent: func(name string) bool {
		silent := !known.Load()
		asked <- struct{}{}
		return silent
	}}).start(t)
	// One place for all unknown domains, so that the newcomer waits for that of the lookup.
	c := l.client(t, func(o *Options) { o.Resolvers, o.Limits = []string{addr}, Limits{Lookups: 2} })
	got := make(chan *Result)
	go func() { got <- c.Lookup(t.Context(), "sensor._device.late.lab", dane.TLSA) }()
	<-asked
	// From now on whatever is asked is answered; the question before was not, and its lookup waits.
	known.Store(true)
	_, leave, err := c.limiter.Enter(t.Context(), "new.example")
	if err != nil {
		t.Fatal(err)
	}
	leave()
	must(t, <-got)
	if running, waiting, _ := c.limiter.Counts(""); running+waiting != 0 {
		t.Errorf("%d lookups run and %d wait, want none", running, waiting)
	}
}
