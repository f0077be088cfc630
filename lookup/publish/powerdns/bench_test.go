//go:build unix

package powerdns_test

import (
	"flag"
	"fmt"
	"testing"
	"time"

	"dnseal/lookup/lookuptest/peertest/authority"
	"dnseal/lookup/publish"
	"dnseal/lookup/publish/powerdns"
)

var manyNames = flag.Int("names", 0, "how many names the zone of BenchmarkPostgres has; 0: it is skipped")

// BenchmarkPostgres fills a zone (-names) by the database, then adds records to it by RFC 2136, 500
// in a message, and by the database. PostgreSQL waits for the disk. It reports the rates, and the
// last one in times of the one before: at least 20.
func BenchmarkPostgres(b *testing.B) {
	if *manyNames == 0 {
		b.Skip("skipped: it takes long; make fleet-bench runs it (-names 300000)")
	}
	l := newLab(b, authority.Options{Durable: true, Big: true})
	z := &zone{lab: l, name: "example.lab"}
	bulk := z.client(b, func(o *powerdns.Options) { o.Batch, o.Timeout = 0, 10*time.Minute })
	updates := z.updates(b)
	var fill, slow, fast time.Duration
	const few = 1000
	many := max(few, *manyNames/10)
	for b.Loop() {
		fill += took(b, func() error { return bulk.Apply(b.Context(), z.many("sn", *manyNames)...) })
		slow += took(b, func() error { return updates.Apply(b.Context(), z.many("u", few)...) })
		fast += took(b, func() error { return bulk.Apply(b.Context(), z.many("c", many)...) })
		if out := l.pdnsutil(b, "check-zone", z.name); b.N == 1 {
			b.Log(out)
		}
		if err := bulk.Apply(b.Context(), withdrawn(append(z.many("sn", *manyNames), z.many("c", many)...)...)...); err != nil {
			b.Fatal(err)
		}
	}
	n := float64(b.N)
	fastRate, slowRate := n*float64(many)/fast.Seconds(), n*few/slow.Seconds()
	b.ReportMetric(n*float64(*manyNames)/fill.Seconds(), "fill-records/s")
	b.ReportMetric(slowRate, "update-records/s")
	b.ReportMetric(fastRate, "postgres-records/s")
	b.ReportMetric(fastRate/slowRate, "postgres/update")
}

// updates publishes in the same zone by RFC 2136.
func (z *zone) updates(b *testing.B) *publish.Client {
	b.Helper()
	key, err := publish.ParseKey(z.Key.String(), "key")
	if err != nil {
		b.Fatal(err)
	}
	c, err := publish.New(publish.Options{Server: z.Addr, Zone: z.Zone, Key: key, Lookup: z.lookup(b), Timeout: 10 * time.Minute})
	if err != nil {
		b.Fatal(err)
	}
	return c
}

// many are records of n names.
func (z *zone) many(prefix string, n int) []publish.Change {
	out := make([]publish.Change, 0, n)
	for i := range n {
		out = append(out, add(z.at(fmt.Sprintf("%s%07d._device", prefix, i)), digest(i)))
	}
	return out
}

func took(b *testing.B, f func() error) time.Duration {
	b.Helper()
	begin := time.Now()
	if err := f(); err != nil {
		b.Fatal(err)
	}
	return time.Since(begin)
}
