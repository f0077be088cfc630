package relay

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"dnseal/smime/message"
)

func TestMain(m *testing.M) {
	if role := os.Getenv(childRole); role != "" {
		runChild(role)
		return
	}
	goleak.VerifyTestMain(m)
}

// handlerFunc is a message.Handler.
type handlerFunc func(ctx context.Context, m *message.Message, env *message.Envelope) *message.Outcome

func (f handlerFunc) Handle(ctx context.Context, m *message.Message, env *message.Envelope) *message.Outcome {
	return f(ctx, m, env)
}

// mark is a handler that adds a field.
func mark(value string) *message.Edit {
	return &message.Edit{Changes: []message.Change{{Op: message.Insert, Name: "X-Form", Value: " " + value}}}
}

// logBuffer collects what a server logs.
type logBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// testRelay is a server of this package on a port of its own.
type testRelay struct {
	*Server
	addr string
	hop  *sink // nil where the options name a next hop
	log  *logBuffer
	stop func()
}

var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}

// startRelay runs a server. Where opts name no next hop, it has one that accepts everything.
func startRelay(tb testing.TB, opts Options) *testRelay {
	tb.Helper()
	return serveRelay(tb, opts, listen(tb))
}

func serveRelay(tb testing.TB, opts Options, l net.Listener) *testRelay {
	tb.Helper()
	log := &logBuffer{}
	var hop *sink
	if opts.NextHop == nil {
		hop = startSink(tb)
		opts.NextHop = []string{hop.address()}
	}
	opts.Hostname = "relay.example.org"
	opts.Log = slog.New(slog.NewTextHandler(log, nil))
	s, err := New(opts)
	if err != nil {
		tb.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() { s.Serve(l) })
	stop := sync.OnceFunc(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		s.Shutdown(ctx)
		wg.Wait()
	})
	tb.Cleanup(stop)
	tb.Cleanup(func() {
		if tb.Failed() {
			tb.Log(log.String())
		}
	})
	return &testRelay{Server: s, addr: l.Addr().String(), hop: hop, log: log, stop: stop}
}

// talk is the client's side of a dialogue.
type talk struct {
	t    testing.TB
	conn net.Conn
	r    *bufio.Reader
}

// dial connects and reads the greeting.
func dial(tb testing.TB, addr string) *talk {
	tb.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		tb.Fatal(err)
	}
	return greet(tb, conn)
}

func greet(tb testing.TB, conn net.Conn) *talk {
	tb.Helper()
	k := &talk{t: tb, conn: conn, r: bufio.NewReader(conn)}
	conn.SetDeadline(time.Now().Add(hangGuard))
	tb.Cleanup(func() { conn.Close() })
	k.want("220")
	return k
}

// greetPipe reads the greeting of a server on the other end of a pipe.
func (k *talk) greetPipe() {
	k.t.Helper()
	k.r = bufio.NewReader(k.conn)
	k.want("220")
}

// write sends bytes as they are.
func (k *talk) write(s string) {
	k.t.Helper()
	if _, err := io.WriteString(k.conn, s); err != nil {
		k.t.Fatalf("write: %v", err)
	}
}

// reply reads one reply: its lines with LF ends.
func (k *talk) reply() string {
	k.t.Helper()
	var b strings.Builder
	for {
		line, err := k.r.ReadString('\n')
		if err != nil {
			k.t.Fatalf("reply: %v after %q", err, b.String())
		}
		if !strings.HasSuffix(line, "\r\n") {
			k.t.Fatalf("reply line %q does not end in CRLF", line)
		}
		b.WriteString(strings.TrimSuffix(line, "\r\n") + "\n")
		if len(line) < 4 || line[3] != '-' {
			return b.String()
		}
	}
}

// want reads a reply and checks how it begins.
func (k *talk) want(prefix string) string {
	k.t.Helper()
	r := k.reply()
	if !strings.HasPrefix(r, prefix) {
		k.t.Fatalf("reply = %q, want %s", r, prefix)
	}
	return r
}

// do sends a line and checks how the reply begins.
func (k *talk) do(line, prefix string) string {
	k.t.Helper()
	k.write(line + "\r\n")
	r := k.reply()
	if !strings.HasPrefix(r, prefix) {
		k.t.Fatalf("reply to %.80q = %q, want %s", line, r, prefix)
	}
	return r
}

// wantEOF checks that the server hangs up now.
func (k *talk) wantEOF() {
	k.t.Helper()
	if line, err := k.r.ReadString('\n'); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		k.t.Fatalf("server sends %q, %v, want the end of the connection", line, err)
	}
}

// secure goes on inside TLS.
func (k *talk) secure(conf *tls.Config) *tls.Conn {
	k.t.Helper()
	conn := tls.Client(k.conn, conf)
	if err := conn.Handshake(); err != nil {
		k.t.Fatalf("TLS: %v", err)
	}
	k.conn, k.r = conn, bufio.NewReader(conn)
	return conn
}

// envelope opens a transaction for recipients.
func (k *talk) envelope(rcpts ...string) {
	k.t.Helper()
	k.do("MAIL FROM:<a@example.org>", "250")
	for _, r := range rcpts {
		k.do("RCPT TO:<"+r+">", "250")
	}
}

// content sends a message and returns the reply.
func (k *talk) content(data string) string {
	k.t.Helper()
	k.do("DATA", "354")
	k.write(data + ".\r\n")
	return k.reply()
}

const simple = "From: a@example.org\r\nTo: b@example.net\r\nSubject: t\r\nDate: Tue, 24 Nov 2026 10:00:00 +0000\r\nMessage-ID: <1@example.org>\r\n\r\nHello\r\n"
