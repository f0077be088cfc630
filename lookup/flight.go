package lookup

import (
	"context"
	"sync"
)

// flight is one lookup under way, for all callers with the same question.
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
	mu       sync.Mutex
	underWay map[flightKey]*flight
	// goroutines that wait for a flight, their stacks grown by the last one
	idle    []chan<- func()
	closed  bool
	running sync.WaitGroup
}

// maxIdle is how many goroutines are kept.
const maxIdle = 16

// join returns the flight for k; when there is none it begins one that runs f. own says which. Nil:
// it is closed.
func (fs *flights) join(k flightKey, f func() *Result) (fl *flight, own bool) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if fl = fs.underWay[k]; fl != nil {
		return fl, false
	}
	if fs.closed {
		return nil, false
	}
	fl = &flight{done: make(chan struct{})}
	if fs.underWay == nil {
		fs.underWay = map[flightKey]*flight{}
	}
	fs.underWay[k] = fl
	fs.start(func() {
		fl.result = f()
		fs.mu.Lock()
		delete(fs.underWay, k)
		fs.mu.Unlock()
		close(fl.done)
	})
	return fl, true
}

// start runs f in an idle goroutine, or a new one. The caller holds mu.
func (fs *flights) start(f func()) {
	if n := len(fs.idle); n > 0 {
		fs.idle[n-1] <- f
		fs.idle = fs.idle[:n-1]
		return
	}
	fs.running.Go(func() { fs.work(f) })
}

// work runs f and what comes after it.
func (fs *flights) work(f func()) {
	next := make(chan func(), 1)
	for f != nil {
		f()
		if !fs.rest(next) {
			return
		}
		f = <-next
	}
}

// rest offers a goroutine for the next flight; false: it is not needed.
func (fs *flights) rest(next chan<- func()) bool {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if fs.closed || len(fs.idle) >= maxIdle {
		return false
	}
	fs.idle = append(fs.idle, next)
	return true
}

// close lets no new flight begin and waits for those under way.
func (fs *flights) close() {
	fs.mu.Lock()
	fs.closed = true
	for _, next := range fs.idle {
		close(next)
	}
	fs.idle = nil
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
