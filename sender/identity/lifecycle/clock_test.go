package lifecycle

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestClockJumps: this machine's clock is a day late for a while, or so wrong that no signature is
// valid by it, and right again, in any round of a rollover. No key signs before every cache has its
// record, and no record is withdrawn before its time.
func TestClockJumps(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		w.keepMemory, w.state.Next, w.state.Old = true, generation("n"), nil
		oldFor := rapid.SampledFrom([]time.Duration{time.Hour, DefaultOldFor}).Draw(t, "old for")
		w.state.Memory = Memory{Publish: true, Beside: true, Retention: Withdraw, OldFor: oldFor}
		clocks := []time.Duration{0, 0, -day, -day, -20000 * day}
		if rapid.Bool().Draw(t, "a year ahead") {
			clocks = []time.Duration{0, 365 * day}
		}
		var switched time.Time
		step := func(wrong time.Duration) Step {
			for i := range w.servers {
				w.transfer(i)
			}
			seen := w.see()
			if wrong > 0 || wrong < -2*day {
				for i := range seen {
					seen[i].Status, seen[i].Records, seen[i].TTL = "bogus", nil, 0
				}
			}
			s := Next(w.state, seen, w.now.Add(wrong))
			w.logf("clock %s, until %s", wrong, s.Until)
			if s.Do == Remove && !switched.IsZero() && w.now.Sub(switched) < oldFor {
				w.fatalf("withdrawn %s after the switch", w.now.Sub(switched))
			}
			w.do(s, 0)
			w.check()
			if s.Do == Switch {
				switched = w.now
			}
			return s
		}
		step(0)
		for range rapid.IntRange(0, 25).Draw(t, "rounds") {
			w.pass(time.Duration(rapid.IntRange(0, 400).Draw(t, "seconds")) * time.Second)
			step(rapid.SampledFrom(clocks).Draw(t, "clock"))
		}
		from := w.now
		for range 30 {
			s := step(0)
			if s.Do == Nothing {
				break
			}
			w.pass(max(s.Until.Sub(w.now), time.Second))
		}
		if s := step(0); s.Do != Nothing || w.state.Active.ID != "n" || slices.ContainsFunc(w.primary.records, generation("a").Publishes) {
			w.fatalf("at the end: %s (%s)", s.Do, s.Why)
		}
		if longest := oldFor + 4*(time.Hour+Margin(time.Hour)); w.now.Sub(from) > longest {
			w.fatalf("it took %s", w.now.Sub(from))
		}
	})
}

// TestClockFarAhead: a time that no clock by which signatures are valid can have written says
// nothing about the clock of now, and keeps no revoked key published.
func TestClockFarAhead(t *testing.T) {
	t.Parallel()
	far := begin.Add(365 * 24 * time.Hour)
	m := Memory{Shown: map[string]Shown{"r": {Sent: far}}}
	if !m.notInFuture(begin, true) || !m.Ahead.IsZero() || !m.Shown["r"].Sent.IsZero() {
		t.Errorf("%+v", m)
	}
	// What a clock ahead passes is not what the clock of then comes to.
	m = Memory{Ahead: begin.Add(time.Hour), Switched: begin}
	if m.notInFuture(far, false); m.Ahead.IsZero() || !m.Switched.Equal(begin) {
		t.Errorf("%+v", m)
	}
	m = Memory{Shown: map[string]Shown{RecordID(record("a")): {Removed: far}}}
	s := Next(State{Active: revoked(generation("a")), Memory: m}, Seen{{Name: "ns", Status: "bogus"}}, begin)
	if s.Do != Remove || !contains(s.Remove, record("a")) {
		t.Errorf("%s %v", s.Do, s.Remove)
	}
}

// TestClockSaid: where a signature is not valid now, the clock is named.
func TestClockSaid(t *testing.T) {
	t.Parallel()
	for reason, said := range map[string]bool{
		"the signature over example.org. DNSKEY expired at 2026-11-22T22:02:00Z; the zone must be signed again": true,
		"the signature over example.org. DNSKEY is not valid before 2026-12-06T22:01:41Z":                       true,
		"no key of example.org. fits its DS record":                                                             false,
	} {
		s := Next(State{Active: generation("a")}, Seen{{Name: "ns", Status: "bogus", Reason: reason}}, begin)
		if got := strings.HasSuffix(s.Troubles[0].Hint, "; see whether the clock of this machine is right, too"); got != said {
			t.Errorf("%s: %q", reason, s.Troubles[0].Hint)
		}
	}
}
