//go:build unix

package publish_test

import (
	"encoding/hex"
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dnseal/lookup/lookuptest/peertest"
	"dnseal/lookup/lookuptest/peertest/authority"
	"dnseal/lookup/publish"
)

// BenchmarkPublish adds 500 records of as many names, by turns with nsupdate, with Apply, and with
// Apply and ReadBack, at each server. It reports how long each takes, and what the last two are in
// times of the first: at most 1.2 and 2.0.
func BenchmarkPublish(b *testing.B) {
	for _, kind := range []authority.Kind{authority.BIND, authority.Knot, authority.PowerDNS} {
		b.Run(string(kind), func(b *testing.B) {
			p := startPrimary(b, kind, authority.Options{})
			nsupdate, script := peertest.Program(b, "nsupdate"), filepath.Join(b.TempDir(), "script")
			keyFile := p.Key.File(b)
			changes := p.many(500)
			peertest.WriteFile(b, script, p.script(changes))
			c := p.client(b, p.Key, nil)
			var theirs, ours, readBack time.Duration
			for b.Loop() {
				theirs += took(func() {
					if out, err := exec.CommandContext(b.Context(), nsupdate, "-v", "-k", keyFile, script).CombinedOutput(); err != nil {
						b.Fatalf("nsupdate: %v\n%s", err, out)
					}
				})
				p.withdraw(b, c, changes)
				apply := func() {
					if err := c.Apply(b.Context(), changes...); err != nil {
						b.Fatal(err)
					}
				}
				ours += took(apply)
				p.withdraw(b, c, changes)
				readBack += took(func() {
					apply()
					if _, err := c.ReadBack(b.Context(), changes...); err != nil {
						b.Fatal(err)
					}
				})
				p.withdraw(b, c, changes)
			}
			ms := func(d time.Duration) float64 { return d.Seconds() * 1000 / float64(b.N) }
			b.ReportMetric(ms(theirs), "nsupdate-ms")
			b.ReportMetric(ms(ours), "apply-ms")
			b.ReportMetric(ms(readBack), "readback-ms")
			b.ReportMetric(ours.Seconds()/theirs.Seconds(), "apply/nsupdate")
			b.ReportMetric(readBack.Seconds()/theirs.Seconds(), "readback/nsupdate")
		})
	}
}

func took(f func()) time.Duration {
	begin := time.Now()
	f()
	return time.Since(begin)
}

// script adds the records of the changes, for nsupdate.
func (p *primary) script(changes []publish.Change) string {
	var b strings.Builder
	host, port, _ := net.SplitHostPort(p.Addr)
	fmt.Fprintf(&b, "server %s %s\nzone %s\n", host, port, p.Zone)
	for _, c := range changes {
		fmt.Fprintf(&b, "update add %s %d TLSA 3 1 1 %s\n", c.Owner, int(c.TTL.Seconds()), hex.EncodeToString(c.Add[0].Data))
	}
	b.WriteString("send\n")
	return b.String()
}

// withdraw removes what the changes add, outside the time that is measured.
func (p *primary) withdraw(b *testing.B, c *publish.Client, changes []publish.Change) {
	b.Helper()
	b.StopTimer()
	defer b.StartTimer()
	var out []publish.Change
	for _, change := range changes {
		out = append(out, publish.Change{Owner: change.Owner, Type: change.Type, Remove: change.Add})
	}
	if err := c.Apply(b.Context(), out...); err != nil {
		b.Fatal(err)
	}
}
