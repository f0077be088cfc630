//go:build cgo && pkcs11

package pkcs11

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

// gate lets a number of calls into a module at a time. A call that hangs keeps its place.
type gate struct {
	places chan struct{}
	// late is how many of those inside have outlived their time limit.
	late atomic.Int32
	// closed, when it is closed, ends the waiting.
	closed chan struct{}
}

func newGate(places int) *gate {
	return &gate{places: make(chan struct{}, places), closed: make(chan struct{})}
}

// errHangs says that the module does not return from calls.
var errHangs = fmt.Errorf("the module hangs: %w", context.DeadlineExceeded)

// enter waits for a place, which leave gives back. Where calls that hang have all places it does
// not wait: else all that wants to sign would wait for the time limit, more and more of it.
func (g *gate) enter(ctx context.Context) (leave func(), err error) {
	select {
	case g.places <- struct{}{}:
		return g.inside(ctx), nil
	default:
	}
	if int(g.late.Load()) >= cap(g.places) {
		return nil, errHangs
	}
	select {
	case g.places <- struct{}{}:
		return g.inside(ctx), nil
	case <-g.closed:
		return nil, ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// inside counts who stays longer than its time limit.
func (g *gate) inside(ctx context.Context) (leave func()) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return func() { <-g.places }
	}
	limit := time.AfterFunc(time.Until(deadline), func() { g.late.Add(1) })
	return func() {
		if !limit.Stop() {
			g.late.Add(-1)
		}
		<-g.places
	}
}

// close waits until all have left, and lets nothing enter any more.
func (g *gate) close(ctx context.Context) error {
	close(g.closed)
	for range cap(g.places) {
		select {
		case g.places <- struct{}{}: // never given back
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

func (o Options) timeout() time.Duration {
	if o.Timeout <= 0 {
		return DefaultTimeout
	}
	return o.Timeout
}

// within calls f and returns after d at the latest. A call into a module cannot be ended: f goes on
// until the module returns, with the session that it holds.
func within[T any](d time.Duration, what fmt.Stringer, f func(context.Context) (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	done := make(chan result, 1)
	go func() {
		v, err := f(ctx)
		done <- result{v, err}
	}()
	select {
	case r := <-done:
		if !errors.Is(r.err, context.DeadlineExceeded) {
			return r.value, r.err
		}
	case <-ctx.Done():
	}
	var none T
	return none, withHint(fmt.Errorf("pkcs11: %s: the module does not answer within %s: %w", what, d, context.DeadlineExceeded),
		"see whether the token is there and works: pkcs11-tool --module FILE --list-slots")
}
