// Package nexthop is the client side of a relay: it opens SMTP and LMTP transactions at the next
// hops (RFC 5321, 2033), over connections that it keeps in a [Pool].
//
// Start at pool.go: [Pool.Begin] chooses a next hop and opens a transaction. client.go is one
// connection (RFC 2920 pipelining, RFC 3207 STARTTLS), tls.go how the next hop proves itself (RFC
// 7672 DANE), login.go our own login (RFC 4954), origin.go how the client's address is passed on
// (XCLIENT, PROXY), transfer.go and stuff.go the content. [Pool.Probe] tests next hops.
//
// # Limitations
//
// There is no queue and no MX lookup: a next hop is configured by name or address. Failover ends
// with MAIL: after that, a transaction that breaks is the caller's to report. DANE uses the TLSA
// records of the configured name, and does not follow CNAME or MX (RFC 7672, Section 2.2). Content
// is sent by DATA only, not by BDAT, and is not converted: the caller must not send 8-bit content
// to a next hop without 8BITMIME.
package nexthop

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"dnseal/cmd/internal/relay/wire"
)

// maxTransactions is how many messages one connection carries: some servers close after about 100.
const maxTransactions = 100

// maxIdle is how many unused connections are kept.
const maxIdle = 32

// downFor is how long a next hop that failed is tried only after the others.
const downFor = 10 * time.Second

// Pool keeps connections to the next hops, in order of preference.
type Pool struct {
	hops  []Hop
	opts  Options
	hello string
	ctx   context.Context // all connections end with it

	mu     sync.Mutex
	idle   []*Client // the most recently used last
	open   int       // connections, also those in use
	down   map[Hop]time.Time
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

// NewPool returns a pool of connections to the next hops, in order of preference ([Parse]). hello
// is our own name. All connections end with ctx. Errors: the options make no sense, there is no
// hop, or one cannot be read.
func NewPool(ctx context.Context, opts Options, hops []string, hello string) (*Pool, error) {
	opts, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	if len(hops) == 0 {
		return nil, errors.New("relay: no next hop")
	}
	p := &Pool{opts: opts, hello: hello, ctx: ctx, down: map[Hop]time.Time{}}
	for _, s := range hops {
		h, err := Parse(s)
		if err != nil {
			return nil, err
		}
		p.hops = append(p.hops, h)
	}
	return p, nil
}

// Begin opens a transaction at the first next hop that accepts it: mail makes the MAIL line for a
// connection. Failover ends here, before any RCPT. The reply is the next hop's own, or ours when
// there is none; the client is nil unless the reply is 250.
func (p *Pool) Begin(ctx context.Context, from Origin, needs []string, mail func(*Client) string) (*Client, wire.Reply, error) {
	var last error
	answer := wire.NewReply(451, "4.4.1", "Next hop not available, try again later")
	for _, hop := range p.order() {
		c, r, err := p.BeginAt(ctx, hop, from, needs, mail)
		if err != nil {
			last = errors.Join(last, err)
			continue
		}
		if c != nil || !r.Temporary() {
			return c, r, nil
		}
		answer = r
	}
	return nil, answer, last
}

// BeginAt opens a transaction at one hop: over idle connections, which may
// have died meanwhile, and then over a new one.
func (p *Pool) BeginAt(ctx context.Context, hop Hop, from Origin, needs []string, mail func(*Client) string) (*Client, wire.Reply, error) {
	for {
		c, fresh, err := p.connection(ctx, hop, from)
		if err != nil {
			return nil, wire.Reply{}, err
		}
		if !c.offersAll(needs) {
			p.Put(c)
			return nil, wire.Reply{}, errMissing
		}
		r, err := c.Command(mail(c))
		// RFC 5321, Section 3.8: 421 is about the connection, not about the message.
		if err == nil && r.Closes() {
			err = errors.New(r.String())
		}
		switch {
		// RFC 4954, Section 6, and RFC 3207, Section 4: it is about us, not about the message.
		case err == nil && (r.Code == 530 || r.Code == 535 || r.Code == 538):
			c.Close()
			return nil, wire.Reply{}, fmt.Errorf("relay: next hop %s: %w", hop, loginError("answers MAIL with %s; see next-hop-user and next-hop-tls", r))
		case err == nil && r.OK():
			c.used++
			c.mail = true
			return c, r, nil
		case err == nil:
			p.Put(c)
			return nil, r, nil
		}
		c.Close()
		if fresh {
			p.markDown(hop)
			return nil, wire.Reply{}, fmt.Errorf("relay: next hop %s at MAIL: %w", hop, err)
		}
	}
}

func (c *Client) offersAll(words []string) bool {
	for _, w := range words {
		// RFC 8689, Section 4.2.1: REQUIRETLS also needs TLS, with the certificate verified.
		if !c.Offers(w) || (w == "REQUIRETLS" && !c.tls) {
			return false
		}
	}
	return true
}

// order lists the hops; those that failed a moment ago come last.
func (p *Pool) order() []Hop {
	p.mu.Lock()
	defer p.mu.Unlock()
	var up, down []Hop
	for _, h := range p.hops {
		if time.Now().Before(p.down[h]) {
			down = append(down, h)
		} else {
			up = append(up, h)
		}
	}
	return append(up, down...)
}

// connection returns an idle connection to hop or a new one.
func (p *Pool) connection(ctx context.Context, hop Hop, from Origin) (c *Client, fresh bool, err error) {
	for c = p.idleTo(hop); c != nil; c = p.idleTo(hop) {
		if c.introduce(from, p.hello) == nil {
			return c, false, nil
		}
		c.Close()
	}
	c, err = p.connect(ctx, hop, from)
	return c, true, err
}

// connect opens one more connection and remembers how it went.
func (p *Pool) connect(ctx context.Context, hop Hop, from Origin) (*Client, error) {
	p.mu.Lock()
	full := p.open >= p.opts.MaxOpen
	if !full {
		p.open++
	}
	p.mu.Unlock()
	if full {
		return nil, errMany
	}
	c, err := connect(ctx, hop, p.opts, p.hello, from)
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

// idleTo removes an idle connection to hop from the pool; nil when there is none.
func (p *Pool) idleTo(hop Hop) *Client {
	p.expire()
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, c := range slices.Backward(p.idle) {
		if c.Hop == hop {
			p.idle = slices.Delete(p.idle, i, i+1)
			return c
		}
	}
	return nil
}

// expire closes what was idle for too long.
func (p *Pool) expire() {
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

// Put returns a connection to the pool, after the end of its transaction where one is open. Safe on
// nil.
func (p *Pool) Put(c *Client) {
	if c == nil {
		return
	}
	// RFC 5321, Section 4.1.1.5: RSET leaves no sender, recipients or content. One reply too many
	// would count as the one to the next command.
	if c.mail && !c.reset() || c.in.Buffered() > 0 {
		c.Close()
		return
	}
	// A PROXY header speaks for one client only.
	if c.used >= maxTransactions || p.opts.Pass == "proxy" || !p.keep(c) {
		c.quit()
	}
}

// keep stores an idle connection; false: there is no room for it.
func (p *Pool) keep(c *Client) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || len(p.idle) >= maxIdle {
		return false
	}
	c.free, c.Until = time.Now(), time.Time{}
	p.idle = append(p.idle, c)
	return true
}

func (p *Pool) markDown(hop Hop) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.down[hop] = time.Now().Add(downFor)
}

// Offered returns what the next hop offers. It connects when no connection was made before. Error:
// no next hop could be reached.
func (p *Pool) Offered(ctx context.Context, from Origin) (ext map[string]string, encrypted bool, err error) {
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
		c, _, failed := p.connection(ctx, hop, from)
		if failed != nil {
			err = failed
			continue
		}
		ext, encrypted = c.ext, c.tls
		p.Put(c)
		return ext, encrypted, nil
	}
	return nil, false, err
}

func (p *Pool) isDown(hop Hop) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return time.Now().Before(p.down[hop])
}

// Close closes all idle connections; those in use close when they are put back.
func (p *Pool) Close() {
	p.mu.Lock()
	p.closed = true
	idle := p.idle
	p.idle = nil
	p.mu.Unlock()
	for _, c := range idle {
		c.quit()
	}
}
