package sasl

import (
	"container/list"
	"context"
	"errors"
	"sync"

	"golang.org/x/sync/semaphore"

	"dnseal/lookup"
)

// Parts of all lookups: one is of so many.
const (
	domainPart = 2 // of one registrable domain, so that none takes all
	zonePart   = 8 // of one zone

	// Of zones that have not answered yet, and of those that do not answer: all together, and in
	// one registrable domain. The latter are few, because a client of the DNS has few for a domain
	// by default (lookup.Limits.DomainLookups), and those that answer need some.
	untestedPart, untestedDomainPart = 4, 32
	downPart, downDomainPart         = 8, 64

	// Of places beneath a zone that answers: a fleet may have one for each device, so as many in a
	// domain as one zone has.
	beneathPart, beneathDomainPart = 2, zonePart
)

// Bounds of one zone.
const (
	downAfter   = 3      // lookups without an answer, one after the other: it does not answer
	downWaiting = 32     // logins that then wait for it
	probes      = 2      // lookups in a zone that is not known to answer
	maxZones    = 10_000 // remembered; strangers may choose them where a star stands for them
)

// zones gives lookups their turn: so many at a time, so many in one registrable domain, and so many
// in one zone (cuts.go). Those above wait in order, because at the full hour a whole fleet comes at
// once. A zone that is not known to answer has few slots, apart from those of the others, and few
// may wait for one that does not answer: it defers its own clients and no others.
type zones struct {
	lookups int
	pools   // of all

	mu      sync.Mutex
	named   map[string]*zone
	domains map[string]*domain // in use

	// Zones that nobody uses, the longest unused first: those that begin there or are down, and
	// places.
	kept, places list.List
}

// pools are the slots of lookups, each by what is known of the zone.
type pools struct {
	every, untested, beneath, down *semaphore.Weighted
}

// domain is what the zones of a registrable domain share.
type domain struct {
	pools
	users int // running or waiting
}

func newPools(every, untested, beneath, down int) pools {
	slots := func(n, least int) *semaphore.Weighted { return semaphore.NewWeighted(int64(max(n, least))) }
	return pools{slots(every, 1), slots(untested, probes), slots(beneath, probes), slots(down, probes)}
}

func newZones(lookups int) *zones {
	return &zones{
		lookups: lookups, pools: newPools(lookups, lookups/untestedPart, lookups/beneathPart, lookups/downPart),
		named: map[string]*zone{}, domains: map[string]*domain{},
	}
}

// ZoneError says that the zone of a client does not answer.
type ZoneError struct {
	Zone string
	Err  error
}

// Error implements error.
func (e *ZoneError) Error() string { return e.Err.Error() }

// Unwrap returns ErrUnavailable with its cause.
func (e *ZoneError) Unwrap() error { return e.Err }

// errBusy is a lookup that was not made: no zone is to blame.
var errBusy = errors.New("too many lookups are under way")

// turn waits until the lookup of a name may begin, or ctx ends, and runs it. f returns the zone
// that its outcome comes from, empty where it is not known. Where the DNS gave no answer, or there
// was no turn in time, the error is a *ZoneError, else that of f.
func (zs *zones) turn(ctx context.Context, owner string, f func() (cut string, err error)) error {
	d := zs.domainOf(owner)
	defer zs.leaveDomain(owner, d)
	for {
		z, was, err := zs.enter(owner)
		again := false
		if err == nil {
			again, err = zs.inZone(ctx, d, z, was, owner, f)
			zs.leave(z)
		}
		if again {
			continue // meanwhile it was learned what the zone of the name is
		}
		if errors.Is(err, ErrUnavailable) {
			return &ZoneError{zs.blame(owner), err}
		}
		return err
	}
}

// inZone waits for a slot of the zone, then of the domain and of all, and runs f; again: the name
// has turned out to be in another zone.
func (zs *zones) inZone(ctx context.Context, d *domain, z *zone, was state, owner string, f func() (string, error)) (again bool, err error) {
	if err = z.gate.acquire(ctx); err != nil {
		return false, noTurn(err)
	}
	defer z.gate.release()
	now, failed, ok := zs.still(owner, z)
	switch {
	case !ok:
		return true, nil
	case was != down && now == down:
		return false, unavailable("%d lookups had no answer while this one waited", failed)
	}
	for _, p := range []*pools{&d.pools, &zs.pools} {
		var leave func()
		if leave, err = p.enter(ctx, now); err != nil {
			return false, noTurn(err)
		}
		defer leave()
		// What the first lookup of a herd learns frees those that wait among the untested.
		if is, _, same := zs.still(owner, z); (now == untested || now == beneath) && (!same || is != now) {
			return true, nil
		}
	}
	cut, err := f()
	if !errors.Is(err, errBusy) {
		zs.learn(owner, z, cut, !errors.Is(err, ErrUnavailable))
	}
	return false, err
}

func noTurn(err error) error { return unavailable("no turn for a lookup in time: %w", err) }

// enter waits for a slot for a lookup in a zone of that state.
func (p *pools) enter(ctx context.Context, is state) (leave func(), err error) {
	few := p.every
	switch is {
	case untested:
		few = p.untested
	case beneath:
		few = p.beneath
	case down:
		few = p.down
	case answers:
	}
	if err := few.Acquire(ctx, 1); err != nil {
		return nil, err
	}
	if few == p.every {
		return func() { few.Release(1) }, nil
	}
	if err := p.every.Acquire(ctx, 1); err != nil {
		few.Release(1)
		return nil, err
	}
	return func() {
		p.every.Release(1)
		few.Release(1)
	}, nil
}

// domainOf counts one more user of the registrable domain of a name.
func (zs *zones) domainOf(owner string) *domain {
	zs.mu.Lock()
	defer zs.mu.Unlock()
	name := registrable(owner)
	d := zs.domains[name]
	if d == nil {
		d = &domain{pools: newPools(zs.lookups/domainPart, zs.lookups/untestedDomainPart, zs.lookups/beneathDomainPart, zs.lookups/downDomainPart)}
		zs.domains[name] = d
	}
	d.users++
	return d
}

func (zs *zones) leaveDomain(owner string, d *domain) {
	zs.mu.Lock()
	defer zs.mu.Unlock()
	if d.users--; d.users == 0 {
		delete(zs.domains, registrable(owner))
	}
}

// blame is the zone that a log line names: the one that was learned, else the domain that the name
// speaks for.
func (zs *zones) blame(owner string) string {
	zs.mu.Lock()
	defer zs.mu.Unlock()
	if z := zs.zoneOf(owner); z.cut {
		return z.name
	}
	return lookup.SignerDomain(owner)
}
