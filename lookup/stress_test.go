package lookup

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"dnseal/lookup/chain"
	"dnseal/lookup/dane"
	"dnseal/lookup/dnssec"
	"dnseal/lookup/evidence"
	"dnseal/lookup/lookuptest"
)

// TestStress lets many goroutines look up, give up, keep evidence, change the anchors and close,
// all at the same time: the race detector and the check for goroutines left behind judge. A name of
// a zone that works is never anything but secure or not told, one of a bogus zone never secure.
func TestStress(t *testing.T) {
	t.Parallel()
	const zones = 40
	var hierarchy []lookuptest.Zone
	for i := range zones {
		how := []lookuptest.Break{"", "", lookuptest.Slow, lookuptest.WrongSignature}[i%4]
		hierarchy = append(hierarchy, zone(fmt.Sprintf("z%d.lab", i), func(z *lookuptest.Zone) { z.Break = how }))
	}
	l := startLab(t, lookuptest.Options{}, hierarchy...)
	c := l.client(t, func(o *Options) { o.Timeout, o.CacheBytes = 300*time.Millisecond, 100_000 })
	var running sync.WaitGroup
	for range 300 {
		running.Go(func() {
			for range 10 {
				stressOnce(t, c, rand.IntN(zones))
			}
		})
	}
	running.Go(func() {
		for range 20 {
			_ = c.SetAnchors(l.anchors)
		}
	})
	for range 3 {
		running.Go(func() {
			c.Lookup(t.Context(), "sensor._device.z2.lab", dane.TLSA) // takes its 300 ms
			if err := c.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	running.Wait()
	if r := c.Lookup(t.Context(), "never._device.z0.lab", dane.TLSA); r.Code != chain.CodeClosed {
		t.Errorf("after Close: %s %q", r.Status, r.Code)
	}
	if n, waiting, users := c.limiter.Counts("z0.lab"); n+waiting+users != 0 {
		t.Errorf("%d places are still taken", n)
	}
}

// stressOnce looks one name of a zone up, at times with little patience.
func stressOnce(t *testing.T, c *Client, i int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Duration(1+rand.IntN(400))*time.Millisecond)
	defer cancel()
	look := c.Lookup
	if rand.IntN(4) == 0 {
		look = c.LookupFresh
	}
	r := look(ctx, fmt.Sprintf("sensor._device.z%d.lab", i), dane.TLSA)
	wrong := r.Status == dnssec.Insecure || r.Status == dnssec.Bogus && i%4 != 3 || r.Status == dnssec.Secure && i%4 > 1
	if wrong || r.Status == dnssec.Secure && (r.Presence != dane.Present || len(r.Records) != 1) {
		t.Errorf("%s: %s %q, presence %d, %d records", r.Name, r.Status, r.Code, r.Presence, len(r.Records))
	}
	if r.Status == dnssec.Secure {
		if _, err := evidence.Of(r); err != nil {
			t.Error(err)
		}
	}
}
