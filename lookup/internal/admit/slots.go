package admit

import (
	"context"
	"slices"
	"sync"
	"time"
)

const (
	maxWaiting = 1024 // lookups that wait in one pool
	// MinTime is how long a lookup of the older half of a pool keeps its slot although others wait.
	MinTime = 250 * time.Millisecond
	// minTimeYoung is the same for the younger half: a slot is always free soon.
	minTimeYoung = 50 * time.Millisecond
)

// ErrEvicted ends a lookup that takes long while others wait.
const ErrEvicted = BusyError("it takes long, and others wait")

// pool is a number of slots. The newest lookup that waits is admitted first. When others wait, a
// lookup that had its time is evicted.
type pool struct {
	slots   int
	mu      sync.Mutex
	running []*slot // oldest first
	waiting []*slot // oldest first
	evicted int     // of the running
	timer   *time.Timer
}

// slot is the place of one lookup.
type slot struct {
	evict    func(error)
	admitted chan bool // one value; false: turned away
	since    time.Time // when it was admitted
	evicted  bool
}

func newPool(slots int) *pool { return &pool{slots: slots} }

// enter waits for a slot until the context ends. The error is a BusyError.
func (p *pool) enter(ctx context.Context, s *slot) error {
	p.arrive(s)
	select {
	case ok := <-s.admitted:
		if !ok {
			return BusyError("too many lookups are under way")
		}
		return nil
	case <-ctx.Done():
	}
	p.mu.Lock()
	i := slices.Index(p.waiting, s)
	if i >= 0 {
		p.waiting = slices.Delete(p.waiting, i, i+1)
	}
	p.mu.Unlock()
	if i < 0 && <-s.admitted { // It was admitted meanwhile.
		p.leave(s)
	}
	return BusyError("too many lookups are under way")
}

// arrive admits s, or has it wait. When too many wait, the one that waits longest is turned away.
func (p *pool) arrive(s *slot) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.running) < p.slots {
		p.admit(s)
		return
	}
	if len(p.waiting) >= maxWaiting {
		p.waiting[0].admitted <- false
		p.waiting = slices.Delete(p.waiting, 0, 1)
	}
	p.waiting = append(p.waiting, s)
	p.evictOverdue()
}

func (p *pool) admit(s *slot) {
	s.since = time.Now()
	p.running = append(p.running, s)
	s.admitted <- true
}

// evictOverdue evicts as many lookups as others wait, if they had their time, and runs again when
// the next ones had.
func (p *pool) evictOverdue() {
	now, next := time.Now(), MinTime
	for i, s := range p.running {
		if p.evicted >= len(p.waiting) {
			return
		}
		if s.evicted {
			continue
		}
		limit := MinTime
		if i >= p.slots/2 {
			limit = minTimeYoung
		}
		if left := limit - now.Sub(s.since); left > 0 {
			next = min(next, left)
			continue
		}
		s.evicted = true
		p.evicted++
		s.evict(ErrEvicted)
	}
	p.scheduleEviction(next)
}

// scheduleEviction calls evictOverdue after a time.
func (p *pool) scheduleEviction(after time.Duration) {
	if p.timer != nil {
		p.timer.Reset(after)
		return
	}
	p.timer = time.AfterFunc(after, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.evictOverdue()
	})
}

// leave gives the slot to the newest that waits.
func (p *pool) leave(s *slot) {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := slices.Index(p.running, s)
	p.running = slices.Delete(p.running, i, i+1)
	if s.evicted {
		p.evicted--
	}
	if last := len(p.waiting) - 1; last >= 0 {
		p.admit(p.waiting[last])
		p.waiting = p.waiting[:last]
		p.evictOverdue()
	}
}
