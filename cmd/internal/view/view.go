// Package view is the local page of "dnseal view": messages, mbox files, archives and evidence are
// dropped onto it, and it shows their verdicts.
//
// [Listen] opens the page's address, [Server.Show] adds files of the command line, [Server.Serve]
// answers until its context ends. Each request passes the guard (guard.go) first; a drop is read
// within its limits (upload.go), verified by cmd/internal/verify in its turn (run.go), and kept in
// memory (shelf.go). Package receiver/page makes the pages of messages, home.go all others.
//
// # Security model
//
// The page is for one person, at the machine on which it runs. It holds what that person drops onto
// it: private mail, which strangers wrote.
//
//   - Other machines: the address is a loopback address, and no other is accepted.
//   - Other users of this machine: the address that is printed holds a token of 256 bits, which
//     works once. It is exchanged for a cookie and for a path, both random. The cookie is sent to
//     that path only, because browsers send the cookies of a host to every port of it, and a page
//     of another user may be on one. On Linux connections of other users' programs are closed
//     unread (peer_linux.go), so that a token which they saw in the list of processes does not help
//     them.
//   - Other web pages: the cookie is SameSite=Strict and HttpOnly; a POST must come from this very
//     origin (Sec-Fetch-Site, else Origin or a secret of the form); the Host must be the address
//     itself, so that a name that an attacker points to it (DNS rebinding) reaches nothing; every
//     response forbids frames and reading by other origins.
//   - Proxies: a request that came through one is refused, because it could be anybody's.
//   - The mail: pages have no script and a Content-Security-Policy that allows none; nothing is
//     fetched. What strangers wrote is text, and so are names of files.
//   - What it costs: connections, headers, uploads (octets, files, time), drops that wait, and
//     pages that are kept have limits ([Limits]); each read and write has a deadline. Verification
//     has the limits of every message.
//
// Nothing is written to disk but unlinked temporary files. What was dropped is forgotten when the
// program ends, when the person says so, and after an hour without a request.
//
// # Limitations
//
// It is HTTP without TLS: who can read the traffic of the loopback interface (root) can read the
// page. A browser extension can read every page. On systems other than Linux another user who sees
// the address in the list of processes, while the browser is being started, can use it first; yours
// then says that it was used. --no-browser avoids that.
package view

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"time"

	"golang.org/x/net/netutil"

	"dnseal/receiver"
	"dnseal/receiver/evidence"
)

// Options configure a page.
type Options struct {
	// Listen is a loopback "host:port"; port 0 is a free one. Default: "127.0.0.1:0".
	Listen string
	// Receiver makes the receiver for a drop; past, where it is not nil, has messages judged by the
	// evidence that was dropped with them (receiver.Options.Past).
	Receiver func(past func(context.Context, receiver.Digests) *receiver.Past) (*receiver.Receiver, error)
	// Workers is how many messages are verified at the same time; less than 1: one.
	Workers int
	// Decide says also what a relay or milter would do (verify.Verifier).
	Decide bool
	// Evidence are the options with which evidence is read.
	Evidence evidence.Options
	Limits   Limits
}

// Limits bound what a page costs. A zero is the default.
type Limits struct {
	// Upload is the size in octets of all files dropped together (256 MiB), Files how many they are
	// (1,000), and Time how long their upload may last (10 minutes).
	Upload int64
	Files  int
	Time   time.Duration
	// Idle is how long a client may send or read nothing in the middle of a request (10 seconds).
	Idle time.Duration
	// Messages is how many messages are kept in all (10,000), Pages the octets of their pages,
	// compressed (256 MiB). Older drops make room for newer ones.
	Messages, Pages int
	// Keep is how long they are kept without any request (an hour).
	Keep time.Duration
}

func (l Limits) withDefaults() Limits {
	return Limits{
		Upload: or(l.Upload, 256<<20), Files: or(l.Files, 1000), Time: or(l.Time, 10*time.Minute), Idle: or(l.Idle, 10*time.Second),
		Messages: or(l.Messages, 10_000), Pages: or(l.Pages, 256<<20), Keep: or(l.Keep, time.Hour),
	}
}

func or[T int | int64 | time.Duration](v, otherwise T) T {
	if v > 0 {
		return v
	}
	return otherwise
}

// Bounds that no option changes.
const (
	maxConnections = 64
	maxHeader      = 16 << 10
	maxUploads     = 2 // at the same time
	maxWaiting     = 8 // drops that wait to be verified
	writeTime      = 30 * time.Second
	graceTime      = 3 * time.Second
	patience       = 1500 * time.Millisecond // for a drop, before its progress is shown
)

// Server is a page that is open. Its methods may be called at the same time, Serve once.
type Server struct {
	opts    Options
	ln      net.Listener
	guard   *guard
	shelf   *shelf
	uploads chan struct{}
	jobs    chan job
	mux     *http.ServeMux
}

// Listen opens the address of a page. Errors say what is wrong with the address, with advice.
func Listen(ctx context.Context, opts Options) (*Server, error) {
	opts.Limits = opts.Limits.withDefaults()
	ln, err := listen(ctx, opts.Listen)
	if err != nil {
		return nil, err
	}
	s := &Server{
		opts: opts, ln: ln, guard: newGuard(ln.Addr()), shelf: &shelf{limits: opts.Limits},
		uploads: make(chan struct{}, maxUploads), jobs: make(chan job, maxWaiting), mux: http.NewServeMux(),
	}
	s.mux.HandleFunc("GET /{$}", s.home)
	s.mux.HandleFunc("GET /d/{drop}/{$}", s.index)
	s.mux.HandleFunc("GET /d/{drop}/{message}", s.message)
	s.mux.HandleFunc("POST /drop", s.drop)
	s.mux.HandleFunc("POST /forget", s.forget)
	s.mux.HandleFunc("/", s.notFound)
	return s, nil
}

// URL is the address to open, with the token that works once.
func (s *Server) URL() string { return s.guard.url() }

// Serve answers until ctx ends; then it returns nil. Requests in progress may end within three
// seconds.
func (s *Server) Serve(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var work sync.WaitGroup
	defer work.Wait()
	defer cancel() // before the wait
	work.Go(func() { s.work(ctx) })
	work.Go(func() { s.shelf.expire(ctx) })
	server := &http.Server{
		Handler:     s.guard.protect(http.HandlerFunc(s.serve)),
		ErrorLog:    log.New(io.Discard, "", 0), // clients' faults
		ReadTimeout: s.opts.Limits.Idle, IdleTimeout: time.Minute, MaxHeaderBytes: maxHeader,
		BaseContext: func(net.Listener) context.Context { return ctx },
	}
	work.Go(func() {
		<-ctx.Done()
		grace, done := context.WithTimeout(context.WithoutCancel(ctx), graceTime)
		defer done()
		if server.Shutdown(grace) != nil {
			_ = server.Close()
		}
	})
	err := server.Serve(netutil.LimitListener(ownListener{s.ln}, maxConnections))
	if !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("view: %w", err)
	}
	return nil
}

// serve answers a request that the guard let in.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	writeInTime(w)
	s.shelf.touch()
	s.mux.ServeHTTP(w, r)
}

// writeInTime gives the client some time, from now on, to read the response.
func writeInTime(w http.ResponseWriter) {
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(writeTime))
}

// Close closes the address of a server that never served.
func (s *Server) Close() error { return s.ln.Close() }
