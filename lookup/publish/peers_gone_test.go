//go:build unix

package publish_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/miekg/dns"

	"dnseal/lookup/lookuptest/peertest"
	"dnseal/lookup/lookuptest/peertest/authority"
	"dnseal/lookup/publish"
)

// many are changes of as many names, for several messages.
func (p *primary) many(n int) []publish.Change {
	var out []publish.Change
	for i := range n {
		out = append(out, add(fmt.Sprintf("m%d._device.%s", i, p.Zone), digest(i)))
	}
	return out
}

// TestGone: the server is not there, or hangs; then it is back, and the same changes are made.
func TestGone(t *testing.T) {
	t.Parallel()
	for _, kind := range []authority.Kind{authority.BIND, authority.Knot, authority.PowerDNS} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			p := startPrimary(t, kind, authority.Options{})
			c := p.client(t, p.Key, func(o *publish.Options) { o.Timeout = time.Second / 2 })
			change := add("sensor._device."+p.Zone, digest(1))
			p.Pause()
			err := c.Apply(t.Context(), change)
			p.Resume()
			s := situation{want: map[authority.Kind]publish.Code{"": publish.Unknown}}
			s.check(t, p, err)
			p.Kill()
			s = situation{want: map[authority.Kind]publish.Code{"": publish.Unreachable}, words: []string{p.Addr}}
			s.check(t, p, c.Apply(t.Context(), change))
			p.Restart(t)
			if err := p.publishWith(t, p.client(t, p.Key, nil), change); err != nil {
				t.Errorf("the server is back: %v", err)
			}
		})
	}
}

// TestGoneInTheMiddle kills the server (SIGKILL) while it takes 3,000 changes, at several moments.
// Every change that Apply says is made is there when the server runs again, every one that it says
// is not made is not; the same Apply again makes all.
func TestGoneInTheMiddle(t *testing.T) {
	t.Parallel()
	for _, kind := range []authority.Kind{authority.BIND, authority.Knot, authority.PowerDNS} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			p := startPrimary(t, kind, authority.Options{})
			c := p.client(t, p.Key, nil)
			changes := p.many(3000)
			before := p.Serial()
			killed := make(chan struct{})
			go func() {
				defer close(killed)
				// The third message is under way.
				for p.Serial() < before+2 && t.Context().Err() == nil {
					time.Sleep(time.Millisecond)
				}
				p.Kill()
			}()
			err := c.Apply(t.Context(), changes...)
			<-killed
			var partial *publish.PartialError
			if !errors.As(err, &partial) {
				t.Fatalf("error = %v, want a PartialError", err)
			}
			t.Logf("%v | %s", err, hint(err))
			if n := len(partial.Done) + len(partial.NotDone) + len(partial.Unknown); n != len(changes) {
				t.Errorf("it speaks of %d changes of %d", n, len(changes))
			}
			p.Restart(t)
			p.holds(t, partial.Done, true)
			p.holds(t, partial.NotDone, false)
			if err := c.Apply(t.Context(), changes...); err != nil {
				t.Errorf("the same again: %v", err)
			}
			p.holds(t, changes, true)
		})
	}
}

// holds fails unless the server has the records of the changes, or has none of them.
func (p *primary) holds(t *testing.T, changes []publish.Change, want bool) {
	t.Helper()
	wrong := 0
	for _, c := range changes {
		in := p.Ask(c.Owner, dns.TypeTLSA)
		if in == nil || slices.ContainsFunc(in.Answer, func(rr dns.RR) bool { return rr.Header().Rrtype == dns.TypeTLSA }) != want {
			wrong++
		}
	}
	if wrong > 0 {
		t.Errorf("%d of %d changes: there is not %t", wrong, len(changes), want)
	}
}

// TestZoneMadeWhileRunning: PowerDNS takes updates to a zone that pdnsutil made while it runs, but
// refuses all questions for it until its zone cache is filled again.
func TestZoneMadeWhileRunning(t *testing.T) {
	t.Parallel()
	p := startPrimary(t, authority.PowerDNS, authority.Options{})
	const zone = "young.lab."
	file := filepath.Join(t.TempDir(), "zone")
	peertest.WriteFile(t, file, "$ORIGIN "+zone+"\n$TTL 1\n@ SOA ns hostmaster 1 3600 600 86400 1\n@ NS ns\nns A 127.0.0.1\n")
	p.AddPowerDNSZone(t, zone, file)
	c := p.client(t, p.Key, func(o *publish.Options) { o.Zone = zone })
	s := situation{want: map[authority.Kind]publish.Code{"": publish.Behind}, words: []string{"young.lab", "300 s"}}
	s.check(t, p, p.publishWith(t, c, add("sensor._device."+zone, digest(1))))
}
