//go:build !386 && !arm && !mips && !mipsle

// Package milter connects a [message.Handler] to an MTA: it reads messages from Postfix or Sendmail
// by the milter protocol (versions 2 to 6), gives each to the handler, and applies the
// [message.Outcome] to the MTA's copy.
//
// Start with [New], [Listen] and [Server.Serve]; [ParseAddress] reads the
// spellings of socket addresses that mail administrators use. The path of a message:
//
//   - listen.go opens the socket; guard.go and conn.go check every frame before
//     the milter library sees it, and write responses in few system calls;
//   - negotiate.go agrees on versions and actions, content.go reads header and body
//     frames directly, because the library would copy each of them;
//   - session.go follows the events, rebuild.go rebuilds the message byte for byte,
//     envelope.go collects the envelope from commands and macros;
//   - decide.go runs the handler, progress.go keeps the MTA waiting meanwhile;
//     apply.go turns the outcome into milter actions, reply.go into an SMTP
//     reply, report.go into a line of the log.
//
// No failure lets a message pass: a message that cannot be decided, or an edit that cannot be
// applied whole, ends in a temporary failure; a message is never truncated and never passes half
// edited. The package has no S/MIME and no DNS. The settings ([Options]) at its MAIL command apply
// to a message until its end.
//
// # The library
//
// github.com/d--j/go-milter carries the dispatch of events, the macros by stage and the
// negotiation, which differ between versions 2 and 6 and between MTAs. The guard reads every frame
// first, because the library trusts lengths and terminators. Header, body and modifications bypass
// the library for speed: it would copy each frame. There is one library server for each connection,
// because the callbacks do not identify their connection. Writing those parts here would be about
// 250 lines and one dependency less; as long as the library is maintained and agrees with
// Sendmail's own in the tests, it stays. It does not build on 32-bit systems: there [New] returns
// an error, and everything else of dnseal works.
//
// # Limitations
//
//   - The protocol does not carry white space before the colon of a field, and before version 6
//     (SMFIP_HDR_LEADSPC) not that after it: one space is assumed.
//   - A milter cannot give recipients different messages: [message.Envelope.OneForm] is set, and a
//     [message.Outcome] with Forms is deferred.
//   - Mail submitted on the MTA's own host without SMTP comes from 127.0.0.1.
//   - The user and the client's address are those that the MTA reports ({auth_authen}, the connect
//     event): only the MTA may have access to the socket.
//   - Other milters of the MTA see the message before or after this one, and may change it.
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

// Serve accepts MTA connections from ln until Shutdown, then returns nil. Any
// other return is an error of the listener. It can be called with several
// listeners at the same time, also with those of a socket activation, and closes ln
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

// begin starts the session of a connection by a library server of its own, because the library's
// callbacks do not identify their connection.
func (s *Server) begin(c *conn) {
	lib := gomilter.NewServer(append(slices.Clip(s.library), gomilter.WithDynamicMilter(c.newSession))...)
	_ = lib.Serve(&single{conn: c}) // the error is single's
}

// Shutdown ends the service: no new connection is accepted, connections between
// two messages are closed, and messages under way are finished. When ctx ends
// first, the other connections are closed (their MTAs then reply with a temporary
// failure) and ctx's error is returned. No handler runs when Shutdown has returned.
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

// listen registers a listener; false: the server is shutting down.
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

// track registers a connection, until forget; false: the server is shutting down.
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
