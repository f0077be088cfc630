//go:build cgo && pkcs11

package pkcs11

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// gate is a mutex whose lock a context can end: a call into a module that hangs holds it.
type gate chan struct{}

func newGate() gate { return make(gate, 1) }

func (g gate) lock(ctx context.Context) error {
	select {
	case g <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (g gate) unlock() { <-g }

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
