package relay

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"dnseal/cmd/internal/metrics"
	"dnseal/smime/message"
)

// Options configure a Server. NextHop is required; the zero value of each
// other field is the default, and the safe one: nobody may submit.
type Options struct {
	// Hostname is our name in the greeting and in Received; empty: the host's.
	Hostname string
	// Inbound takes mail from anybody for Recipients only. False is a submission service: only from those who logged in or whom Trusted covers (RFC 6409, Section 4.3).
	Inbound bool
	// LMTP speaks LMTP (RFC 2033) to clients.
	LMTP bool
	// TLS is for STARTTLS, or for implicit TLS with Implicit; nil: no TLS.
	TLS      *tls.Config
	Implicit bool
	// Handler signs or verifies; nil passes everything on as it came.
	Handler message.Handler
	// NextHop in order of preference: see [ParseNextHop].
	NextHop []string
	// Hop says how next hops are spoken to.
	Hop HopOptions
	// Trusted networks may submit without logging in. A unix socket counts as 127.0.0.1: who may open it is decided by its mode.
	Trusted []netip.Prefix
	// Recipients are the domains mail is taken for ("*.example.org" for everything below one); inbound only, and mandatory there.
	Recipients []string
	// Proxies are the addresses that must, and alone may, begin with a PROXY protocol header of version 2.
	Proxies []netip.Prefix
	// Auth is how clients log in.
	Auth AuthOptions
	// Limits bound what strangers can cost.
	Limits Limits
	// Log gets one line a message; nil: slog.Default.
	Log *slog.Logger
	// Metrics counts; nil: not counted.
	Metrics *metrics.Metrics
}

// Limits of a Server. A zero field means its default.
type Limits struct {
	MaxBytes       int64         // of one message as it comes; 50 MiB. Exactly this many are taken
	MaxRecipients  int           // of one message; 1000
	MaxConnections int           // at once; 2000
	MaxPerClient   int           // connections at once of one address (IPv6: /64); 100
	MaxInFlight    int64         // bytes of all messages on their way in; 1 GiB
	MaxErrors      int           // bad commands in a connection; 20
	CommandTimeout time.Duration // for one command; 5 min (RFC 5321, 4.5.3.2.7)
	ReadTimeout    time.Duration // for one read of message content; 3 min
	DataTimeout    time.Duration // for the whole content; 30 min
	HandleTimeout  time.Duration // for the handler; 2 min
	AnswerTimeout  time.Duration // from the end of the content to our answer; 9 min, because clients wait for 10 (RFC 5321, 4.5.3.2.6)
}

func (l Limits) withDefaults() Limits {
	l.MaxBytes = defaultTo(l.MaxBytes, 50<<20)
	l.MaxRecipients = defaultTo(l.MaxRecipients, 1000)
	l.MaxConnections = defaultTo(l.MaxConnections, 2000)
	l.MaxPerClient = defaultTo(l.MaxPerClient, 100)
	l.MaxInFlight = defaultTo(l.MaxInFlight, 1<<30)
	l.MaxErrors = defaultTo(l.MaxErrors, 20)
	l.CommandTimeout = defaultTo(l.CommandTimeout, 5*time.Minute)
	l.ReadTimeout = defaultTo(l.ReadTimeout, 3*time.Minute)
	l.DataTimeout = defaultTo(l.DataTimeout, 30*time.Minute)
	l.HandleTimeout = defaultTo(l.HandleTimeout, 2*time.Minute)
	l.AnswerTimeout = defaultTo(l.AnswerTimeout, 9*time.Minute)
	return l
}

// ErrServerClosed is what Serve returns after Shutdown or Retire.
var ErrServerClosed = errors.New("relay: server closed")

// Server is one listener's settings and all its connections. Make it by New.
type Server struct {
	opts  Options
	pool  *pool
	auth  *authenticator
	doors sync.WaitGroup // connections
	ctx   context.Context
	abort context.CancelFunc

	inFlight atomic.Int64

	mu        sync.Mutex
	listeners map[net.Listener]struct{}
	sessions  map[*session]struct{}
	perClient map[netip.Addr]int
	closing   bool
	retiring  bool           // by Retire: what was accepted is still served
	accepting sync.WaitGroup // Serve
}

// New checks the options and returns a Server. It connects nowhere.
func New(opts Options) (*Server, error) {
	s := &Server{
		listeners: map[net.Listener]struct{}{},
		sessions:  map[*session]struct{}{},
		perClient: map[netip.Addr]int{},
	}
	hop, err := opts.Hop.withDefaults()
	if err != nil {
		return nil, err
	}
	opts.Hop = hop
	s.ctx, s.abort = context.WithCancel(context.Background())
	s.pool = &pool{opts: hop, ctx: s.ctx, dial: (&net.Dialer{}).DialContext, down: map[NextHop]time.Time{}}
	if err = s.pool.parse(opts.NextHop); err != nil {
		return nil, err
	}
	if opts.Inbound && len(opts.Recipients) == 0 {
		return nil, errors.New("relay: inbound without recipients would be an open relay; name the domains mail is taken for")
	}
	if opts.Implicit && opts.TLS == nil {
		return nil, errors.New("relay: implicit TLS needs a certificate and a key")
	}
	if opts.Hostname == "" {
		opts.Hostname, _ = os.Hostname()
	}
	opts.Hostname = hostToken(opts.Hostname)
	s.pool.hello = opts.Hostname
	if opts.Log == nil {
		opts.Log = slog.Default()
	}
	opts.Limits = opts.Limits.withDefaults()
	s.opts = opts
	if s.auth, err = newAuthenticator(opts.Auth); err != nil {
		return nil, err
	}
	s.opts.TLS = s.auth.askForCertificate(opts.TLS)
	return s, nil
}

// Serve takes connections from l until Shutdown or Retire, and then returns
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
		// Out of descriptors, say: wait a little, and longer each time.
		wait = min(max(2*wait, 5*time.Millisecond), time.Second)
		select {
		case <-time.After(wait):
		case <-s.ctx.Done():
		}
	}
}

// temporaryAccept reports whether accepting may work again: out of descriptors or memory, or a client that gave up.
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
	if s.closing {
		return false
	}
	s.listeners[l] = struct{}{}
	s.accepting.Add(1)
	return true
}

func (s *Server) isClosing() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closing
}

// admit starts a session, or says 421 where there are too many.
func (s *Server) admit(conn net.Conn) {
	sess := &session{srv: s, conn: conn, raw: conn, in: newInput(conn), out: bufio.NewWriterSize(&timedWriter{conn: conn}, 1<<10)}
	s.mu.Lock()
	full := len(s.sessions) >= s.opts.Limits.MaxConnections
	refused := full || s.closing && !s.retiring
	if !refused {
		s.sessions[sess] = struct{}{}
		s.doors.Add(1)
	}
	s.mu.Unlock()
	if refused {
		refuse(conn)
		return
	}
	go func() {
		defer s.doors.Done()
		defer s.leave(sess)
		sess.serve(s.ctx)
	}()
}

// refuse says 421 without waiting for anybody.
func refuse(conn net.Conn) {
	_ = conn.SetWriteDeadline(time.Now().Add(time.Second))
	_, _ = conn.Write(replyBusy.append(nil))
	_ = conn.Close()
}

func (s *Server) leave(sess *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.sessions, sess)
	if sess.counted.IsValid() {
		if s.perClient[sess.counted]--; s.perClient[sess.counted] <= 0 {
			delete(s.perClient, sess.counted)
		}
	}
}

// count admits one more connection of addr, once its address is known for sure.
func (s *Server) count(sess *session, addr netip.Addr) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := clientKey(addr)
	if s.perClient[key] >= s.opts.Limits.MaxPerClient {
		return false
	}
	s.perClient[key]++
	sess.counted = key
	return true
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

// Shutdown stops listening, tells clients that rest to go (421), lets messages
// on their way end, and returns when all connections are closed. When ctx ends first, what is left is cut off and the context's error returned.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	s.retiring = false
	s.mu.Unlock()
	for _, sess := range s.stopListening() {
		sess.in.stop()
	}
	return s.wait(ctx)
}

// Retire stops listening and lets the clients that are there go on until they leave, or ctx ends: for a reload.
func (s *Server) Retire(ctx context.Context) error {
	s.mu.Lock()
	s.retiring = true
	s.mu.Unlock()
	s.stopListening()
	return s.wait(ctx)
}

func (s *Server) stopListening() []*session {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closing = true
	for l := range s.listeners {
		_ = l.Close()
	}
	var open []*session
	for sess := range s.sessions {
		open = append(open, sess)
	}
	return open
}

func (s *Server) wait(ctx context.Context) error {
	done := make(chan struct{})
	go func() {
		s.accepting.Wait() // a connection accepted as the last one counts too
		s.doors.Wait()
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
	s.pool.close()
	return err
}

// cut ends everything at once.
func (s *Server) cut() {
	s.abort()
	s.mu.Lock()
	defer s.mu.Unlock()
	for sess := range s.sessions {
		_ = sess.raw.Close()
	}
}
