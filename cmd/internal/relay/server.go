package relay

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"dnseal/cmd/internal/relay/nexthop"
	"dnseal/cmd/internal/relay/sasl"
)

// ErrServerClosed is what Serve returns after Shutdown or Retire.
var ErrServerClosed = errors.New("relay: server closed")

// phase is how far a server is on its way to the end. It never goes back.
type phase int

const (
	accepts phase = iota
	retires       // no more connections; those that are there are served
	ends          // no session begins
)

// Server is one listener's settings and all its connections. Make it by New.
type Server struct {
	opts    Options
	pool    *nexthop.Pool
	auth    *sasl.Authenticator
	running sync.WaitGroup // sessions
	ctx     context.Context
	abort   context.CancelFunc

	inFlight atomic.Int64
	deny     atomic.Pointer[Deny]
	refusals refusals

	mu        sync.Mutex
	listeners map[net.Listener]struct{}
	sessions  map[*session]struct{}
	arrivals  arrivals
	perClient map[netip.Addr]int
	phase     phase
	accepting sync.WaitGroup // Serve
}

// New checks the options and returns a Server. It connects nowhere.
func New(opts Options) (*Server, error) {
	s := &Server{
		listeners: map[net.Listener]struct{}{},
		sessions:  map[*session]struct{}{},
		perClient: map[netip.Addr]int{},
	}
	if opts.Hostname == "" {
		opts.Hostname, _ = os.Hostname()
	}
	opts.Hostname = hostToken(opts.Hostname)
	s.ctx, s.abort = context.WithCancel(context.Background())
	var err error
	if s.pool, err = nexthop.NewPool(s.ctx, opts.Hop, opts.NextHop, opts.Hostname); err != nil {
		return nil, err
	}
	if opts.Inbound && len(opts.Recipients) == 0 {
		return nil, errors.New("relay: inbound without recipients would be an open relay; name the domains mail is accepted for")
	}
	if opts.Implicit && opts.TLS == nil {
		return nil, errors.New("relay: implicit TLS needs a certificate and a key")
	}
	if opts.Log == nil {
		opts.Log = slog.Default()
	}
	opts.Limits = opts.Limits.withDefaults()
	s.opts = opts
	s.deny.Store(opts.Deny)
	if s.auth, err = sasl.New(opts.Auth, func(name string) bool { return s.deny.Load().Name(name) }); err != nil {
		return nil, err
	}
	s.opts.TLS = s.auth.RequestCertificate(opts.TLS)
	return s, nil
}

// Serve accepts connections from l until Shutdown or Retire, and then returns
// ErrServerClosed; any other error is the listener's. Several listeners may be served. It closes l.
func (s *Server) Serve(l net.Listener) error {
	defer l.Close() //nolint:errcheck // closed already where it matters
	if !s.addListener(l) {
		return ErrServerClosed
	}
	defer s.accepting.Done()
	wait := time.Duration(0)
	for {
		conn, err := l.Accept()
		if err == nil {
			wait = 0
			s.admit(conn)
			continue
		}
		if s.isClosing() {
			return ErrServerClosed
		}
		if !temporaryAccept(err) {
			return err
		}
		// Out of descriptors, for example: wait a little, and longer each time.
		wait = min(max(2*wait, 5*time.Millisecond), time.Second)
		select {
		case <-time.After(wait):
		case <-s.ctx.Done():
		}
	}
}

// temporaryAccept reports whether accepting may work again: out of descriptors or memory, or a
// client that gave up.
func temporaryAccept(err error) bool {
	for _, e := range []syscall.Errno{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.ECONNABORTED, syscall.EINTR} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

func (s *Server) addListener(l net.Listener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.phase != accepts {
		return false
	}
	s.listeners[l] = struct{}{}
	s.accepting.Add(1)
	return true
}

func (s *Server) isClosing() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.phase != accepts
}

// clientKey is what one client is counted by: an IPv4 address or an IPv6 /64.
func clientKey(a netip.Addr) netip.Addr {
	if a.Is4() || !a.IsValid() {
		return a
	}
	p, err := a.WithZone("").Prefix(64)
	if err != nil {
		return a
	}
	return p.Addr()
}

// Shutdown stops listening, sends 421 to idle clients, lets messages on their way end, and returns
// when all connections are closed. When ctx ends first, the other connections are cut off and the
// context's error returned.
func (s *Server) Shutdown(ctx context.Context) error {
	for _, sess := range s.stopListening(ends) {
		sess.in.Stop()
	}
	return s.wait(ctx)
}

// Retire stops listening and serves the connected clients, and those that wait, until they
// disconnect or ctx ends: for a reload. After Shutdown, or once that is called, no more are served.
func (s *Server) Retire(ctx context.Context) error {
	s.stopListening(retires)
	return s.wait(ctx)
}

// stopListening goes on to a phase and returns the sessions that there are.
func (s *Server) stopListening(next phase) []*session {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.advance(next)
	for l := range s.listeners {
		_ = l.Close()
	}
	return slices.Collect(maps.Keys(s.sessions))
}

// advance goes on to a phase, in which those that wait may be refused.
func (s *Server) advance(next phase) {
	if s.phase = max(s.phase, next); s.phase == ends {
		for _, a := range s.dismiss(nil) {
			refuse(a.conn, replyClosing)
		}
	}
}

func (s *Server) wait(ctx context.Context) error {
	done := make(chan struct{})
	go func() {
		s.accepting.Wait() // a connection accepted as the last one counts too
		s.running.Wait()
		close(done)
	}()
	var err error
	select {
	case <-done:
	case <-ctx.Done():
		err = ctx.Err()
		s.cut()
		<-done
	}
	s.abort()
	s.pool.Close()
	return err
}

// cut ends everything at once.
func (s *Server) cut() {
	s.abort()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.advance(ends)
	for sess := range s.sessions {
		_ = sess.raw.Close()
	}
}

// Probe connects to every next hop as a server with these options would, and reports what it found.
// It sends no message. Errors: the options make no sense.
func Probe(ctx context.Context, opts Options) ([]nexthop.Probed, error) {
	s, err := New(opts)
	if err != nil {
		return nil, err
	}
	defer s.abort()
	return s.pool.Probe(ctx, opts.Inbound), nil
}
