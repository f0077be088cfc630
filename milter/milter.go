// Package milter is the door of dnseal inside an MTA: it takes a message from
// Postfix or Sendmail by the milter protocol (versions 2 to 6), hands it to a
// [message.Handler], and applies the [message.Outcome] to the session.
//
// Start with [New], [Listen] and [Server.Serve]; [ParseAddress] reads the
// spellings of socket addresses that mail administrators use. The way of a message:
//
//   - listen.go opens the socket; guard.go and conn.go check every frame before
//     the milter library sees it, and gather what is written into few system calls;
//   - negotiate.go takes what the MTA offers, content.go takes header and body
//     past the library, which would copy each frame of them;
//   - session.go follows the events, rebuild.go puts the message together
//     byte by byte as it came, envelope.go collects what the MTA knows;
//   - decide.go asks the handler, with progress.go telling the MTA meanwhile;
//     apply.go turns the outcome into milter actions, reply.go into an SMTP
//     reply, report.go into a line of the log.
//
// What fails, fails closed: a message that cannot be judged, or an edit that cannot be applied as a
// whole, is answered with a temporary failure; a message is never truncated and never passed on
// half edited. The package knows nothing of S/MIME and DNS, and decides nothing itself. A message
// is handled to its end by the settings of its MAIL command ([Options], session.go), whatever is
// loaded meanwhile.
//
// Limits of the protocol that callers should know: an MTA tells nothing of the white space before
// the colon of a field; without SMFIP_HDR_LEADSPC (before version 6) a space after the colon is
// assumed; a milter cannot give recipients different messages, so [message.Envelope.OneForm] is
// set, and a [message.Outcome] with Forms is deferred; mail submitted on the MTA's own host without
// SMTP comes from 127.0.0.1.
package milter

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"slices"
	"sync"

	gomilter "github.com/d--j/go-milter"
)

// Server serves MTAs. Make it by New. Safe for concurrent use.
type Server struct {
	opts    Options
	log     *slog.Logger
	library []gomilter.Option
	slots   chan struct{}

	// ctx is the parent of each handler's context; stop ends those that outlive Shutdown.
	ctx  context.Context
	stop context.CancelFunc

	mu        sync.Mutex
	listeners map[net.Listener]struct{}
	conns     map[*conn]struct{}
	sessions  sync.WaitGroup // of conns; none is added once closing is closed
	closing   chan struct{}
	hint      sync.Once
}

// New checks the options, fills in their defaults and returns a Server. It
// fails only when Handler is missing.
func New(opts Options) (*Server, error) {
	if opts.Handler == nil {
		return nil, errors.New("milter: no handler")
	}
	opts.fill()
	s := &Server{
		opts: opts, log: opts.Logger, library: libraryOptions(),
		slots:     make(chan struct{}, opts.MaxSessions),
		listeners: make(map[net.Listener]struct{}),
		conns:     make(map[*conn]struct{}),
		closing:   make(chan struct{}),
	}
	s.ctx, s.stop = context.WithCancel(context.Background())
	return s, nil
}

// Serve takes MTA connections from ln until Shutdown, then returns nil. Any
// other return is an error of the listener. It can be called with several
// listeners at a time, those of a socket activation among them, and closes ln
// when it ends.
func (s *Server) Serve(ln net.Listener) error {
	defer s.unlisten(ln)
	g := &guard{Listener: ln, srv: s}
	for s.listen(ln) {
		c, err := g.accept()
		if err != nil {
			if s.isClosing() {
				break
			}
			return err
		}
		s.begin(c)
	}
	return nil
}

// begin starts the session of a connection: by a server of the library's for it alone, because that
// tells nobody which connection a session is on.
func (s *Server) begin(c *conn) {
	lib := gomilter.NewServer(append(slices.Clip(s.library), gomilter.WithDynamicMilter(c.newSession))...)
	_ = lib.Serve(&single{conn: c}) // the error is single's
}

// Shutdown ends the service: no new connection is taken, connections between
// two messages are closed, and messages under way are finished. When ctx ends
// first, the rest is cut off (their MTAs then answer with a temporary failure)
// and ctx's error returned. No handler runs any more when Shutdown returns.
func (s *Server) Shutdown(ctx context.Context) error {
	s.close()
	gone := make(chan struct{})
	go func() {
		s.sessions.Wait()
		close(gone)
	}()
	var err error
	select {
	case <-gone:
	case <-ctx.Done():
		err = ctx.Err()
		s.stop()
		s.cutOff()
		<-gone
	}
	s.stop()
	return err
}

// close ends listening, and the wait of connections between two messages.
func (s *Server) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.isClosing() {
		close(s.closing)
	}
	for ln := range s.listeners {
		_ = ln.Close()
	}
	for c := range s.conns {
		if !c.busy.Load() {
			c.wake()
		}
	}
}

func (s *Server) cutOff() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		_ = c.Conn.Close()
	}
}

func (s *Server) isClosing() bool {
	select {
	case <-s.closing:
		return true
	default:
		return false
	}
}

// listen notes a listener; false: there is nothing to listen for any more.
func (s *Server) listen(ln net.Listener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.isClosing() {
		return false
	}
	s.listeners[ln] = struct{}{}
	return true
}

func (s *Server) unlisten(ln net.Listener) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.listeners, ln)
	_ = ln.Close()
}

// track notes a connection, until forget; false: it comes too late.
func (s *Server) track(c *conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.isClosing() {
		return false
	}
	s.conns[c] = struct{}{}
	s.sessions.Add(1)
	return true
}

func (s *Server) forget(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
	s.sessions.Done()
}
