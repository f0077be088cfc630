package sasl

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestHerdOfPlaces has 10,000 devices, each below a site of its own as in the template of the
// README, log in at once: all get their turn, as where they have one site, whether the zone is
// known when they come or not.
func TestHerdOfPlaces(t *testing.T) {
	t.Parallel()
	for _, layout := range []string{"d%[1]d.s%[1]d._device.example.net.", "d%[1]d.s%[1]d.t%[1]d._device.example.net."} {
		for _, known := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s known: %v", layout, known), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					zs := newZones(128)
					login := func(i int) {
						ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
						defer cancel()
						if err := askIn(ctx, zs, fmt.Sprintf(layout, i), "_device.example.net.", 20*time.Millisecond, nil); err != nil {
							t.Errorf("login %d: %v", i, err)
						}
					}
					if known {
						login(0)
					}
					var all sync.WaitGroup
					for i := range 10_000 {
						all.Go(func() { login(i) })
					}
					all.Wait()
				})
			})
		}
	}
}

// TestSilentPlaces has silent sites that nobody has asked for fall in beneath a zone that answers:
// sites that are known to be in it keep their rate to the tick, and another new one waits for no
// more than a round of the silent.
func TestSilentPlaces(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		zs := newZones(128)
		const cut = "_device.example.net."
		good := func(site int) error {
			ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
			defer cancel()
			return askIn(ctx, zs, fmt.Sprintf("s.site%d._device.example.net.", site), cut, 10*time.Millisecond, nil)
		}
		if err := good(1); err != nil {
			t.Fatal(err)
		}
		var silent sync.WaitGroup
		herd := func(from, sites int) {
			for site := range sites {
				for i := range 50 {
					silent.Go(func() {
						ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
						defer cancel()
						if err := askIn(ctx, zs, fmt.Sprintf("s%d.dead%d._device.example.net.", i, from+site), "", 5*time.Second, errSilent); !errors.Is(err, ErrUnavailable) {
							t.Errorf("silent: %v", err)
						}
					})
				}
			}
			synctest.Wait()
		}
		start := time.Now()
		herd(0, 1)
		for site := range 100 {
			if err := good(1000 + site); err != nil {
				t.Errorf("beside one silent site: %v", err)
			}
		}
		if took := time.Since(start); took != time.Second {
			t.Errorf("100 new sites of 10 ms took %v beside one silent site", took)
		}
		silent.Wait()
		start = time.Now()
		herd(100, 100)
		for range 500 {
			if err := good(1); err != nil {
				t.Errorf("a site that is known: %v", err)
			}
		}
		if took := time.Since(start); took != 5*time.Second {
			t.Errorf("500 logins of 10 ms took %v", took)
		}
		silent.Wait()
	})
}

// TestZonesKept: places that strangers choose take neither zones that begin somewhere nor silent
// ones out of what is remembered, and what is in use costs no search.
func TestZonesKept(t *testing.T) {
	t.Parallel()
	zs := newZones(128)
	if err := askIn(t.Context(), zs, "s.a._device.example.net.", "_device.example.net.", 0, nil); err != nil {
		t.Fatal(err)
	}
	_ = ask(t.Context(), zs, "s.silent._device.example.org.", 0, errSilent)
	for i := range 2 * maxZones {
		if err := askIn(t.Context(), zs, fmt.Sprintf("s.x%d.example.com.", i), "", 0, nil); err != nil {
			t.Fatal(err)
		}
	}
	cut, silent := zs.named["_device.example.net"], zs.named["silent._device.example.org"]
	if cut == nil || !cut.cut || silent == nil || silent.state() != down {
		t.Errorf("kept: %+v, %+v", cut, silent)
	}
	if n := len(zs.named); n > maxZones || n != zs.places.Len()+zs.kept.Len() {
		t.Errorf("%d zones, %d and %d of them unused", n, zs.places.Len(), zs.kept.Len())
	}
	for i := range 2 * maxZones { // silent ones alone are bounded too
		_ = ask(t.Context(), zs, fmt.Sprintf("s.y%d.example.com.", i), 0, errSilent)
	}
	if n := len(zs.named); n > maxZones {
		t.Errorf("%d zones", n)
	}
}
