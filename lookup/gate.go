package lookup

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"golang.org/x/net/publicsuffix"
	"golang.org/x/sync/semaphore"
)

// How many lookups may be running or waiting in one domain, known and unknown. [Limits] says how
// many may run. Which names are looked up is the choice of whoever sends mail, and so is how long
// their name servers take; the numbers keep places free for others.
const (
	maxKnown   = 2048
	maxUnknown = 256
)

// busyError says which cap was reached.
type busyError string

func (e busyError) Error() string { return string(e) }

// gate lets lookups in: first by domain, then by lane.
type gate struct {
	mu             sync.Mutex
	signers        map[string]*domain
	parents        map[string]*domain // registrable domains around unknown signers
	known, unknown *lane
	perDomain      int64
}

// domain is the places of one domain.
type domain struct {
	places *semaphore.Weighted
	users  int // running or waiting
}

// ticket is one lookup on its way through the gate.
type ticket struct {
	signer string // the domain that the name speaks for
	known  bool   // it has answered lately
	visit
	leave []func() // what gives the places back, in order of taking
}

func newGate(l Limits) *gate {
	return &gate{
		signers: map[string]*domain{}, parents: map[string]*domain{},
		known: newLane(l.Lookups / 2), unknown: newLane(l.Lookups / 2), perDomain: int64(l.DomainLookups),
	}
}

// newTicket makes a ticket; giveUp ends its lookup when others need the place.
func newTicket(signer string, known bool, giveUp func(error)) *ticket {
	return &ticket{signer: signer, known: known, visit: visit{giveUp: giveUp, admitted: make(chan bool, 1)}}
}

// enter waits for a place until the context ends. The error is a busyError. Only without error must
// the ticket leave.
func (g *gate) enter(ctx context.Context, t *ticket) (err error) {
	defer func() {
		if err != nil {
			g.leave(t)
		}
	}()
	if t.known {
		if err = g.take(ctx, t, g.signers, t.signer, maxKnown); err != nil {
			return err
		}
		return t.enter(ctx, g.known)
	}
	if err = g.take(ctx, t, g.signers, t.signer, maxUnknown); err != nil {
		return err
	}
	if err = g.take(ctx, t, g.parents, registrable(t.signer), maxUnknown); err != nil {
		return err
	}
	return t.enter(ctx, g.unknown)
}

// enter takes a place in a lane.
func (t *ticket) enter(ctx context.Context, l *lane) error {
	if err := l.enter(ctx, &t.visit); err != nil {
		return err
	}
	t.leave = append(t.leave, func() { l.leave(&t.visit) })
	return nil
}

// take waits for one of a domain's places.
func (g *gate) take(ctx context.Context, t *ticket, domains map[string]*domain, name string, most int) error {
	d := g.use(domains, name, most)
	if d == nil || d.places.Acquire(ctx, 1) != nil {
		if d != nil {
			g.unuse(domains, name)
		}
		return busyError(fmt.Sprintf("too many lookups below %s are under way", name))
	}
	t.leave = append(t.leave, func() {
		d.places.Release(1)
		g.unuse(domains, name)
	})
	return nil
}

// use counts one more user of a domain; nil: there are too many.
func (g *gate) use(domains map[string]*domain, name string, most int) *domain {
	g.mu.Lock()
	defer g.mu.Unlock()
	d := domains[name]
	if d == nil {
		d = &domain{places: semaphore.NewWeighted(g.perDomain)}
		domains[name] = d
	}
	if d.users >= most {
		return nil
	}
	d.users++
	return d
}

func (g *gate) unuse(domains map[string]*domain, name string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	d := domains[name]
	if d.users--; d.users == 0 {
		delete(domains, name)
	}
}

// leave gives all places of a ticket back, the last one first.
func (g *gate) leave(t *ticket) {
	for _, f := range slices.Backward(t.leave) {
		f()
	}
	t.leave = nil
}

// signerDomain is the domain that an owner name speaks for: what follows its last label with an
// underscore, or for a host the name without its first label.
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

// registrable is the domain that somebody registered, by the public suffix list: one label more
// than the suffix.
func registrable(domain string) string {
	if r, err := publicsuffix.EffectiveTLDPlusOne(domain); err == nil {
		return r
	}
	return domain
}
