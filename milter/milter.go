// Package milter is the door of dnseal inside an MTA: it takes a message from
// Postfix or Sendmail by the milter protocol (versions 2 to 6), hands it to a
// [message.Handler], and applies the [message.Outcome] to the session.
//
// Start with [New] and [Server.Serve]; [ParseAddress] reads the spellings of
// socket addresses that mail administrators use. The way of a message:
//
//   - guard.go and conn.go check every frame before the milter library sees
//     it, and gather what is written into few system calls;
//   - negotiate.go takes what the MTA offers;
//   - session.go follows the events, rebuild.go puts the message together
//     byte by byte as it came, envelope.go collects what the MTA knows;
//   - apply.go turns the outcome into milter actions, reply.go into an SMTP reply.
//
// What fails, fails closed: a message that cannot be judged, or an edit that
// cannot be applied as a whole, is answered with a temporary failure; a message
// is never truncated and never passed on half edited. The package knows nothing
// of S/MIME and DNS, and decides nothing itself.
//
// Limits of the protocol that callers should know: an MTA tells nothing of the
// white space before the colon of a field; without SMFIP_HDR_LEADSPC (before
// version 6) a space after the colon is assumed; a milter cannot give
// recipients different messages, so [message.Outcome] with Forms is deferred;
// mail submitted on the MTA's own host without SMTP comes from 127.0.0.1.
package milter

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"time"

	gomilter "github.com/d--j/go-milter"

	"dnseal/smime/message"
)

// Defaults of Options.
const (
	DefaultMaxSessions = 512
	DefaultTimeout     = 4 * time.Minute
	DefaultProgress    = 5 * time.Second
	DefaultIdle        = time.Hour
	defaultMaxHeader   = 1 << 20
)

// Options configure a Server. Only Handler is required.
type Options struct {
	// Handler gives the handler of the next message. It is asked once a
	// message: after a reload the next message meets the new handler, while
	// those under way finish with the old one.
	Handler func() message.Handler

	// Unfit decides about a message that Handler cannot be given. why is
	// message.ErrTooBig or message.ErrMalformed (or wraps it); head is the
	// header alone with an empty body, or nil when the header is the trouble.
	// Nil rejects such messages: 552 5.3.4 and 554 5.6.0.
	Unfit func(ctx context.Context, head *message.Message, why error, env *message.Envelope) *message.Outcome

	// Daemons name the MTA's daemons ({daemon_name}) that take nothing but submissions. The address of a client
	// that came another way is then no fact about the submitter: only a login counts. Empty: any daemon.
	Daemons []string

	// MaxBytes is the most bytes of a message; 0 means no limit but the MTA's own.
	MaxBytes int64
	// MaxHeaderBytes is the most bytes of a message's header; 0 means 1 MiB.
	MaxHeaderBytes int
	// MaxSessions is how many MTA connections are served at a time; more wait
	// in the listen queue. 0 means DefaultMaxSessions.
	MaxSessions int
	// Timeout is how long Handler may take; its context then ends. 0 means DefaultTimeout.
	// Postfix gives up after milter_content_timeout (300 s), counted anew at each progress report.
	Timeout time.Duration
	// Progress is the pause between progress reports to the MTA while Handler
	// runs (version 6). 0 means DefaultProgress.
	Progress time.Duration
	// Idle is how long a connection may say nothing. 0 means DefaultIdle.
	Idle time.Duration

	// Logger gets one line a message and a line for each broken connection; nil: slog.Default.
	Logger *slog.Logger
	// Observe, when not nil, is told of each decided message, for metrics. It must not block.
	Observe func(Observation)
	// Now is the clock for Envelope.Received; nil: time.Now.
	Now func() time.Time
}

// Observation is what was decided about one message.
type Observation struct {
	// Action is what the MTA was told, which is stricter than the handler's
	// when the MTA does not offer what the handler wants.
	Action message.Action
	// Result is the handler's word, or one of the door's own: "too-big",
	// "malformed", "internal-error", "unsupported".
	Result string
	Size   int64 // bytes of the message as it came
	Took   time.Duration
}

// Server serves MTAs. Make it by New. Safe for concurrent use.
type Server struct {
	opts  Options
	log   *slog.Logger
	lib   *gomilter.Server
	slots chan struct{}

	// ctx is the parent of each handler's context; stop ends those that outlive Shutdown.
	ctx  context.Context
	stop context.CancelFunc

	// handlers is held for reading while a handler runs; Shutdown takes it to wait for those it cut off.
	handlers sync.RWMutex

	mu       sync.Mutex
	conns    map[*conn]struct{}
	closing  chan struct{}
	shutdown sync.Once
	hint     sync.Once
}

// New checks the options, fills in their defaults and returns a Server. It
// fails only when Handler is missing.
func New(opts Options) (*Server, error) {
	if opts.Handler == nil {
		return nil, errors.New("milter: no handler")
	}
	opts.fill()
	s := &Server{
		opts: opts, log: opts.Logger,
		slots:   make(chan struct{}, opts.MaxSessions),
		conns:   make(map[*conn]struct{}),
		closing: make(chan struct{}),
	}
	s.ctx, s.stop = context.WithCancel(context.Background())
	s.lib = gomilter.NewServer(s.libraryOptions()...)
	return s, nil
}

func (o *Options) fill() {
	o.MaxSessions = positive(o.MaxSessions, DefaultMaxSessions)
	o.MaxHeaderBytes = positive(o.MaxHeaderBytes, defaultMaxHeader)
	o.Timeout = positive(o.Timeout, DefaultTimeout)
	o.Progress = positive(o.Progress, DefaultProgress)
	o.Idle = positive(o.Idle, DefaultIdle)
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
}

func positive[T int | time.Duration](v, otherwise T) T {
	if v > 0 {
		return v
	}
	return otherwise
}

// Serve takes MTA connections from ln until Shutdown, then returns nil. Any
// other return is an error of the listener. It can be called with several
// listeners at a time, those of a socket activation among them, and closes ln
// when it ends.
func (s *Server) Serve(ln net.Listener) error {
	defer func() { _ = ln.Close() }()
	err := s.lib.Serve(&guard{Listener: ln, srv: s})
	if s.isClosing() {
		return nil
	}
	return err
}

// Shutdown ends the service: no new connection is taken, connections between
// two messages are closed, and messages under way are finished. When ctx ends
// first, the rest is cut off (their MTAs then answer with a temporary failure)
// and ctx's error returned. No handler runs any more when Shutdown returns.
func (s *Server) Shutdown(ctx context.Context) error {
	s.shutdown.Do(func() { close(s.closing) })
	s.closeIdle()
	stop := context.AfterFunc(ctx, s.stop)
	defer stop()
	err := s.lib.Shutdown(ctx)
	s.stop()
	s.handlers.Lock()
	defer s.handlers.Unlock()
	return err
}

func (s *Server) isClosing() bool {
	select {
	case <-s.closing:
		return true
	default:
		return false
	}
}

func (s *Server) closeIdle() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		if !c.busy.Load() {
			c.wake()
		}
	}
}

func (s *Server) track(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conns[c] = struct{}{}
}

func (s *Server) forget(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
}
