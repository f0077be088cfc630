// Package admit decides who may be looked up ([Lists], lists.go) and how many lookups run at a time
// ([Limiter], limiter.go and slots.go). Start at [Limiter.Enter].
//
// The sender of a message chooses the names that are looked up, and how long their name servers
// need. So domains that have not answered lately share one half of the slots, each domain and each
// registrable domain around it has few, and a lookup that takes long ends when others wait: slow
// zones, however many, cost others a moment and not their turn.
//
// # Limitations
//
// What one lookup or one message may cost is not bounded here: that is the budget of package
// dnssec. The public suffix list is the one that was compiled in.
package admit

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/maypok86/otter/v2"
	"golang.org/x/net/publicsuffix"
	"golang.org/x/sync/semaphore"
)

// maxKnown and maxUnknown bound the lookups, running or waiting, in one domain.
const (
	maxKnown   = 2048
	maxUnknown = 256

	maxSigners = 100_000
	knownTime  = time.Hour // for which a signer domain counts as known after its last answer
)

// BusyError names the limit that was reached.
type BusyError string

func (e BusyError) Error() string { return string(e) }

// Limiter admits lookups: first by domain, then by pool, one for signer domains that have answered
// lately (known) and one for all others.
type Limiter struct {
	mu             sync.Mutex
	signers        map[string]*domain
	parents        map[string]*domain // registrable domains around unknown signers
	known, unknown *pool
	perDomain      int64
	answered       *otter.Cache[string, struct{}]
}

// domain is the slots of one domain.
type domain struct {
	slots *semaphore.Weighted
	users int // running or waiting
}

// NewLimiter returns a limiter for so many lookups at a time, half of them in each pool, and so
// many in one domain. Close it when done.
func NewLimiter(lookups, perDomain int) (*Limiter, error) {
	answered, err := otter.New(&otter.Options[string, struct{}]{
		MaximumSize: maxSigners, ExpiryCalculator: otter.ExpiryWriting[string, struct{}](knownTime),
	})
	return &Limiter{
		signers: map[string]*domain{}, parents: map[string]*domain{},
		known: newPool(lookups / 2), unknown: newPool(lookups / 2), perDomain: int64(perDomain), answered: answered,
	}, err
}

// Close ends the limiter's goroutines.
func (l *Limiter) Close() { l.answered.StopAllGoroutines() }

// Note records whether a signer domain has answered.
// RFC 9520, Section 3.2: a failure is kept; here it costs the domain its place among the known.
func (l *Limiter) Note(signer string, answered bool) {
	if answered {
		l.answered.Set(signer, struct{}{})
	} else {
		l.answered.Invalidate(signer)
	}
}

// Enter waits for a slot until ctx ends. The lookup runs with the context returned, which ends with
// the cause [ErrEvicted] when others need the slot; leave gives the slot back. The error is a
// [BusyError].
func (l *Limiter) Enter(ctx context.Context, signer string) (running context.Context, leave func(), err error) {
	_, known := l.answered.GetIfPresent(signer)
	return l.enter(ctx, signer, known)
}

func (l *Limiter) enter(ctx context.Context, signer string, known bool) (running context.Context, leave func(), err error) {
	var held []func()
	running, cancel := context.WithCancelCause(ctx)
	release := func() {
		for _, f := range slices.Backward(held) {
			f()
		}
		cancel(nil)
	}
	defer func() {
		if err != nil {
			release()
		}
	}()
	pool, most := l.unknown, maxUnknown
	if known {
		pool, most = l.known, maxKnown
	}
	if err = l.acquire(ctx, &held, l.signers, signer, most); err != nil {
		return nil, nil, err
	}
	if !known {
		if err = l.acquire(ctx, &held, l.parents, registrable(signer), most); err != nil {
			return nil, nil, err
		}
	}
	s := &slot{evict: cancel, admitted: make(chan bool, 1)}
	if err = pool.enter(ctx, s); err != nil {
		return nil, nil, err
	}
	held = append(held, func() { pool.leave(s) })
	return running, release, nil
}

// acquire waits for one of a domain's slots.
func (l *Limiter) acquire(ctx context.Context, held *[]func(), domains map[string]*domain, name string, most int) error {
	d := l.use(domains, name, most)
	if d == nil || d.slots.Acquire(ctx, 1) != nil {
		if d != nil {
			l.unuse(domains, name)
		}
		return BusyError(fmt.Sprintf("too many lookups below %s are under way", name))
	}
	*held = append(*held, func() {
		d.slots.Release(1)
		l.unuse(domains, name)
	})
	return nil
}

// use counts one more user of a domain; nil: there are too many.
func (l *Limiter) use(domains map[string]*domain, name string, most int) *domain {
	l.mu.Lock()
	defer l.mu.Unlock()
	d := domains[name]
	if d == nil {
		d = &domain{slots: semaphore.NewWeighted(l.perDomain)}
		domains[name] = d
	}
	if d.users >= most {
		return nil
	}
	d.users++
	return d
}

func (l *Limiter) unuse(domains map[string]*domain, name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	d := domains[name]
	if d.users--; d.users == 0 {
		delete(domains, name)
	}
}

// SignerDomain is the domain that an owner name speaks for: what follows its last label with an
// underscore (RFC 8552, Section 1.1; RFC 6698, Section 3; RFC 8162, Section 3), or for a host the
// name without its first label.
func SignerDomain(name string) string {
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

// registrable is the domain that was registered, by the public suffix list: one label more
// than the suffix.
func registrable(domain string) string {
	if r, err := publicsuffix.EffectiveTLDPlusOne(domain); err == nil {
		return r
	}
	return domain
}

// Counts returns how many lookups run and how many wait for a slot in a pool, and how many do
// either in a signer domain.
func (l *Limiter) Counts(signer string) (running, waiting, users int) {
	for _, p := range []*pool{l.known, l.unknown} {
		p.mu.Lock()
		running, waiting = running+len(p.running), waiting+len(p.waiting)
		p.mu.Unlock()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if d := l.signers[signer]; d != nil {
		users = d.users
	}
	return running, waiting, users
}
