// Package milter is the door of dnseal inside an MTA: it takes a message from
// Postfix or Sendmail by the milter protocol (versions 2 to 6), hands it to a
// [message.Handler], and applies the [message.Outcome] to the session.
//
// Start with [New], [Listen] and [Server.Serve]; [ParseAddress] reads the
// spellings of socket addresses that mail administrators use. The way of a message:
//
//   - listen.go opens the socket; guard.go and conn.go check every frame before
//     the milter library sees it, and gather what is written into few system calls;
//   - negotiate.go takes what the MTA offers;
//   - session.go follows the events, rebuild.go puts the message together
//     byte by byte as it came, envelope.go collects what the MTA knows;
//   - decide.go asks the handler, with progress.go telling the MTA meanwhile;
//     apply.go turns the outcome into milter actions, reply.go into an SMTP
//     reply, report.go into a line of the log.
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

	gomilter "github.com/d--j/go-milter"
)

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
