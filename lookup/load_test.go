package lookup

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"

	"dnseal/lookup/dane"
	"dnseal/lookup/dnssec"
	"dnseal/lookup/lookuptest"
)

// slow says that nothing is to be said about names with "slow" in them.
func slow(name string) bool { return strings.Contains(strings.ToLower(name), "slow") }

// pause is how long who gets no answer takes to come with the next name: 200 of them then make up
// to 2,000 lookups a second.
const pause = 100 * time.Millisecond

// load is a number of goroutines that look up names until the time is over.
type load struct {
	client *Client
	next   func() string // the next name; "": nothing left
	secure bool          // each must be there
	count  atomic.Int64
	failed atomic.Int64
	mu     sync.Mutex
	took   []time.Duration
}

func (l *load) run(ctx context.Context, wg *sync.WaitGroup, goroutines int) {
	for range goroutines {
		wg.Go(func() {
			var took []time.Duration
			for ctx.Err() == nil {
				name := l.next()
				if name == "" {
					break
				}
				start := time.Now()
				r := l.client.Lookup(ctx, name, dane.TLSA)
				if ctx.Err() != nil {
					break
				}
				switch {
				case l.secure && r.Status != dnssec.Secure:
					l.failed.Add(1)
					continue
				case !l.secure:
					time.Sleep(pause)
				}
				took = append(took, time.Since(start))
				l.count.Add(1)
			}
			l.mu.Lock()
			l.took = append(l.took, took...)
			l.mu.Unlock()
		})
	}
}

func (l *load) p99() time.Duration {
	slices.Sort(l.took)
	if len(l.took) == 0 {
		return 0
	}
	return l.took[len(l.took)*99/100]
}

// numbered makes a new name with every call.
func numbered(format string) func() string {
	var n atomic.Int64
	return func() string { return fmt.Sprintf(format, n.Add(1)) }
}

func median(all []float64) float64 {
	slices.Sort(all)
	return all[len(all)/2]
}

// loadRuns is how often each load is run with and without slow zones, in turn; loadTime is how
// long.
const (
	loadRuns = 5
	loadTime = time.Second
)

// measured is the throughput and the slow end of a fast load.
type measured struct {
	rate, p99 []float64
	failed    int64
}

func (m *measured) add(l *load, took time.Duration) {
	m.rate = append(m.rate, float64(l.count.Load())/took.Seconds())
	m.p99 = append(m.p99, float64(l.p99().Microseconds()))
	m.failed += l.failed.Load()
}

// compare runs a fast load without and with a slow one beside it, and reports medians.
func compare(b *testing.B, goroutines int, fast func(run int) *load, attack func() *load) {
	b.Helper()
	var without, with measured
	for run := range 2 * loadRuns {
		l := fast(run)
		ctx, cancel := context.WithTimeout(b.Context(), loadTime)
		var wg sync.WaitGroup
		beside := run%2 == 1
		if beside {
			attack().run(ctx, &wg, 200)
		}
		var fastWG sync.WaitGroup
		start := time.Now()
		l.run(ctx, &fastWG, goroutines)
		fastWG.Wait()
		took := time.Since(start)
		cancel()
		wg.Wait()
		if beside {
			with.add(l, took)
		} else {
			without.add(l, took)
		}
	}
	b.ReportMetric(median(without.rate), "alone/s")
	b.ReportMetric(median(with.rate), "beside/s")
	b.ReportMetric(median(with.rate)/median(without.rate), "rate")
	b.ReportMetric(median(without.p99), "alone-p99-us")
	b.ReportMetric(median(with.p99), "beside-p99-us")
	b.ReportMetric(float64(without.failed+with.failed), "failed")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkLoad measures fast zones alone and beside zones that never answer: "rate" is the part of
// their throughput that is left.
func BenchmarkLoad(b *testing.B) {
	// zones that were never seen before, for each run; fewer are over before the slow zones have
	// been noticed
	const fresh = 1000
	zones := []lookuptest.Zone{zone("fast.lab")}
	for i := range 2 * loadRuns * fresh {
		zones = append(zones, lookuptest.Zone{Text: fmt.Sprintf("$ORIGIN new%d.lab.\n@ 300 SOA ns h 1 7200 3600 1209600 300\n@ 300 NS ns\ns._device 300 TLSA 3 1 1 00\n", i)})
	}
	l := startLab(b, lookuptest.Options{}, zones...)
	for i := range 2 * loadRuns * fresh {
		for name, t := range map[string]uint16{"": dns.TypeDNSKEY, "s._device.": dns.TypeTLSA} {
			if _, err := l.Exchange(b.Context(), fmt.Sprintf("%snew%d.lab.", name, i), t, false); err != nil {
				b.Fatal(err)
			}
		}
		if _, err := l.Exchange(b.Context(), fmt.Sprintf("new%d.lab.", i), dns.TypeDS, false); err != nil {
			b.Fatal(err)
		}
	}
	addr := (&liar{lab: l, silent: slow, change: pack(func(_, _ *dns.Msg) {})}).start(b)
	c := l.client(b, func(o *Options) { o.Resolvers, o.Timeout = []string{addr}, defaultTimeout })
	must(b, c.Lookup(b.Context(), "sensor._device.fast.lab", dane.TLSA))

	seen := numbered("x%d.wild._device.fast.lab")
	seenLoad := func(int) *load { return &load{client: c, next: seen, secure: true} }
	one := numbered("s%d._device.slow.lab")
	many := numbered("s._device.slow%d.lab")
	b.Run("one slow zone", func(b *testing.B) {
		compare(b, 200, seenLoad, func() *load { return &load{client: c, next: one} })
	})
	b.Run("thousands of slow zones", func(b *testing.B) {
		compare(b, 200, seenLoad, func() *load { return &load{client: c, next: many} })
	})
	b.Run("thousands of slow zones, new fast ones", func(b *testing.B) {
		compare(b, 8, func(run int) *load {
			var n atomic.Int64
			return &load{client: c, secure: true, next: func() string {
				i := n.Add(1)
				if i > fresh {
					return ""
				}
				return fmt.Sprintf("s._device.new%d.lab", run*fresh+int(i)-1)
			}}
		}, func() *load { return &load{client: c, next: many} })
	})
}
