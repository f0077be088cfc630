package lookup

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/publicsuffix"
)

// How many lookups may be under way. Which names are looked up is the choice of whoever sends mail, and so is how
// long their name servers take; the numbers keep places free for others.
const (
	maxRunning   = 256 // in all
	maxUnknown   = 128 // of those, in zones that have not answered lately
	maxLingering = 64  // of all, longer than patience
	maxPerDomain = 8   // in one signer domain, and in all unknown ones of one registrable domain
	maxWaiting   = 1024
	maxQueued    = 256 // of those waiting, in one registrable domain

	// patience is after how long a lookup counts as lingering. When too many linger it is given up.
	patience = 250 * time.Millisecond
)

// busyError says which cap was reached.
type busyError string

func (e busyError) Error() string { return string(e) }

// gate lets lookups in.
type gate struct {
	mu                          sync.Mutex
	running, unknown, lingering int
	signers, parents            map[string]int // running; parents counts unknown signers only
	waiting                     []*ticket
	queued                      map[string]int // waiting, by parent
}

// ticket is one lookup's place.
type ticket struct {
	signer    string // the domain that signs mail with the name
	parent    string // the registrable domain around it
	known     bool   // the signer domain has answered lately
	lingering bool
	left      bool
	admitted  chan struct{}
}

func newGate() *gate {
	return &gate{signers: map[string]int{}, parents: map[string]int{}, queued: map[string]int{}}
}

func newTicket(signer string, known bool) *ticket {
	return &ticket{signer: signer, parent: registrable(signer), known: known, admitted: make(chan struct{})}
}

// enter waits for a place until the context ends. The error is a busyError.
func (g *gate) enter(ctx context.Context, t *ticket) error {
	if err := g.queue(t); err != nil {
		return err
	}
	select {
	case <-t.admitted:
		return nil
	case <-ctx.Done():
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	i := slices.Index(g.waiting, t)
	if i < 0 { // It was let in meanwhile.
		g.drop(t)
	} else {
		g.waiting = slices.Delete(g.waiting, i, i+1)
		count(g.queued, t.parent, -1)
	}
	return busyError(fmt.Sprintf("too many lookups below %s are under way", t.parent))
}

// queue lets t in, or puts it at the end of the line.
func (g *gate) queue(t *ticket) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case g.fits(t):
		g.admit(t)
	case len(g.waiting) >= maxWaiting:
		return busyError("too many lookups are under way")
	case g.queued[t.parent] >= maxQueued:
		return busyError(fmt.Sprintf("too many lookups below %s are under way", t.parent))
	default:
		g.waiting = append(g.waiting, t)
		count(g.queued, t.parent, 1)
	}
	return nil
}

func (g *gate) fits(t *ticket) bool {
	return g.running < maxRunning && g.signers[t.signer] < maxPerDomain &&
		(t.known || g.unknown < maxUnknown && g.parents[t.parent] < maxPerDomain)
}

func (g *gate) admit(t *ticket) {
	g.running++
	count(g.signers, t.signer, 1)
	if !t.known {
		g.unknown++
		count(g.parents, t.parent, 1)
	}
	close(t.admitted)
}

// linger marks a lookup as one that takes long; false: it must be given up.
func (g *gate) linger(t *ticket) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if t.left {
		return true
	}
	if g.lingering >= maxLingering {
		return false
	}
	g.lingering++
	t.lingering = true
	return true
}

// leave gives the place of an admitted ticket back.
func (g *gate) leave(t *ticket) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.drop(t)
}

// drop gives a place back and lets in who fits now, in order of arrival.
func (g *gate) drop(t *ticket) {
	t.left = true
	g.running--
	count(g.signers, t.signer, -1)
	if !t.known {
		g.unknown--
		count(g.parents, t.parent, -1)
	}
	if t.lingering {
		g.lingering--
	}
	g.waiting = slices.DeleteFunc(g.waiting, func(next *ticket) bool {
		if !g.fits(next) {
			return false
		}
		count(g.queued, next.parent, -1)
		g.admit(next)
		return true
	})
}

// count adds to a counter and forgets it at zero.
func count(m map[string]int, key string, n int) {
	if m[key] += n; m[key] == 0 {
		delete(m, key)
	}
}

// signerDomain is the domain that an owner name speaks for: what follows its last label with an underscore, or for a
// host the name without its first label.
func signerDomain(name string) string {
	labels := strings.Split(strings.TrimSuffix(name, "."), ".")
	for i, label := range slices.Backward(labels) {
		if strings.HasPrefix(label, "_") {
			return strings.Join(labels[i+1:], ".")
		}
	}
	if len(labels) > 2 {
		labels = labels[1:]
	}
	return strings.Join(labels, ".")
}

// registrable is the domain that somebody registered, by the public suffix list: one name more than the suffix.
func registrable(domain string) string {
	if r, err := publicsuffix.EffectiveTLDPlusOne(domain); err == nil {
		return r
	}
	return domain
}
