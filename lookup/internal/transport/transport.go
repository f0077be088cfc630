// Package transport asks recursive resolvers, and the name servers of zones: UDP with EDNS, TCP
// when an answer is too long for that, DNS over TLS with an authenticated name.
//
// Start at [Client.Ask] (order.go): it goes through the resolvers in order, and asks again with
// CD=1 after a SERVFAIL. health.go says which ones are worth asking, fault.go which replies can be
// used, control.go finds those that leave signatures out. Messages are built and checked
// (message.go, cookie.go) and sent over a fresh UDP socket (udp.go) or a shared connection
// (pool.go, stream.go).
//
// It validates nothing: that is the work of package dnssec. Every question ends with
// its context or after [Options].Timeout per resolver.
//
// RFC 7766 is TCP, RFC 7858 and RFC 8310 are TLS, RFC 6891 is EDNS, RFC 7873 and RFC 9018
// are cookies, RFC 5452 is what a reply must repeat.
//
// # Limitations
//
// It follows no referral, so it finds no name server by itself, and has no DNS over HTTPS
// or QUIC. Questions over TLS are not padded (RFC 7830), so their lengths are visible. There
// is no TCP Fast Open. Cookies and random case make replies by UDP hard to forge, not
// impossible: the caller must validate them. It keeps no answers: the caller caches.
package transport

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"
)

// Options configure a Client. Servers must not be empty.
type Options struct {
	// Servers are asked in this order.
	Servers []Server
	// Timeout for one server to answer one question; 0: 2 s.
	Timeout time.Duration
	// RootCAs authenticate DNS over TLS servers; nil: the system's.
	RootCAs *x509.CertPool
	// Connections to one server; 0: 4.
	Connections int
	// FirstPause is for how long a dead server is left alone, twice as long each time, up to
	// LastPause (RFC 9520, Section 3.2); 0: 5 s, 1 min.
	FirstPause, LastPause time.Duration
	// Trace, when set, is called after every question to a server, from several goroutines.
	Trace func(Query)
	// Now is the clock for how long a dead server is left alone; nil: time.Now.
	Now func() time.Time
}

// Query is one question to one server and what came of it.
type Query struct {
	Name     string
	Type     uint16
	CD       bool
	Server   string
	Duration time.Duration
	Rcode    int
	Err      error
}

// Client asks. It is safe for concurrent use.
type Client struct {
	opts    Options
	servers atomic.Pointer[[]*server]
	life    context.Context // ends with Close
	stop    context.CancelFunc

	mu      sync.Mutex // for closed
	closed  bool
	running sync.WaitGroup // probes and connections
}

// server is one resolver with its connections and its state.
type server struct {
	Server
	pool    *pool
	health  health
	cookies cookies
	strips  exclusion
}

// New returns a Client; it opens nothing yet.
func New(opts Options) *Client {
	opts.Timeout = cmp.Or(opts.Timeout, 2*time.Second)
	opts.Connections = cmp.Or(opts.Connections, 4)
	opts.FirstPause = cmp.Or(opts.FirstPause, 5*time.Second)
	opts.LastPause = cmp.Or(opts.LastPause, time.Minute)
	if opts.Now == nil {
		opts.Now = time.Now
	}
	c := &Client{opts: opts}
	c.life, c.stop = context.WithCancel(context.Background())
	c.servers.Store(new([]*server))
	c.SetServers(opts.Servers)
	return c
}

// SetServers replaces the servers. A server that stays keeps its connections and its state.
// Questions under way finish with the servers they began with.
func (c *Client) SetServers(list []Server) {
	old := *c.servers.Load()
	var servers []*server
	for _, s := range list {
		if i := slices.IndexFunc(old, func(k *server) bool { return k.Server == s }); i >= 0 {
			servers = append(servers, old[i])
			continue
		}
		added := &server{Server: s, health: health{first: c.opts.FirstPause, last: c.opts.LastPause}}
		added.pool = newPool(c, s, added.health.noUDP.Load)
		servers = append(servers, added)
	}
	c.servers.Store(&servers)
}

// Servers returns the servers in the order in which they are asked.
func (c *Client) Servers() []Server {
	var out []Server
	for _, s := range *c.servers.Load() {
		out = append(out, s.Server)
	}
	return out
}

// HasOther reports whether there is another server than these.
func (c *Client) HasOther(these []Server) bool {
	return slices.ContainsFunc(*c.servers.Load(), func(s *server) bool { return !slices.Contains(these, s.Server) })
}

// Close ends all connections and waits for all goroutines. Questions on their way fail. It may be
// called twice.
func (c *Client) Close() {
	c.stop()
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.running.Wait()
}

// start runs f in a goroutine that Close waits for; false: it is too late.
func (c *Client) start(f func()) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed {
		c.running.Go(f)
	}
	return !c.closed
}

// What can go wrong with a server. A timeout also is a context.DeadlineExceeded.
var (
	ErrClosed    = errors.New("the client is closed")
	ErrMalformed = errors.New("the answer cannot be read")
	ErrNoEDNS    = errors.New("it does not speak EDNS, which DNSSEC needs (RFC 4035, Section 4.1): use another resolver")
	ErrDown      = errors.New("it did not work a moment ago")
	// ErrQuestion is no fault of a server: nothing was sent.
	ErrQuestion = errors.New("the name cannot be asked for")
)

// askOne asks one server. left is the number of servers, this one included, that share the time
// that remains.
func (c *Client) askOne(ctx context.Context, s *server, q question, left int) (*dns.Msg, error) {
	start := c.opts.Now()
	if err := s.health.check(start); err != nil {
		return nil, err
	}
	limit := c.opts.Timeout
	if deadline, ok := ctx.Deadline(); ok {
		limit = min(limit, time.Until(deadline)/time.Duration(left))
	}
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	began := time.Now()
	m, err := c.send(limited, s, q)
	c.trace(s, q, time.Since(began), m, err)
	c.updateHealth(ctx, s, start, err)
	return m, err
}

// send chooses the transport: UDP first, TCP after truncation (RFC 7766, Section 5), or TLS alone.
// With TLS there is no way back to clear text.
// RFC 8310, Section 5 (strict privacy).
func (c *Client) send(ctx context.Context, s *server, q question) (*dns.Msg, error) {
	if s.TLS || s.health.noUDP.Load() {
		return s.pool.exchange(ctx, q)
	}
	if !q.tcp {
		m, err := c.exchangeUDP(ctx, s, q)
		if !errors.Is(err, errUseTCP) {
			return m, err
		}
	}
	m, err := s.pool.exchange(ctx, q)
	if err != nil {
		err = overTCP{err}
	}
	return m, err
}

// overTCP is an error of a connection to a server that has answered by UDP, or was not asked so.
// The owner of the name decides how long its answer is, and so which questions need a connection:
// such an error says little about the server.
type overTCP struct{ error }

func (e overTCP) Error() string { return "over TCP: " + e.error.Error() }
func (e overTCP) Unwrap() error { return e.error }

func (c *Client) trace(s *server, q question, took time.Duration, m *dns.Msg, err error) {
	if c.opts.Trace == nil {
		return
	}
	t := Query{Name: q.name, Type: q.qtype, CD: q.cd, Server: s.String(), Duration: took, Err: err}
	if m != nil {
		t.Rcode = m.Rcode
	}
	c.opts.Trace(t)
}

// timeoutError returns the error for a context that has ended.
func timeoutError(ctx context.Context) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return ctx.Err()
	}
	return fmt.Errorf("no answer in time: %w", context.DeadlineExceeded)
}
