package sasl

import (
	"net/netip"
	"testing"
	"time"
)

func TestGuesses(t *testing.T) {
	t.Parallel()
	var g Guesses
	a, b := Guesser{Addr: netip.MustParseAddr("192.0.2.1")}, Guesser{Addr: netip.MustParseAddr("192.0.2.2")}
	now := time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
	for i := range freeGuesses {
		if w := g.Wait(a, now); w != 0 {
			t.Fatalf("wait after %d failures = %v, want none", i, w)
		}
		g.Failed(a, now)
	}
	waits := []time.Duration{time.Second, 2 * time.Second, 4 * time.Second}
	for _, want := range waits {
		if w := g.Wait(a, now); w != want {
			t.Errorf("wait = %v, want %v", w, want)
		}
		g.Failed(a, now)
	}
	for range 20 {
		g.Failed(a, now)
	}
	if w := g.Wait(a, now); w != longestWait {
		t.Errorf("wait = %v, want %v at most", w, longestWait)
	}
	if w := g.Wait(b, now); w != 0 {
		t.Errorf("wait of another client = %v", w)
	}
	if w := g.Wait(a, now.Add(forgetAfter+1)); w != 0 {
		t.Errorf("wait after %v = %v, want none", forgetAfter, w)
	}
}

// TestGuessesForgive checks that a right login does not wipe out all the wrong ones.
func TestGuessesForgive(t *testing.T) {
	t.Parallel()
	var g Guesses
	a, now := Guesser{netip.MustParseAddr("192.0.2.1"), "s1"}, time.Now()
	for range freeGuesses + 2 {
		g.Failed(a, now)
	}
	g.Succeeded(a)
	if w := g.Wait(a, now); w != 2*time.Second {
		t.Errorf("wait = %v, want 2s", w)
	}
	for range freeGuesses + 2 {
		g.Succeeded(a)
	}
	if len(g.failed) != 0 {
		t.Errorf("%d clients remembered, want none", len(g.failed))
	}
}

func TestGuessersAreBounded(t *testing.T) {
	t.Parallel()
	var g Guesses
	now := time.Now()
	for i := range 2 * maxClients {
		g.Failed(Guesser{Addr: netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})}, now)
	}
	if len(g.failed) > maxClients {
		t.Errorf("%d clients remembered, want at most %d", len(g.failed), maxClients)
	}
}
