package lookup

import (
	"context"
	"slices"
	"sync"
	"time"
)

const (
	maxWaiting = 1024 // visits that wait for a place in one lane
	// For how long a visit keeps its place although others wait: that long in the older half of the
	// lane,
	patience = 250 * time.Millisecond
	// and that long in the younger half, so that there is always a next place soon.
	haste = 50 * time.Millisecond
)

// errLinger ends a lookup that takes long while others wait.
const errLinger = busyError("it takes long, and others wait")

// lane is a number of places for lookups. Who comes last is let in first, and when others wait, who
// has had its time has to leave: so slow zones, however many, cost others a moment and not their
// turn.
type lane struct {
	places  int
	mu      sync.Mutex
	running []*visit // oldest first
	waiting []*visit // oldest first
	leaving int      // of the running, told to leave
	timer   *time.Timer
}

// visit is one lookup in a lane.
type visit struct {
	giveUp   func(error)
	admitted chan bool // one value; false: turned away
	since    time.Time // when it was let in
	told     bool      // to leave
}

func newLane(places int) *lane { return &lane{places: places} }

// enter waits for a place until the context ends. The error is a busyError.
func (l *lane) enter(ctx context.Context, v *visit) error {
	l.arrive(v)
	select {
	case ok := <-v.admitted:
		if !ok {
			return busyError("too many lookups are under way")
		}
		return nil
	case <-ctx.Done():
	}
	l.mu.Lock()
	i := slices.Index(l.waiting, v)
	if i >= 0 {
		l.waiting = slices.Delete(l.waiting, i, i+1)
	}
	l.mu.Unlock()
	if i < 0 && <-v.admitted { // It was let in meanwhile.
		l.leave(v)
	}
	return busyError("too many lookups are under way")
}

// arrive lets v in, or has it wait; who has waited longest is turned away when there are too many.
func (l *lane) arrive(v *visit) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.running) < l.places {
		l.admit(v)
		return
	}
	if len(l.waiting) >= maxWaiting {
		l.waiting[0].admitted <- false
		l.waiting = slices.Delete(l.waiting, 0, 1)
	}
	l.waiting = append(l.waiting, v)
	l.press()
}

func (l *lane) admit(v *visit) {
	v.since = time.Now()
	l.running = append(l.running, v)
	v.admitted <- true
}

// press tells as many visits to leave as others wait, if they had their time, and comes back when
// the next ones had.
func (l *lane) press() {
	now, next := time.Now(), patience
	for i, v := range l.running {
		if l.leaving >= len(l.waiting) {
			return
		}
		if v.told {
			continue
		}
		limit := patience
		if i >= l.places/2 {
			limit = haste
		}
		if left := limit - now.Sub(v.since); left > 0 {
			next = min(next, left)
			continue
		}
		v.told = true
		l.leaving++
		v.giveUp(errLinger)
	}
	l.comeBack(next)
}

// comeBack calls press after a time.
func (l *lane) comeBack(after time.Duration) {
	if l.timer != nil {
		l.timer.Reset(after)
		return
	}
	l.timer = time.AfterFunc(after, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.press()
	})
}

// leave gives the place back to who came last.
func (l *lane) leave(v *visit) {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := slices.Index(l.running, v)
	l.running = slices.Delete(l.running, i, i+1)
	if v.told {
		l.leaving--
	}
	if last := len(l.waiting) - 1; last >= 0 {
		l.admit(l.waiting[last])
		l.waiting = l.waiting[:last]
		l.press()
	}
}
