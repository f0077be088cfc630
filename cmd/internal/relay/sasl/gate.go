package sasl

import (
	"container/list"
	"context"
	"sync"
)

// gate lets so many through at a time; the others wait in the order in which they came. Other than
// with a semaphore, how many they are can change.
type gate struct {
	mu      sync.Mutex
	limit   int
	running int
	waiting list.List // of chan struct{}, closed when its turn has come
}

// acquire waits for a turn until ctx ends.
func (g *gate) acquire(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	g.mu.Lock()
	ready := make(chan struct{})
	e := g.waiting.PushBack(ready)
	g.admit()
	g.mu.Unlock()
	select {
	case <-ready:
		return nil
	case <-ctx.Done():
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	select {
	case <-ready: // at the same time
		g.running--
		g.admit()
	default:
		g.waiting.Remove(e)
	}
	return ctx.Err()
}

func (g *gate) release() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.running--
	g.admit()
}

// resize changes how many are let through. Those that are through stay.
func (g *gate) resize(limit int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.limit = limit
	g.admit()
}

func (g *gate) admit() {
	for e := g.waiting.Front(); e != nil && g.running < g.limit; e = g.waiting.Front() {
		g.waiting.Remove(e)
		g.running++
		close(e.Value.(chan struct{}))
	}
}
