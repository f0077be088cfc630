package admit

import (
	"context"
	"slices"
	"sync"
	"time"
)

const (
	maxWaiting = 1024 // lookups that wait in one lane
	// MinTime is how long a lookup of the older half of a lane keeps its slot although others wait.
	MinTime = 250 * time.Millisecond
	// minTimeYoung is the same for the younger half: a slot is always free soon.
	minTimeYoung = 50 * time.Millisecond
)

// ErrEvicted ends a lookup that takes long while others wait.
const ErrEvicted = BusyError("it takes long, and others wait")

// lane is a number of slots. The newest lookup that waits is admitted first. When others wait, a
// lookup that had its time is evicted.
type lane struct {
	slots   int
	mu      sync.Mutex
	running []*slot // oldest first
	waiting []*slot // oldest first
	evicted int     // of the running
	timer   *time.Timer
}

// slot is one lookup in a lane.
type slot struct {
	evict    func(error)
	admitted chan bool // one value; false: turned away
	since    time.Time // when it was admitted
	evicted  bool
}

func newLane(slots int) *lane { return &lane{slots: slots} }

// enter waits for a slot until the context ends. The error is a BusyError.
func (l *lane) enter(ctx context.Context, s *slot) error {
	l.arrive(s)
	select {
	case ok := <-s.admitted:
		if !ok {
			return BusyError("too many lookups are under way")
		}
		return nil
	case <-ctx.Done():
	}
	l.mu.Lock()
	i := slices.Index(l.waiting, s)
	if i >= 0 {
		l.waiting = slices.Delete(l.waiting, i, i+1)
	}
	l.mu.Unlock()
	if i < 0 && <-s.admitted { // It was admitted meanwhile.
		l.leave(s)
	}
	return BusyError("too many lookups are under way")
}

// arrive admits s, or has it wait. When too many wait, the one that waits longest is turned away.
func (l *lane) arrive(s *slot) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.running) < l.slots {
		l.admit(s)
		return
	}
	if len(l.waiting) >= maxWaiting {
		l.waiting[0].admitted <- false
		l.waiting = slices.Delete(l.waiting, 0, 1)
	}
	l.waiting = append(l.waiting, s)
	l.evictOverdue()
}

func (l *lane) admit(s *slot) {
	s.since = time.Now()
	l.running = append(l.running, s)
	s.admitted <- true
}

// evictOverdue evicts as many lookups as others wait, if they had their time, and runs again when
// the next ones had.
func (l *lane) evictOverdue() {
	now, next := time.Now(), MinTime
	for i, s := range l.running {
		if l.evicted >= len(l.waiting) {
			return
		}
		if s.evicted {
			continue
		}
		limit := MinTime
		if i >= l.slots/2 {
			limit = minTimeYoung
		}
		if left := limit - now.Sub(s.since); left > 0 {
			next = min(next, left)
			continue
		}
		s.evicted = true
		l.evicted++
		s.evict(ErrEvicted)
	}
	l.scheduleEviction(next)
}

// scheduleEviction calls evictOverdue after a time.
func (l *lane) scheduleEviction(after time.Duration) {
	if l.timer != nil {
		l.timer.Reset(after)
		return
	}
	l.timer = time.AfterFunc(after, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.evictOverdue()
	})
}

// leave gives the slot to the newest that waits.
func (l *lane) leave(s *slot) {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := slices.Index(l.running, s)
	l.running = slices.Delete(l.running, i, i+1)
	if s.evicted {
		l.evicted--
	}
	if last := len(l.waiting) - 1; last >= 0 {
		l.admit(l.waiting[last])
		l.waiting = l.waiting[:last]
		l.evictOverdue()
	}
}
