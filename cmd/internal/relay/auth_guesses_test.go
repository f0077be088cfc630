package relay

import (
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestGuesses(t *testing.T) {
	t.Parallel()
	var g guesses
	a, b := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	now := time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
	for i := range freeGuesses {
		if w := g.wait(a, now); w != 0 {
			t.Fatalf("wait after %d failures = %v, want none", i, w)
		}
		g.wrong(a, now)
	}
	waits := []time.Duration{time.Second, 2 * time.Second, 4 * time.Second}
	for _, want := range waits {
		if w := g.wait(a, now); w != want {
			t.Errorf("wait = %v, want %v", w, want)
		}
		g.wrong(a, now)
	}
	for range 20 {
		g.wrong(a, now)
	}
	if w := g.wait(a, now); w != longestWait {
		t.Errorf("wait = %v, want %v at most", w, longestWait)
	}
	if w := g.wait(b, now); w != 0 {
		t.Errorf("wait of another client = %v", w)
	}
	if w := g.wait(a, now.Add(forgetAfter+1)); w != 0 {
		t.Errorf("wait after %v = %v, want none", forgetAfter, w)
	}
}

// TestGuessesForgive checks that a right login does not wipe out all the wrong ones.
func TestGuessesForgive(t *testing.T) {
	t.Parallel()
	var g guesses
	a, now := netip.MustParseAddr("192.0.2.1"), time.Now()
	for range freeGuesses + 2 {
		g.wrong(a, now)
	}
	g.right(a)
	if w := g.wait(a, now); w != 2*time.Second {
		t.Errorf("wait = %v, want 2s", w)
	}
	for range freeGuesses + 2 {
		g.right(a)
	}
	if len(g.failed) != 0 {
		t.Errorf("%d clients remembered, want none", len(g.failed))
	}
}

func TestGuessersAreBounded(t *testing.T) {
	t.Parallel()
	var g guesses
	now := time.Now()
	for i := range 2 * maxGuessers {
		g.wrong(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), now)
	}
	if len(g.failed) > maxGuessers {
		t.Errorf("%d clients remembered, want at most %d", len(g.failed), maxGuessers)
	}
}

// TestGuessingIsSlow drives a guesser over many connections of one address: the third failure ends
// a connection, and after some of them logins are not even looked at.
func TestGuessingIsSlow(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	s := (&sink{}).start(t)
	r := submission(t, ca, s.address(), AuthOptions{Users: users(t, map[string]string{"alice": "x"})})
	conf := ca.client("relay.example.org")
	first := dial(t, r.addr)
	startTLS(first, conf)
	first.do(plain("alice", "1"), "535")
	first.do(plain("bob", "2"), "535")
	first.do(plain("alice", "3"), "421")
	first.wantEOF()
	second := dial(t, r.addr)
	startTLS(second, conf)
	second.do(plain("alice", "4"), "535")
	second.do(plain("alice", "5"), "535")
	// These five failures make the client wait for a second, which a slow machine needs for the
	// third connection: with four more, too few to count alone, it is 16.
	for range freeGuesses - 1 {
		r.auth.guesses.wrong(netip.MustParseAddr("127.0.0.1"), time.Now())
	}
	third := dial(t, r.addr)
	startTLS(third, conf)
	third.do(plain("alice", "x"), "454 4.7.0")
	if !strings.Contains(r.log.String(), "too many failed logins from this address") {
		t.Error("the log does not say why")
	}
}

// TestPauseGrows checks the pause before the answer to a failed login, on a clock of its own.
func TestPauseGrows(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &session{srv: &Server{auth: &authenticator{opts: AuthOptions{Pause: time.Second}}}}
		for n, want := range map[int]time.Duration{1: time.Second, 2: 2 * time.Second, 3: 4 * time.Second, 50: 32 * time.Second} {
			begin := time.Now()
			if !s.pause(t.Context(), n) || time.Since(begin) != want {
				t.Errorf("pause(%d) took %v, want %v", n, time.Since(begin), want)
			}
		}
	})
}
