package relay

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// maxTransactions is how many messages one connection carries; some next hops tire.
const maxTransactions = 100

// downFor is how long a next hop that failed is tried only after the others.
const downFor = 10 * time.Second

// pool keeps connections to the next hops, in order of preference.
type pool struct {
	hops  []NextHop
	opts  HopOptions
	hello string
	dial  dialer
	ctx   context.Context // all connections end with it

	mu     sync.Mutex
	idle   []*client // the most recently used last
	open   int       // connections, also those in use
	down   map[NextHop]time.Time
	ext    map[string]string // what the next hop last said it offers
	extTLS bool
	closed bool
}

// Errors of a pool.
var (
	errMissing = errors.New("relay: next hop lacks an extension that this message needs")
	errMany    = errors.New("relay: too many connections to next hops")
	errDown    = errors.New("relay: next hops failed a moment ago")
)

// parse reads the next hops of the options.
func (p *pool) parse(hops []string) error {
	if len(hops) == 0 {
		return errors.New("relay: no next hop")
	}
	for _, s := range hops {
		h, err := ParseNextHop(s)
		if err != nil {
			return err
		}
		p.hops = append(p.hops, h)
	}
	return nil
}

// begin opens a transaction at the first next hop that takes part: mail makes the MAIL line for a
// connection. Failover ends here, before any RCPT. The reply is the next hop's own, or ours when
// there is none; the client is nil unless the reply is 250.
func (p *pool) begin(ctx context.Context, who peer, needs []string, mail func(*client) string) (*client, reply, error) {
	var last error
	answer := replyNoHop
	for _, hop := range p.order() {
		c, r, err := p.beginAt(ctx, hop, who, needs, mail)
		if err != nil {
			last = errors.Join(last, err)
			continue
		}
		if c != nil || !r.temporary() {
			return c, r, nil
		}
		answer = r
	}
	return nil, answer, last
}

// beginAt opens a transaction at one hop: over connections at rest, which may
// have died meanwhile, and then over a new one.
func (p *pool) beginAt(ctx context.Context, hop NextHop, who peer, needs []string, mail func(*client) string) (*client, reply, error) {
	for {
		c, fresh, err := p.take(ctx, hop, who)
		if err != nil {
			return nil, reply{}, err
		}
		if !c.offersAll(needs) {
			p.put(c)
			return nil, reply{}, errMissing
		}
		r, err := c.command(mail(c))
		if (err != nil || r.closes()) && !fresh {
			c.close()
			continue
		}
		switch {
		case err != nil:
			c.close()
			p.markDown(hop)
			return nil, reply{}, fmt.Errorf("relay: next hop %s at MAIL: %w", hop, err)
		case r.ok():
			c.used++
			c.mail = true
			return c, r, nil
		case r.closes():
			// About the connection, not about the message (RFC 5321, 3.8).
			c.close()
			p.markDown(hop)
			return nil, reply{}, fmt.Errorf("relay: next hop %s answers MAIL with %s", hop, r)
		}
		p.put(c)
		return nil, r, nil
	}
}

func (c *client) offersAll(words []string) bool {
	for _, w := range words {
		if !c.offers(w) || (w == "REQUIRETLS" && !c.tls) {
			return false
		}
	}
	return true
}

// order lists the hops, those that failed just now at the end.
func (p *pool) order() []NextHop {
	p.mu.Lock()
	defer p.mu.Unlock()
	var up, down []NextHop
	for _, h := range p.hops {
		if time.Now().Before(p.down[h]) {
			down = append(down, h)
		} else {
			up = append(up, h)
		}
	}
	return append(up, down...)
}

// take returns a connection to hop: one at rest or a new one.
func (p *pool) take(ctx context.Context, hop NextHop, who peer) (c *client, fresh bool, err error) {
	for c = p.rested(hop); c != nil; c = p.rested(hop) {
		if c.introduce(who, p.hello) == nil {
			return c, false, nil
		}
		c.close()
	}
	c, err = p.connect(ctx, hop, who)
	return c, true, err
}

// connect opens one more connection and remembers how it went.
func (p *pool) connect(ctx context.Context, hop NextHop, who peer) (*client, error) {
	p.mu.Lock()
	full := p.open >= p.opts.MaxOpen
	if !full {
		p.open++
	}
	p.mu.Unlock()
	if full {
		return nil, errMany
	}
	c, err := connect(ctx, p.dial, hop, p.opts, p.hello, who)
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil {
		p.open--
		p.down[hop] = time.Now().Add(downFor)
		return nil, err
	}
	stop := context.AfterFunc(p.ctx, func() { _ = c.conn.Close() })
	c.gone = func() {
		stop()
		p.mu.Lock()
		p.open--
		p.mu.Unlock()
	}
	p.ext, p.extTLS = c.ext, c.tls
	delete(p.down, hop)
	return c, nil
}

// rested takes a connection to hop out of the pool; nil when there is none.
func (p *pool) rested(hop NextHop) *client {
	p.expire()
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, c := range slices.Backward(p.idle) {
		if c.hop == hop {
			p.idle = slices.Delete(p.idle, i, i+1)
			return c
		}
	}
	return nil
}

// expire ends what rested for too long.
func (p *pool) expire() {
	cut := time.Now().Add(-p.opts.IdleTimeout)
	p.mu.Lock()
	n := 0
	for n < len(p.idle) && p.idle[n].free.Before(cut) {
		n++
	}
	old := slices.Clone(p.idle[:n])
	p.idle = slices.Delete(p.idle, 0, n)
	p.mu.Unlock()
	for _, c := range old {
		c.quit()
	}
}

// put returns a connection to the pool, after the end of its transaction where one is open. Safe on
// nil.
func (p *pool) put(c *client) {
	if c == nil {
		return
	}
	if c.mail && !c.reset() {
		c.close()
		return
	}
	// A PROXY header speaks for one client only.
	if c.used >= maxTransactions || p.opts.Pass == "proxy" || !p.keep(c) {
		c.quit()
	}
}

// keep puts a connection to rest; false: there is no room for it.
func (p *pool) keep(c *client) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || len(p.idle) >= p.opts.MaxIdle {
		return false
	}
	c.free, c.until = time.Now(), time.Time{}
	p.idle = append(p.idle, c)
	return true
}

func (p *pool) markDown(hop NextHop) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.down[hop] = time.Now().Add(downFor)
}

// offered returns what the next hop offers, asking it when nothing is known yet.
func (p *pool) offered(ctx context.Context, who peer) (ext map[string]string, encrypted bool, err error) {
	p.mu.Lock()
	ext, encrypted = p.ext, p.extTLS
	p.mu.Unlock()
	if ext != nil {
		return ext, encrypted, nil
	}
	err = errDown
	for _, hop := range p.order() {
		if p.isDown(hop) {
			continue
		}
		c, _, failed := p.take(ctx, hop, who)
		if failed != nil {
			err = failed
			continue
		}
		ext, encrypted = c.ext, c.tls
		p.put(c)
		return ext, encrypted, nil
	}
	return nil, false, err
}

func (p *pool) isDown(hop NextHop) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return time.Now().Before(p.down[hop])
}

// close ends all connections at rest; those in use end when they are put back.
func (p *pool) close() {
	p.mu.Lock()
	p.closed = true
	idle := p.idle
	p.idle = nil
	p.mu.Unlock()
	for _, c := range idle {
		c.quit()
	}
}
