package sasl

import (
	"net/netip"
	"sync"
	"time"
)

// Bounds of what is remembered of failed logins.
const (
	freeGuesses = 5                // failures of one client before it has to wait
	longestWait = time.Minute      // between two guesses
	forgetAfter = 15 * time.Minute // since the last failure
	maxClients  = 10000            // clients remembered
)

// Guesses slow down who tries passwords over many connections. The zero value is ready.
type Guesses struct {
	mu     sync.Mutex
	failed map[Guesser]failures
}

// Guesser is whose failures are counted together: an address, an IPv6 network as one, and where
// many clients share the address, one name there. In Authenticator.Keys it is one key there.
type Guesser struct {
	Addr netip.Addr
	Name string
}

type failures struct {
	times int
	last  time.Time
}

// Wait is how long this client must wait before its next login is looked at.
func (g *Guesses) Wait(key Guesser, now time.Time) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	f := g.failed[key]
	if f.times < freeGuesses || now.Sub(f.last) > forgetAfter {
		return 0
	}
	wait := min(time.Second<<min(f.times-freeGuesses, 10), longestWait)
	return max(0, f.last.Add(wait).Sub(now))
}

// Failed counts a failed login, and returns how many there are with it.
func (g *Guesses) Failed(key Guesser, now time.Time) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.failed == nil {
		g.failed = map[Guesser]failures{}
	}
	f := g.failed[key]
	if now.Sub(f.last) > forgetAfter {
		f.times = 0
	}
	g.failed[key] = failures{times: f.times + 1, last: now}
	if len(g.failed) > maxClients {
		g.forget(now)
	}
	return f.times + 1
}

// Succeeded forgives one failure: not all, or an attacker with an account of his own would have as
// many as he likes.
func (g *Guesses) Succeeded(key Guesser) {
	g.mu.Lock()
	defer g.mu.Unlock()
	f, ok := g.failed[key]
	if !ok {
		return
	}
	if f.times--; f.times <= 0 {
		delete(g.failed, key)
		return
	}
	g.failed[key] = f
}

// forget makes room: what is old goes first, then any other.
func (g *Guesses) forget(now time.Time) {
	for key, f := range g.failed {
		if now.Sub(f.last) > forgetAfter {
			delete(g.failed, key)
		}
	}
	for key := range g.failed {
		if len(g.failed) <= maxClients*9/10 {
			return
		}
		delete(g.failed, key)
	}
}
