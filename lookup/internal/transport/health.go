package transport

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"
)

// health is the circuit breaker of one server (RFC 9520, Section 3.1). A question without an answer
// says little about the server: the zone may be slow, or its answers too long for UDP where no
// connection gets through. So a timeout, or a connection that is refused after a reply by UDP,
// opens the breaker only when the server does not answer for the root either. Neither slow zones
// nor long answers nor forged senders can make a resolver unused.
type health struct {
	first, last time.Duration // pauses: the first one, doubled each time, and the longest

	foldsCase atomic.Bool // the server does not repeat names letter by letter
	noUDP     atomic.Bool // only TCP gets through

	mu        sync.Mutex
	lastReply time.Time // when it last answered anything
	failures  int       // in a row
	until     time.Time // not asked before
	cause     error     // of the last failure
	probing   bool
}

// check fails while the server is not asked. Its text has the cause, so that questions at the same
// time as the failed one, or after it, do not hide it. The cause is not wrapped: it is no outcome
// of this question.
func (h *health) check(now time.Time) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if left := h.until.Sub(now); left > 0 {
		return fmt.Errorf("%w (%v); it is asked again in %s", ErrDown, h.cause, left.Round(time.Second)) //nolint:errorlint // see above
	}
	return nil
}

// answered closes the breaker.
func (h *health) answered(now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.lastReply, h.failures, h.until = now, 0, time.Time{}
}

// failed opens the breaker.
func (h *health) failed(now time.Time, cause error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.until.After(now) {
		return
	}
	// RFC 9520, Section 3.2: the pause grows, up to a maximum.
	h.until = now.Add(min(h.first<<min(h.failures, 6), h.last))
	h.failures++
	h.cause = cause
}

// startProbe reports whether silence since then is worth a probe, and marks it as begun.
func (h *health) startProbe(since time.Time) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.probing || h.lastReply.After(since) {
		return false
	}
	h.probing = true
	return true
}

func (h *health) endProbe() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.probing = false
}

// updateHealth draws the conclusion from the end of a question asked at start.
func (c *Client) updateHealth(ctx context.Context, s *server, start time.Time, err error) {
	switch {
	case err == nil:
		s.health.answered(c.opts.Now())
	case errors.Is(err, ErrDown), errors.Is(err, ErrClosed), errors.Is(err, ErrQuestion), errors.Is(ctx.Err(), context.Canceled):
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, ErrMalformed), errors.Is(err, ErrNoEDNS), errors.Is(err, errLost), errors.As(err, new(overTCP)):
		if s.health.startProbe(start) && !c.start(func() { c.probe(s) }) {
			s.health.endProbe()
		}
	default:
		s.health.failed(c.opts.Now(), err)
	}
}

// probe asks for the root's name servers, which every resolver knows: first as always, then over
// TCP.
func (c *Client) probe(s *server) {
	defer s.health.endProbe()
	root := question{name: ".", qtype: dns.TypeNS}
	err := c.within(func(ctx context.Context) (*dns.Msg, error) { return c.send(ctx, s, root) })
	if errors.Is(err, context.DeadlineExceeded) && !s.TLS {
		err = c.within(func(ctx context.Context) (*dns.Msg, error) { return s.pool.exchange(ctx, root) })
		s.health.noUDP.Store(err == nil)
	}
	switch {
	case err == nil:
		s.health.answered(c.opts.Now())
	case c.life.Err() == nil:
		s.health.failed(c.opts.Now(), err)
	}
}

// within gives f the time of one question.
func (c *Client) within(f func(ctx context.Context) (*dns.Msg, error)) error {
	ctx, cancel := context.WithTimeout(c.life, c.opts.Timeout)
	defer cancel()
	_, err := f(ctx)
	return err
}
