package sasl

import (
	"context"
	"errors"
	"sync"

	"golang.org/x/sync/semaphore"

	"dnseal/lookup"
)

// Bounds of one zone.
const (
	zoneShare   = 8      // its part of all lookups is one of so many
	downAfter   = 3      // lookups without an answer, one after the other: it does not answer
	downWaiting = 32     // logins that then wait for it
	maxZones    = 10_000 // remembered; strangers may choose them where a star stands for them
)

// zones gives lookups their turn: so many at a time, and so many in one zone. Those above wait in
// order, because at the full hour a whole fleet comes at once. A zone that does not answer keeps
// few slots until it does, and few may wait for it, so that the others keep theirs.
type zones struct {
	all *semaphore.Weighted
	per int64 // slots of one zone

	mu    sync.Mutex
	named map[string]*zone
}

// zone is what logins of one zone share.
type zone struct {
	slots  *semaphore.Weighted
	users  int // running or waiting
	failed int // lookups without an answer since the last that had one
}

func newZones(lookups int) *zones {
	return &zones{
		all: semaphore.NewWeighted(int64(lookups)), per: max(int64(lookups)/zoneShare, 1), named: map[string]*zone{},
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

// turn waits until the lookup of a name may begin, or ctx ends, and runs it. Where the DNS gave no
// answer, or there was no turn in time, the error is a *ZoneError, else that of f.
func (zs *zones) turn(ctx context.Context, owner string, f func() error) error {
	name := lookup.SignerDomain(owner)
	z, failedBefore, err := zs.enter(name)
	if err == nil {
		defer zs.leave(z)
		err = zs.run(ctx, z, failedBefore, f)
	}
	if errors.Is(err, ErrUnavailable) {
		return &ZoneError{name, err}
	}
	return err
}

// enter counts one more user of a zone, unless too many wait for one that does not answer.
func (zs *zones) enter(name string) (z *zone, failed int, err error) {
	zs.mu.Lock()
	defer zs.mu.Unlock()
	if z = zs.named[name]; z == nil {
		if len(zs.named) >= maxZones {
			zs.forget()
		}
		z = &zone{slots: semaphore.NewWeighted(zs.per)}
		zs.named[name] = z
	}
	if z.failed >= downAfter && z.users >= downWaiting {
		return nil, 0, unavailable("%s gives no answers, and %d logins wait for it already", name, z.users)
	}
	z.users++
	return z, z.failed, nil
}

func (zs *zones) leave(z *zone) {
	zs.mu.Lock()
	defer zs.mu.Unlock()
	z.users--
}

// forget drops zones that nobody uses.
func (zs *zones) forget() {
	for name, z := range zs.named {
		if z.users == 0 {
			delete(zs.named, name)
		}
	}
}

// run waits for a slot of the zone, then for one of all, and runs f.
func (zs *zones) run(ctx context.Context, z *zone, failedBefore int, f func() error) error {
	weight := int64(1)
	if failedBefore >= downAfter {
		weight = max(zs.per/2, 1) // two at a time
	}
	if err := z.slots.Acquire(ctx, weight); err != nil {
		return unavailable("no turn for a lookup in time: %w", err)
	}
	defer z.slots.Release(weight)
	if n := zs.failures(z); failedBefore < downAfter && n >= downAfter {
		return unavailable("%d lookups had no answer while this one waited", n)
	}
	if err := zs.all.Acquire(ctx, 1); err != nil {
		return unavailable("no turn for a lookup in time: %w", err)
	}
	defer zs.all.Release(1)
	err := f()
	zs.note(z, !errors.Is(err, ErrUnavailable))
	return err
}

func (zs *zones) failures(z *zone) int {
	zs.mu.Lock()
	defer zs.mu.Unlock()
	return z.failed
}

// note records whether a lookup in the zone had an answer.
func (zs *zones) note(z *zone, answered bool) {
	zs.mu.Lock()
	defer zs.mu.Unlock()
	if z.failed++; answered {
		z.failed = 0
	}
}
