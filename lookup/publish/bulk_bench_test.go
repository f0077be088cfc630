//go:build unix

package publish_test

import (
	"bufio"
	"encoding/hex"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dnseal/lookup/dane"
	"dnseal/lookup/dnssec"
	"dnseal/lookup/lookuptest/peertest"
	"dnseal/lookup/lookuptest/peertest/authority"
	"dnseal/lookup/publish"
)

var (
	manyNames = flag.Int("names", 0, "how many names a zone of the big benchmarks has; 0: they are skipped")
	oneServer = flag.String("server", "", "the big benchmarks run at this name server alone: knot, bind, powerdns")
)

// names is the flag -names.
func names(b *testing.B) int {
	b.Helper()
	if *manyNames == 0 {
		b.Skip("skipped: it takes long; make fleet-bench runs it (-names 300000)")
	}
	return *manyNames
}

// flat are records of n names, as a zone file has them, of made-up keys.
func flat(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "sn%07d._device TLSA 3 1 1 %x\n", i, digest(i).Data)
	}
	return b.String()
}

// startBig runs a primary with n names.
func startBig(b *testing.B, kind authority.Kind, n int) *primary {
	b.Helper()
	begin := time.Now()
	s := authority.Start(b, kind, string(kind)+".lab", authority.Options{TTL: 300, Records: flat(n), Big: true})
	b.Logf("%s has %d names after %s", kind, n, time.Since(begin).Round(time.Second/10))
	return &primary{s, lookupAt(b, s)}
}

// BenchmarkBulk adds records to a zone that has many (-names), by turns with nsupdate and with
// Apply, 500 in a message. It reports both rates, and ours in times of nsupdate's: at least 0.9.
func BenchmarkBulk(b *testing.B) {
	n := names(b)
	for _, kind := range []authority.Kind{authority.Knot, authority.BIND, authority.PowerDNS} {
		if *oneServer != "" && *oneServer != string(kind) {
			continue
		}
		b.Run(string(kind), func(b *testing.B) {
			p := startBig(b, kind, n)
			// PowerDNS on SQLite takes seconds for a message.
			c := p.client(b, p.Key, func(o *publish.Options) { o.Timeout = 10 * time.Minute })
			var theirs, ours time.Duration
			const each, turns = 6500, 1
			for b.Loop() {
				for turn := range 2 * turns {
					changes := p.more(each, turn)
					if turn%2 == 0 {
						theirs += p.nsupdate(b, changes)
					} else {
						ours += took(func() {
							if err := c.Apply(b.Context(), changes...); err != nil {
								b.Fatal(err)
							}
						})
					}
					p.withdraw(b, c, changes)
				}
			}
			records := float64(b.N * each * turns)
			b.ReportMetric(records/theirs.Seconds(), "nsupdate-records/s")
			b.ReportMetric(records/ours.Seconds(), "apply-records/s")
			b.ReportMetric(theirs.Seconds()/ours.Seconds(), "apply/nsupdate")
		})
	}
}

// BenchmarkTree makes single updates, one record in a message, in a flat zone with all names
// (-names) and in one of the zones of a tree, with 10,000 of them, at Knot. It reports both rates,
// and the tree's in times of the flat one's: at least 5.
func BenchmarkTree(b *testing.B) {
	n := names(b)
	flatZone, site := startBig(b, authority.Knot, n), startBig(b, authority.Knot, min(n, 10_000))
	var took [2]time.Duration
	const each = 20
	for b.Loop() {
		for i, p := range []*primary{flatZone, site} {
			took[i] += p.singly(b, each)
		}
	}
	records := float64(b.N * each)
	b.ReportMetric(records/took[0].Seconds(), "flat-records/s")
	b.ReportMetric(records/took[1].Seconds(), "tree-records/s")
	b.ReportMetric(took[0].Seconds()/took[1].Seconds(), "tree/flat")
}

// BenchmarkChurn replaces one name in a hundred of a zone that has many (-names) at Knot, with NSD
// as a secondary. It reports how long it takes until both name servers show all of it, validated;
// and in how many seconds after that each of the retired is gone at a resolver that had its record:
// at most the TTL (5) and 5. The others stay there all the time.
func BenchmarkChurn(b *testing.B) {
	n := names(b)
	s := authority.Start(b, authority.Knot, "churn.lab", authority.Options{TTL: 5, Records: flat(n), Big: true, Secondaries: []authority.Kind{authority.NSD}})
	second := s.Secondary(b, authority.NSD)
	p := &primary{s, lookupAt(b, s)}
	c := p.client(b, p.Key, func(o *publish.Options) {
		o.Timeout, o.NameServers = 10*time.Minute, []string{s.Addr, second.Addr}
	})
	var served, refused time.Duration
	for b.Loop() {
		var retired, fresh []publish.Change
		for i := range max(n/100, 1) {
			retired = append(retired, publish.Change{Owner: fmt.Sprintf("sn%07d._device.%s", 100*i, s.Zone), Type: dane.TLSA, Remove: []dane.Record{digest(100 * i)}})
			fresh = append(fresh, add(fmt.Sprintf("new%07d._device.%s", i, s.Zone), digest(i)))
		}
		last := retired[len(retired)-1].Owner
		if !p.present(b, last) || !p.present(b, fmt.Sprintf("sn%07d._device.%s", 1, s.Zone)) {
			b.Fatal("the zone is not as it was filled")
		}
		served += took(func() {
			all := append(retired, fresh...)
			if err := c.Apply(b.Context(), all...); err != nil {
				b.Fatal(err)
			}
			if _, err := c.ReadBack(b.Context(), all...); err != nil {
				b.Fatal(err)
			}
		})
		refused += took(func() {
			for p.present(b, last) {
				if !p.present(b, fmt.Sprintf("sn%07d._device.%s", 1, s.Zone)) {
					b.Fatal("one that was not retired is refused")
				}
			}
		})
		b.StopTimer()
		if err := c.Apply(b.Context(), reversed(append(retired, fresh...))...); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
	b.ReportMetric(served.Seconds()/float64(b.N), "served-s")
	b.ReportMetric(refused.Seconds()/float64(b.N), "refused-s")
}

// reversed are the changes that undo others.
func reversed(changes []publish.Change) (out []publish.Change) {
	for _, c := range changes {
		out = append(out, publish.Change{Owner: c.Owner, Type: c.Type, TTL: 5 * time.Second, Add: c.Remove, Remove: c.Add})
	}
	return out
}

// present says whether a name has a record at the resolver, validated. Anything but a proven answer
// ends the benchmark.
func (p *primary) present(b *testing.B, owner string) bool {
	b.Helper()
	r := p.lookup.LookupFresh(b.Context(), owner, dane.TLSA)
	if r.Status != dnssec.Secure {
		b.Fatalf("%s is %s: %s", owner, r.Status, r.Reason)
	}
	return r.Presence == dane.Present
}

// singly makes so many updates of one record, each after the other.
func (p *primary) singly(b *testing.B, n int) time.Duration {
	b.Helper()
	c, changes := p.client(b, p.Key, func(o *publish.Options) { o.Timeout = 10 * time.Minute }), p.more(n, 0)
	defer p.withdraw(b, c, changes)
	return took(func() {
		for _, change := range changes {
			if err := c.Apply(b.Context(), change); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// more are n changes of names that the zone does not have.
func (p *primary) more(n, turn int) (out []publish.Change) {
	for i := range n {
		c := add(fmt.Sprintf("more%d-%d._device.%s", turn, i, p.Zone), digest(i))
		c.TTL = 5 * time.Minute
		out = append(out, c)
	}
	return out
}

// nsupdate makes the changes with it, 500 in a message, and returns how long it took.
func (p *primary) nsupdate(b *testing.B, changes []publish.Change) time.Duration {
	b.Helper()
	script := filepath.Join(b.TempDir(), "script")
	f, err := os.Create(script)
	if err != nil {
		b.Fatal(err)
	}
	w := bufio.NewWriter(f)
	host, port, _ := net.SplitHostPort(p.Addr)
	fmt.Fprintf(w, "server %s %s\nzone %s\n", host, port, p.Zone)
	for i, c := range changes {
		fmt.Fprintf(w, "update add %s %d TLSA 3 1 1 %s\n", c.Owner, int(c.TTL.Seconds()), hex.EncodeToString(c.Add[0].Data))
		if (i+1)%500 == 0 {
			fmt.Fprintln(w, "send")
		}
	}
	fmt.Fprintln(w, "send")
	if err := w.Flush(); err != nil || f.Close() != nil {
		b.Fatal(err)
	}
	keyFile := p.Key.File(b)
	return took(func() {
		if out, err := exec.CommandContext(b.Context(), peertest.Program(b, "nsupdate"), "-v", "-t", "600", "-k", keyFile, script).CombinedOutput(); err != nil {
			b.Fatalf("nsupdate: %v\n%s", err, out)
		}
	})
}
