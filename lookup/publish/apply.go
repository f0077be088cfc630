package publish

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// progress is what became of the changes so far.
type progress struct {
	done, notDone, unknown []Change
	err                    error // the first
	stopped                bool
}

func (p *progress) fail(err error) {
	if p.err == nil {
		p.err = err
	}
}

// result is the error of Apply.
func (p *progress) result(total int) error {
	if p.err == nil || total == 1 {
		return p.err
	}
	return &PartialError{Done: p.done, NotDone: p.notDone, Unknown: p.unknown, Err: p.err}
}

// add adds what became of others.
func (p *progress) add(o *progress) {
	p.done, p.notDone, p.unknown = append(p.done, o.done...), append(p.notDone, o.notDone...), append(p.unknown, o.unknown...)
	p.stopped = p.stopped || o.stopped
	if o.err != nil {
		p.fail(o.err)
	}
}

const (
	// alone is how many messages are sent before several are under way at a time.
	alone = 5
	// maxWidth is how many are under way at a time.
	maxWidth = 8
)

// width is how many messages to send at a time when one takes so long: the last of them has waited
// for all others.
func (c *Client) width(one time.Duration) int {
	const patience = 4
	return int(max(1, min(maxWidth, c.timeout/patience/max(one, 1))))
}

// together sends messages at the same time.
func (c *Client) together(ctx context.Context, list []batch, p *progress) {
	parts := make([]progress, len(list))
	var running sync.WaitGroup
	for i := range list {
		running.Go(func() { c.apply(ctx, list[i], &parts[i]) })
	}
	running.Wait()
	for i := range parts {
		p.add(&parts[i])
	}
}

// maxTries is how often a message is sent without the changes that were in its way.
const maxTries = 4

// apply sends one message, and again without the changes that are refused for their own sake.
func (c *Client) apply(ctx context.Context, b batch, p *progress) {
	for try := 1; len(b.changes) > 0; try++ {
		bad, err := c.update(ctx, b)
		if err == nil {
			p.done = append(p.done, b.changes...)
			return
		}
		p.fail(err)
		refusal, _ := errors.AsType[*Refusal](err)
		switch {
		case refusal != nil && (refusal.Code == Unknown || refusal.Code == BadReply || refusal.Code == UnsignedReply):
			c.findOut(ctx, b, p)
			return
		case len(bad) == 0 || try == maxTries:
			p.notDone = append(p.notDone, b.changes...)
			p.stopped = true
			return
		}
		p.notDone = append(p.notDone, pick(b.changes, bad, true)...)
		b.changes = pick(b.changes, bad, false)
	}
}

// notSent is the end of the context before a message.
func notSent(err error) error {
	return fmt.Errorf("publish: ended before it was sent, so nothing was changed: %w", err)
}

// pick returns the changes whose numbers are in the set, or are not.
func pick(changes []Change, set map[int]bool, in bool) (out []Change) {
	for i, c := range changes {
		if set[i] == in {
			out = append(out, c)
		}
	}
	return out
}

// update sends one message; bad are the numbers of the changes that were in the way.
func (c *Client) update(ctx context.Context, b batch) (bad map[int]bool, err error) {
	if err = ctx.Err(); err != nil {
		return nil, notSent(err)
	}
	r, err := c.send(ctx, b.target, message(b.zone.name, b.changes))
	if err != nil {
		return nil, err
	}
	return c.diagnose(ctx, b, r)
}

// findOut reads at the primary what it has done before it went away. Where it shows all of it, all
// is well. Records with another TTL than was sent may be there from before. When it does not answer
// one question it is not asked the others, which can be hundreds.
func (c *Client) findOut(ctx context.Context, b batch, p *progress) {
	first := p.err
	for i, has := range c.look(ctx, b) {
		if ch := &b.changes[i]; has.err == nil && has.shows(ch) {
			p.done = append(p.done, *ch)
		} else {
			p.unknown = append(p.unknown, *ch)
			p.stopped = true
		}
	}
	if refusal, ok := errors.AsType[*Refusal](first); ok && len(p.unknown)+len(p.notDone) == 0 && refusal.Code == Unknown {
		p.err = nil
	}
}
