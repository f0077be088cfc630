package relay

import (
	"context"
	"errors"
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

	mu     sync.Mutex
	idle   []*client // the most recently used last
	down   map[NextHop]time.Time
	ext    map[string]string // what the next hop last said it offers
	extTLS bool
	closed bool
}

// errMissing says that a next hop lacks an extension the message needs.
var errMissing = errors.New("relay: next hop lacks an extension that this message needs")

// begin opens a transaction at the first next hop that takes part: mail makes
// the MAIL line for a connection. Failover ends here, before any RCPT. The
// reply is the next hop's own, or ours when there is none; the client is nil unless the reply is 250.
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
			return nil, reply{}, err
		case r.ok():
			c.used++
			return c, r, nil
		case r.closes():
			c.close()
		default:
			p.release(c)
		}
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
	for {
		c := p.rested(hop)
		if c == nil {
			break
		}
		if c.introduce(who, p.hello) == nil {
			return c, false, nil
		}
		c.close()
	}
	c, err = connect(ctx, hop, p.opts, p.hello, who)
	if err != nil {
		p.markDown(hop)
		return nil, true, err
	}
	p.learn(c)
	return c, true, nil
}

// rested takes a connection to hop out of the pool; nil when there is none.
func (p *pool) rested(hop NextHop) *client {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.expire()
	for i := len(p.idle) - 1; i >= 0; i-- {
		if c := p.idle[i]; c.hop == hop {
			p.idle = append(p.idle[:i], p.idle[i+1:]...)
			return c
		}
	}
	return nil
}

// expire closes what rested for too long. The lock is held.
func (p *pool) expire() {
	cut := time.Now().Add(-p.opts.IdleTimeout)
	n := 0
	for n < len(p.idle) && p.idle[n].free.Before(cut) {
		p.idle[n].quit()
		n++
	}
	p.idle = append(p.idle[:0], p.idle[n:]...)
}

// put returns a connection that is outside any transaction.
func (p *pool) put(c *client) {
	// A PROXY header speaks for one client only.
	if c.used >= maxTransactions || p.opts.Pass == "proxy" {
		c.quit()
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || len(p.idle) >= p.opts.MaxIdle {
		c.quit()
		return
	}
	p.expire()
	c.free = time.Now()
	p.idle = append(p.idle, c)
}

// release ends the transaction of a connection and returns it.
func (p *pool) release(c *client) {
	if c == nil {
		return
	}
	if !c.reset() {
		c.close()
		return
	}
	p.put(c)
}

func (p *pool) markDown(hop NextHop) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.down[hop] = time.Now().Add(downFor)
}

// learn remembers what a next hop offers.
func (p *pool) learn(c *client) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ext, p.extTLS = c.ext, c.tls
	delete(p.down, c.hop)
}

// offered returns what the next hop offers, asking it when nothing is known yet.
func (p *pool) offered(ctx context.Context, who peer) (ext map[string]string, encrypted bool) {
	p.mu.Lock()
	ext, encrypted = p.ext, p.extTLS
	p.mu.Unlock()
	if ext != nil {
		return ext, encrypted
	}
	for _, hop := range p.order() {
		c, _, err := p.take(ctx, hop, who)
		if err != nil {
			continue
		}
		ext, encrypted = c.ext, c.tls
		p.put(c)
		return ext, encrypted
	}
	return nil, false
}

// close ends all connections at rest; those in use end when they are put back.
func (p *pool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for _, c := range p.idle {
		c.quit()
	}
	p.idle = nil
}
