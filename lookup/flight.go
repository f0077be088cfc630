package lookup

import (
	"context"
	"sync"
)

// flight is one lookup under way, for everybody who asks the same.
type flight struct {
	done   chan struct{}
	result *Result // when done
}

// flightKey names a flight: those with other trust anchors are others.
type flightKey struct {
	key
	trust *trust
}

// flights coalesces lookups of the same name. A flight does not end with the caller who began it.
type flights struct {
	mu      sync.Mutex
	flying  map[flightKey]*flight
	closed  bool
	running sync.WaitGroup
}

// join returns the flight for k; when there is none it begins one that runs f. own says which. Nil: it is closed.
func (fs *flights) join(k flightKey, f func() *Result) (fl *flight, own bool) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if fl = fs.flying[k]; fl != nil {
		return fl, false
	}
	if fs.closed {
		return nil, false
	}
	fl = &flight{done: make(chan struct{})}
	if fs.flying == nil {
		fs.flying = map[flightKey]*flight{}
	}
	fs.flying[k] = fl
	fs.running.Go(func() {
		fl.result = f()
		fs.mu.Lock()
		delete(fs.flying, k)
		fs.mu.Unlock()
		close(fl.done)
	})
	return fl, true
}

// close lets no new flight begin and waits for those under way.
func (fs *flights) close() {
	fs.mu.Lock()
	fs.closed = true
	fs.mu.Unlock()
	fs.running.Wait()
}

// wait returns the result, or nil when the context ended before.
func (fl *flight) wait(ctx context.Context) *Result {
	select {
	case <-fl.done:
		return fl.result
	case <-ctx.Done():
		return nil
	}
}
