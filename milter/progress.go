//go:build !386 && !arm && !mips && !mipsle

package milter

import (
	"sync"
	"time"
)

// progress calls report after every pause until it is stopped. It costs only a timer where the
// work is done before the first pause ends.
type progress struct {
	mu     sync.Mutex
	timer  *time.Timer
	pause  time.Duration
	report func() bool // false: do not call again
	ended  bool
}

func startProgress(pause time.Duration, report func() bool) *progress {
	p := &progress{pause: pause, report: report}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.timer = time.AfterFunc(pause, p.tick)
	return p
}

func (p *progress) tick() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended || !p.report() {
		return
	}
	p.timer.Reset(p.pause)
}

// stop returns when no report runs and none will.
func (p *progress) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended = true
	p.timer.Stop()
}
