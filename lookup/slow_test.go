package lookup

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"

	"dnseal/lookup/dnssec"
	"dnseal/lookup/lookuptest"
	"dnseal/lookup/lookuptest/peertest"
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
	must(t, c.Lookup(t.Context(), "sensor._device.seen.lab", TLSA))

	ctx, cancel := context.WithCancel(t.Context())
	var attack sync.WaitGroup
	defer attack.Wait()
	defer cancel()
	for i := range attackers {
		attack.Go(func() {
			r := c.Lookup(ctx, fmt.Sprintf("s._device.slow%d.lab", i), TLSA)
			if r.Status != dnssec.Indeterminate || r.Presence != Unknown {
				t.Errorf("%s is %s, %s", r.Name, r.Status, r.Presence)
			}
		})
	}
	peertest.WaitFor(t, "the running lookups", func() bool {
		c.gate.unknown.mu.Lock()
		defer c.gate.unknown.mu.Unlock()
		return len(c.gate.unknown.running) == perLane
	})
	for i := range 20 {
		must(t, c.Lookup(t.Context(), fmt.Sprintf("x%d.wild._device.seen.lab", i), TLSA))
	}
	for i := range 3 {
		name := fmt.Sprintf("sensor._device.new%d.lab", i+1)
		r := c.Lookup(t.Context(), name, TLSA)
		for r.Code == CodeBusy { // where a quarter of a second is not enough on this machine
			time.Sleep(10 * time.Millisecond)
			r = c.Lookup(t.Context(), name, TLSA)
		}
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
		attack.Go(func() { c.Lookup(ctx, fmt.Sprintf("s%d._device.slow.lab", i), TLSA) })
	}
	peertest.WaitFor(t, "the running lookups", func() bool {
		c.gate.mu.Lock()
		defer c.gate.mu.Unlock()
		d := c.gate.signers["slow.lab"]
		return d != nil && d.users == 100
	})
	must(t, c.Lookup(t.Context(), "sensor._device.seen.lab", TLSA))
	c.gate.unknown.mu.Lock()
	defer c.gate.unknown.mu.Unlock()
	if n := len(c.gate.unknown.running); n > perDomain {
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
	c := l.client(t, func(o *Options) { o.Resolvers = []string{addr} })
	a := &arrivals{gate: c.gate, t: t}
	in := a.comeAll(perLane-1, false, eachOther)
	c.gate.unknown.mu.Lock()
	for _, v := range c.gate.unknown.running {
		v.told = true // so that the lookup is the only one that can be told to leave
	}
	c.gate.unknown.leaving = 0
	c.gate.unknown.mu.Unlock()
	got := make(chan *Result)
	go func() { got <- c.Lookup(t.Context(), "sensor._device.late.lab", TLSA) }()
	<-asked
	// From now on whatever is asked is answered; the question before was not, and its lookup waits.
	known.Store(true)
	newcomer := newTicket("new.example", false, func(error) {})
	if err := c.gate.enter(t.Context(), newcomer); err != nil {
		t.Fatal(err)
	}
	c.gate.leave(newcomer)
	must(t, <-got)
	c.gate.unknown.mu.Lock()
	for _, ticket := range in {
		ticket.told = false
	}
	c.gate.unknown.mu.Unlock()
	a.checkEmpty(in)
}
