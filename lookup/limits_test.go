package lookup

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"dnseal/lookup/dane"
	"dnseal/lookup/lookuptest"
	"dnseal/lookup/lookuptest/peertest"
)

// TestLimits has a client with one place for domains that it does not know, and a cache that keeps
// nothing for long.
func TestLimits(t *testing.T) {
	t.Parallel()
	l := startLab(t, lookuptest.Options{}, zone("example.lab"))
	addr := (&liar{lab: l, silent: slow, change: pack(func(_, _ *dns.Msg) {})}).start(t)
	c := l.client(t, func(o *Options) {
		o.Resolvers, o.Limits = []string{addr}, Limits{Lookups: 2, DomainLookups: 1, Positive: 10 * time.Second}
	})
	must(t, c.Lookup(t.Context(), sensor, dane.TLSA))
	if r := c.Lookup(t.Context(), sensor, dane.TLSA); r.TTL > 10*time.Second {
		t.Errorf("kept for %s", r.TTL)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var slowOnes sync.WaitGroup
	defer slowOnes.Wait()
	defer cancel()
	for i := range 3 {
		slowOnes.Go(func() { c.Lookup(ctx, fmt.Sprintf("s._device.slow%d.lab", i), dane.TLSA) })
	}
	peertest.WaitFor(t, "the running lookups", func() bool {
		running, waiting, _ := c.limiter.Counts("")
		if running > 1 {
			t.Error("more than one is under way")
		}
		return waiting > 0
	})
}
