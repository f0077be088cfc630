package sasl

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"dnseal/lookup"
	"dnseal/lookup/lookuptest"
	"dnseal/lookup/lookuptest/peertest"
)

// TestHostsOfOneDomain has silent hosts of one domain, each named by a stranger once, wait for
// their lookups: the logins of another domain, hosts and devices, keep their rate to the tick.
func TestHostsOfOneDomain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		zs := newZones(128)
		ctx, cancel := context.WithCancel(t.Context())
		var silent sync.WaitGroup
		for i := range 2000 {
			silent.Go(func() {
				name := fmt.Sprintf("h.s%d.one.example.", i)
				if err := askIn(ctx, zs, name, name, time.Hour, errSilent); !errors.Is(err, ErrUnavailable) {
					t.Errorf("host %d: %v", i, err)
				}
			})
		}
		synctest.Wait()
		start := time.Now()
		for i := range 500 {
			for _, name := range []string{fmt.Sprintf("h%d.other.example.", i), fmt.Sprintf("s%d._device.other.example.", i)} {
				if err := askIn(t.Context(), zs, name, "other.example.", 10*time.Millisecond, nil); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
		}
		if took := time.Since(start); took != 10*time.Second {
			t.Errorf("1000 logins of 10 ms took %v", took)
		}
		cancel()
		silent.Wait()
	})
}

// TestSilentSites has most sites below one _device fall silent under a herd: those that have
// answered keep their rate to the tick, one that is asked for the first time gets its turn, and a
// silent one is served again once it answers.
func TestSilentSites(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		zs := newZones(128)
		device := func(site, i int) (owner, cut string) {
			return fmt.Sprintf("s%d.site%d._device.example.net.", i, site), fmt.Sprintf("site%d._device.example.net.", site)
		}
		for site := range 40 {
			owner, cut := device(site, 0)
			if err := askIn(t.Context(), zs, owner, cut, time.Millisecond, nil); err != nil {
				t.Fatal(err)
			}
		}
		var silent sync.WaitGroup
		herd := func(sites int) {
			for site := range sites {
				for i := range 50 {
					silent.Go(func() {
						owner, cut := device(site, i)
						ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
						defer cancel()
						if err := askIn(ctx, zs, owner, cut, 5*time.Second, errSilent); !errors.Is(err, ErrUnavailable) {
							t.Errorf("site %d: %v", site, err)
						}
					})
				}
			}
			synctest.Wait()
		}
		herd(3)
		good := func(site, i int) {
			t.Helper()
			owner, cut := device(site, i)
			start := time.Now()
			if err := askIn(t.Context(), zs, owner, cut, 10*time.Millisecond, nil); err != nil || time.Since(start) != 10*time.Millisecond {
				t.Errorf("site %d: %v after %v", site, err, time.Since(start))
			}
		}
		for i := range 500 {
			good(39, i)
		}
		silent.Wait()
		for sites := 10; sites <= 30; sites += 10 { // one after the other
			herd(sites)
			silent.Wait()
		}
		herd(30) // known to be silent
		for i := range 200 {
			good(30+i%10, i)
			good(100+i, 0)
		}
		silent.Wait()
		owner, cut := device(0, 0)
		if err := askIn(t.Context(), zs, owner, cut, time.Millisecond, nil); err != nil {
			t.Errorf("it answers, and %v", err)
		}
		good(0, 1)
	})
}

// TestZoneOfAName has the lookup say where zones begin.
func TestZoneOfAName(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		learn  func(learn func(owner, cut string, answered bool))
		owner  string
		zone   string
		answer state
	}{
		{"nothing known: the names at its place", func(func(string, string, bool)) {}, "s1.ab._device.example.net.", "ab._device.example.net", untested},
		{"the zone above", func(learn func(string, string, bool)) {
			learn("s1.ab._device.example.net.", "example.net.", true)
		}, "s2.ab._device.example.net.", "example.net", answers},
		{"another place in the zone above stays untested", func(learn func(string, string, bool)) {
			learn("s1.ab._device.example.net.", "example.net.", true)
		}, "s2.cd._device.example.net.", "cd._device.example.net", untested},
		{"a silent zone above", func(learn func(string, string, bool)) {
			learn("a.b.c.evil.example.net.", "evil.example.net.", false)
		}, "x.y.evil.example.net.", "evil.example.net", down},
		{"beside a silent zone", func(learn func(string, string, bool)) {
			learn("s1.ab._device.example.net.", "ab._device.example.net.", false)
		}, "s1._device.example.net.", "_device.example.net", untested},
		{"a zone of one device", func(learn func(string, string, bool)) {
			learn("s1._device.example.net.", "s1._device.example.net.", false)
		}, "s1._device.example.net.", "s1._device.example.net", down},
		{"beside a zone of one device", func(learn func(string, string, bool)) {
			learn("s1._device.example.net.", "s1._device.example.net.", false)
		}, "s2._device.example.net.", "_device.example.net", untested},
		{"an alias to elsewhere", func(learn func(string, string, bool)) {
			learn("s1._device.example.net.", "vendor.example.", true)
		}, "s2._device.example.net.", "_device.example.net", answers},
		{"a site that has become a zone, and is silent", func(learn func(string, string, bool)) {
			learn("s1.ab._device.example.net.", "example.net.", true)
			for range downAfter {
				learn("s1.cd._device.example.net.", "example.net.", true)
				learn("s1.ab._device.example.net.", "", false)
			}
		}, "s2.ab._device.example.net.", "ab._device.example.net", down},
		{"beside such a site", func(learn func(string, string, bool)) {
			learn("s1.ab._device.example.net.", "example.net.", true)
			for range downAfter {
				learn("s1.ab._device.example.net.", "", false)
				learn("s1.cd._device.example.net.", "example.net.", true)
			}
		}, "s2.cd._device.example.net.", "example.net", answers},
		{"a silent site, again in the zone above", func(learn func(string, string, bool)) {
			learn("s1.ab._device.example.net.", "", false)
			learn("s1.ab._device.example.net.", "example.net.", true)
		}, "s2.ab._device.example.net.", "example.net", answers},
		{"the root is no zone of devices", func(learn func(string, string, bool)) {
			learn("s1._device.example.net.", ".", false)
		}, "s1._device.example.org.", "_device.example.org", untested},
		{"a site that has become a zone", func(learn func(string, string, bool)) {
			learn("s1.ab._device.example.net.", "example.net.", true)
			learn("s1.ab._device.example.net.", "ab._device.example.net.", true)
		}, "s2.ab._device.example.net.", "ab._device.example.net", answers},
		{"a host below a public suffix", func(func(string, string, bool)) {}, "h1.example.co.uk.", "example.co.uk", untested},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			zs := newZones(128)
			tt.learn(func(owner, cut string, answered bool) {
				var err error
				if !answered {
					err = errSilent
				}
				_ = askIn(t.Context(), zs, owner, cut, 0, err)
			})
			if z := zs.zoneOf(tt.owner); z.name != tt.zone || z.state() != tt.answer {
				t.Errorf("%s is in %s, state %d", tt.owner, z.name, z.state())
			}
			if len(zs.domains) != 0 {
				t.Errorf("%d domains are still in use", len(zs.domains))
			}
		})
	}
}

// TestBusyBlamesNobody: that our own client of the DNS has no slot says nothing about a zone.
func TestBusyBlamesNobody(t *testing.T) {
	t.Parallel()
	zs := newZones(128)
	for range 2 * downAfter {
		_ = ask(t.Context(), zs, "s1._device.example.net.", 0, unavailable("%w", errBusy))
	}
	if z := zs.zoneOf("s1._device.example.net."); z.state() != untested {
		t.Errorf("state %d", z.state())
	}
}

// TestSilentSiteOnTheWire has all devices of one site wait for name servers that never answer, by
// the real client of the DNS with its own limits. Devices of another site below the same _device,
// and some without a site, get in meanwhile.
func TestSilentSiteOnTheWire(t *testing.T) {
	t.Parallel()
	site := func(name string, b lookuptest.Break) lookuptest.Zone {
		return lookuptest.Zone{Break: b, Text: "$ORIGIN " + name + "_device.good.lab.\n@ 300 SOA ns h 1 3600 600 86400 60\n@ 300 NS ns\nns 300 A 127.0.0.1\n* 300 TLSA RECORD\n"}
	}
	l := newLab(t, lookup.Options{Timeout: time.Second}, site("", ""), site("ab.", lookuptest.Slow), site("cd.", ""))
	ctx, cancel := context.WithCancel(t.Context())
	var waiting sync.WaitGroup
	herd := func() {
		for i := range 100 {
			waiting.Go(func() {
				if err := l.login(ctx, fmt.Sprintf("s%d.ab._device.good.lab", i)); !errors.Is(err, ErrUnavailable) {
					t.Errorf("silent: %v", err)
				}
			})
		}
	}
	herd()
	waiting.Wait() // it is known now
	herd()
	peertest.WaitFor(t, "some to wait", func() bool {
		zs := l.auth.external.zones
		zs.mu.Lock()
		defer zs.mu.Unlock()
		return zs.zoneOf("s._device.good.lab").state() != down && zs.zoneOf("s.ab._device.good.lab").users > 0
	})
	for i := range 100 {
		for _, name := range []string{"s%d.cd._device.good.lab", "s%d._device.good.lab"} {
			if err := l.login(t.Context(), fmt.Sprintf(name, i)); err != nil {
				t.Error(err)
			}
		}
	}
	cancel()
	waiting.Wait()
}
