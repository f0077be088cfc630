package check

import (
	"context"
	"sync"
	"time"

	"dnseal/cmd/internal/config"
	"dnseal/cmd/internal/progress"
	"dnseal/lookup"
	"dnseal/sender"
)

// atOnce is how many records are looked up at the same time: as many as [dns] domain-lookups allows
// in one zone by default.
const atOnce = 8

// lookupAll looks up the records of identities as a signer does.
func lookupAll(ctx context.Context, c *config.Config, dns lookup.Resolver, names []string, bar *progress.Bar) map[string]*sender.Record {
	out := make(map[string]*sender.Record, len(names))
	var mu sync.Mutex
	now, limits := time.Now(), c.SenderOptions(dns).Limits
	each(names, func(name string) {
		defer bar.Done(1)
		id, err := c.Identity(name)
		record := &sender.Record{Code: "no identity"}
		if err == nil {
			record = sender.CheckRecord(ctx, dns, id, limits, now)
		}
		mu.Lock()
		defer mu.Unlock()
		out[name] = record
	})
	return out
}

// each calls f for every name, for some at the same time, and returns when all calls have.
func each(names []string, f func(name string)) {
	next := make(chan string)
	var wg sync.WaitGroup
	for range min(atOnce, len(names)) {
		wg.Go(func() {
			for name := range next {
				f(name)
			}
		})
	}
	for _, name := range names {
		next <- name
	}
	close(next)
	wg.Wait()
}
