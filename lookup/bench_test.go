package lookup

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"dnseal/lookup/dane"
	"dnseal/lookup/dnssec"
	"dnseal/lookup/internal/transport"
	"dnseal/lookup/lookuptest"
	"dnseal/lookup/lookuptest/peertest"
)

// manyNames is a zone with n devices, n0 and so on.
func manyNames(name string, n int) lookuptest.Zone {
	z := zone(name)
	var b strings.Builder
	b.WriteString(z.Text)
	for i := range n {
		fmt.Fprintf(&b, "n%d._device TLSA 3 1 1 %064x\n", i, i)
	}
	z.Text = b.String()
	return z
}

// must fails unless the result is secure and present.
func must(tb testing.TB, r *Result) {
	tb.Helper()
	if r.Status != dnssec.Secure || r.Presence != dane.Present {
		tb.Fatalf("%s is %s, %s: %s %s", r.Name, r.Status, r.Presence, r.Code, r.Reason)
	}
}

// BenchmarkCached looks up what is in the cache, from one goroutine and from many.
func BenchmarkCached(b *testing.B) {
	c := startLab(b, lookuptest.Options{}, zone("example.lab")).client(b)
	must(b, c.Lookup(b.Context(), sensor+".", dane.TLSA))
	b.Run("serial", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			c.Lookup(b.Context(), sensor+".", dane.TLSA)
		}
	})
	b.Run("parallel", func(b *testing.B) {
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				c.Lookup(b.Context(), sensor+".", dane.TLSA)
			}
		})
	})
}

// BenchmarkWarmZone looks up names in a zone whose keys are known, and beside that what it cannot
// do without: asking the resolver, and verifying one signature. "cost/bare" is the ratio.
func BenchmarkWarmZone(b *testing.B) {
	const names = 500
	l := startLab(b, lookuptest.Options{}, manyNames("example.lab", names))
	name := func(i int) string { return fmt.Sprintf("n%d._device.example.lab.", i%names) }
	c := l.client(b)
	must(b, c.Lookup(b.Context(), sensor, dane.TLSA))
	var replies []*dns.Msg
	for i := range names {
		// The lab signs a set when it is first asked for.
		m, err := c.transport.Ask(b.Context(), transport.Question{Name: name(i), Type: dns.TypeTLSA})
		if err != nil {
			b.Fatal(err)
		}
		replies = append(replies, m.Msg)
	}
	keys, err := l.Exchange(b.Context(), "example.lab.", dns.TypeDNSKEY, false)
	if err != nil {
		b.Fatal(err)
	}
	var whole, ask, verify []float64
	timed := func(all *[]float64, f func()) {
		start := time.Now()
		f()
		*all = append(*all, float64(time.Since(start).Nanoseconds()))
	}
	i := 0
	for b.Loop() {
		if i%names == 0 {
			c.trust.Load().cache.results.InvalidateAll()
			c.trust.Load().cache.signatures.InvalidateAll()
		}
		timed(&whole, func() { must(b, c.Lookup(b.Context(), name(i), dane.TLSA)) })
		timed(&ask, func() { _, err = c.transport.Ask(b.Context(), transport.Question{Name: name(i), Type: dns.TypeTLSA}) })
		if err != nil {
			b.Fatal(err)
		}
		sig, _ := replies[i%names].Answer[1].(*dns.RRSIG)
		key, _ := keys.Answer[0].(*dns.DNSKEY)
		timed(&verify, func() { err = sig.Verify(key, replies[i%names].Answer[:1]) })
		if err != nil {
			b.Fatal(err)
		}
		i++
	}
	// Medians, because other work on the machine spoils means.
	b.ReportMetric(median(whole), "lookup-ns")
	b.ReportMetric(median(ask), "ask-ns")
	b.ReportMetric(median(verify), "verify-ns")
	b.ReportMetric(median(whole)/(median(ask)+median(verify)), "cost/bare")
	b.ReportMetric(0, "ns/op")
}

// roundTrip is what the lab adds to every answer in BenchmarkCold.
const roundTrip = 20 * time.Millisecond

// BenchmarkCold looks up a name three zones deep with an empty cache, over a simulated round trip;
// "trips" is how many of those it takes. delv does the same.
func BenchmarkCold(b *testing.B) {
	l := startLab(b, lookuptest.Options{Delay: roundTrip}, zone("example.lab"))
	must(b, l.client(b).Lookup(b.Context(), sensor, dane.TLSA))
	b.Run("dnseal", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			c := l.client(b)
			b.StartTimer()
			must(b, c.Lookup(b.Context(), sensor, dane.TLSA))
		}
		b.ReportMetric(float64(b.Elapsed())/float64(b.N)/float64(roundTrip), "trips")
	})
	b.Run("delv", func(b *testing.B) {
		program := peertest.Program(b, "delv")
		anchor := filepath.Join(b.TempDir(), "anchor.conf")
		if err := os.WriteFile(anchor, []byte(l.AnchorDelv()), 0o600); err != nil {
			b.Fatal(err)
		}
		host, port, _ := net.SplitHostPort(l.Addr())
		for b.Loop() {
			out, err := exec.CommandContext(b.Context(), program, "@"+host, "-p", port, "-a", anchor, "+root=.", sensor, "TLSA").CombinedOutput()
			if err != nil || !strings.Contains(string(out), "fully validated") {
				b.Fatalf("delv: %v: %s", err, out)
			}
		}
		b.ReportMetric(float64(b.Elapsed())/float64(b.N)/float64(roundTrip), "trips")
	})
}
