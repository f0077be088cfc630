package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"sync"

	"github.com/miekg/dns"
)

// busyStreams questions under way on a connection make the pool open another one.
const busyStreams = 16

// pool holds the connections to one server.
type pool struct {
	client  *Client
	server  Server
	onlyTCP func() bool // UDP does not reach the server
	mu      sync.Mutex
	open    []*stream
}

func newPool(c *Client, s Server, onlyTCP func() bool) *pool {
	return &pool{client: c, server: s, onlyTCP: onlyTCP}
}

// keeps reports whether idle connections are kept (RFC 7858, Section 3.4). Where UDP works, a
// connection is for one long answer: a server with a single process serves no other client until it
// ends.
func (p *pool) keeps() bool { return p.server.TLS || p.onlyTCP() }

// exchange asks over a connection. If the server has closed it meanwhile, the question is asked
// again. RFC 7766, Section 6.2.4.
func (p *pool) exchange(ctx context.Context, q question) (*dns.Msg, error) {
	for attempt := 0; ; attempt++ {
		s, fresh, err := p.get()
		if err != nil {
			return nil, err
		}
		m, err := s.exchange(ctx, q)
		p.release(s)
		if errors.Is(err, errLost) && !fresh && attempt < p.client.opts.Connections {
			continue
		}
		return m, err
	}
}

// get returns the connection with the fewest questions, or opens one. It must be released.
// RFC 7766, Section 6.2.1: connections are reused; Section 6.2.2: there are few of them.
func (p *pool) get() (s *stream, fresh bool, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var best *stream
	for _, s := range p.open {
		if best == nil || s.load() < best.load() {
			best = s
		}
	}
	if best != nil && (best.load() < busyStreams || len(p.open) >= p.client.opts.Connections) {
		best.users++
		return best, false, nil
	}
	s = newStream(p)
	s.users = 1
	if !p.client.start(s.run) {
		return nil, false, ErrClosed
	}
	p.open = append(p.open, s)
	return s, true, nil
}

// release gives a connection back, and ends it when it is idle and not kept.
func (p *pool) release(s *stream) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s.users--; s.users == 0 && !p.keeps() && s.retireIfNotOffered() {
		p.remove(s)
	}
}

// drop removes a connection from the pool.
func (p *pool) drop(s *stream) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.remove(s)
}

// remove is drop for a caller that holds mu.
func (p *pool) remove(s *stream) {
	for i := range p.open {
		if p.open[i] == s {
			p.open = append(p.open[:i], p.open[i+1:]...)
			return
		}
	}
}

// dial connects. With TLS the server is authenticated by its name.
// RFC 7858, Section 3.2; RFC 8310, Section 8.1.
func (p *pool) dial(ctx context.Context) (net.Conn, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", p.server.Addr)
	if err != nil {
		return nil, cause(ctx, err)
	}
	if !p.server.TLS {
		return conn, nil
	}
	// RFC 9325, Section 3.1.1: TLS 1.2 at least.
	secured := tls.Client(conn, &tls.Config{
		ServerName: p.server.Name, RootCAs: p.client.opts.RootCAs,
		MinVersion: tls.VersionTLS12, NextProtos: []string{"dot"},
	})
	if err := secured.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		if ctx.Err() != nil {
			return nil, timeoutError(ctx)
		}
		return nil, err
	}
	return secured, nil
}
