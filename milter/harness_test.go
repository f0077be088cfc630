//go:build !386 && !arm && !mips && !mipsle

package milter

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	gomilter "github.com/d--j/go-milter"
	"go.uber.org/goleak"

	"dnseal/lookup/lookuptest/peertest"
	"dnseal/smime/message"
)

func TestMain(m *testing.M) {
	if path := os.Getenv(childSocket); path != "" {
		fmt.Fprintln(os.Stderr, beMilter(path, os.Getenv(childRole), strings.Split(os.Getenv(childWith), "\x1f")))
		os.Exit(1)
	}
	goleak.VerifyTestMain(m)
}

// hang is how long a test waits for what takes milliseconds.
const hang = 2 * time.Minute

// handle is a handler that is a function.
type handle func(ctx context.Context, m *message.Message, env *message.Envelope) *message.Outcome

func (h handle) Handle(ctx context.Context, m *message.Message, env *message.Envelope) *message.Outcome {
	return h(ctx, m, env)
}

// withUnfit makes h a message.Unfitter.
func withUnfit(h message.Handler, unfit unfit) message.Handler { return &unfitter{h, unfit} }

type unfit func(head *message.Message, why error, env *message.Envelope) *message.Outcome

type unfitter struct {
	message.Handler
	unfit unfit
}

func (u *unfitter) Unfit(_ context.Context, head *message.Message, why error, env *message.Envelope) *message.Outcome {
	return u.unfit(head, why, env)
}

func always(h handle) message.Handler { return h }

// newest is a message.Holder: each message is handled by the signer that is current at its MAIL
// command.
type newest struct {
	current *atomic.Pointer[message.Handler]
}

func (n newest) Hold() (message.Handler, func()) { return *n.current.Load(), func() {} }

func (n newest) Handle(ctx context.Context, m *message.Message, env *message.Envelope) *message.Outcome {
	return (*n.current.Load()).Handle(ctx, m, env)
}

// accepting accepts every message unchanged.
func accepting(context.Context, *message.Message, *message.Envelope) *message.Outcome {
	return &message.Outcome{Action: message.Accept, Result: "seen"}
}

// record keeps what a handler saw.
type record[T any] struct {
	mu  sync.Mutex
	all []T
}

func (r *record[T]) add(v T) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, v)
}

func (r *record[T]) seen() []T {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.all)
}

func (r *record[T]) last() (v T) {
	if all := r.seen(); len(all) > 0 {
		v = all[len(all)-1]
	}
	return v
}

// spool returns a filled spool.
func spool(tb testing.TB, content []byte) *message.Spool {
	tb.Helper()
	s := message.NewSpool(0)
	if _, err := s.Write(content); err != nil {
		tb.Fatal(err)
	}
	return s
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// running is a server under test.
type running struct {
	*Server
	path string
}

// serve starts a server on a unix socket; it is shut down with the test.
func serve(tb testing.TB, opts Options) *running {
	tb.Helper()
	if opts.Logger == nil {
		opts.Logger = quiet()
	}
	srv, err := New(opts)
	if err != nil {
		tb.Fatal(err)
	}
	path := filepath.Join(peertest.ShortDir(tb), "s")
	ln, err := Listen(tb.Context(), Address{Network: "unix", Address: path}, ListenOptions{})
	if err != nil {
		tb.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ln) }()
	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), hang)
		defer cancel()
		if err := srv.Shutdown(ctx); err != nil {
			tb.Errorf("Shutdown() = %v", err)
		}
		if err := <-served; err != nil {
			tb.Errorf("Serve() = %v", err)
		}
	})
	return &running{srv, path}
}

// dial opens a plain connection.
func (r *running) dial(tb testing.TB) net.Conn {
	tb.Helper()
	c, err := net.DialTimeout("unix", r.path, hang)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = c.Close() })
	if err := c.SetDeadline(time.Now().Add(hang)); err != nil {
		tb.Fatal(err)
	}
	return c
}

// mta is an MTA with one SMTP client.
type mta struct {
	t      testing.TB
	s      *gomilter.ClientSession
	macros *gomilter.MacroBag
}

// connect opens a milter session and reports a client at 192.0.2.7.
func (r *running) connect(tb testing.TB, opts ...gomilter.Option) *mta {
	tb.Helper()
	m := &mta{t: tb, macros: gomilter.NewMacroBag()}
	all := append([]gomilter.Option{gomilter.WithReadTimeout(hang), gomilter.WithWriteTimeout(hang)}, opts...)
	var err error
	if m.s, err = gomilter.NewClient("unix", r.path, all...).Session(m.macros); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = m.s.Close() })
	m.hello(gomilter.FamilyInet, "192.0.2.7")
	return m
}

func (m *mta) hello(family gomilter.ProtoFamily, addr string) {
	m.t.Helper()
	must(m, "Conn")(m.s.Conn("client.example", family, 2525, addr))
	must(m, "Helo")(m.s.Helo("client.example"))
}

func must(m *mta, what string) func(*gomilter.Action, error) {
	m.t.Helper()
	return func(a *gomilter.Action, err error) {
		m.t.Helper()
		if err != nil {
			m.t.Fatalf("%s: %v", what, err)
		}
		if a.Type != gomilter.ActionContinue {
			m.t.Fatalf("%s: the milter answered %v", what, a)
		}
	}
}

// mail is a message in CRLF form and its envelope.
type mail struct {
	from string
	rcpt []string
	raw  string
	args string
	// chunk is the size of the pieces of body; 0: as large as they may be.
	chunk int
}

// begin sends everything up to the end of the header.
func (m *mta) begin(ml mail) (body string) {
	m.t.Helper()
	must(m, "Mail")(m.s.Mail(ml.from, ml.args))
	rcpt := ml.rcpt
	if rcpt == nil {
		rcpt = []string{"rcpt@example.net"}
	}
	for _, r := range rcpt {
		must(m, "Rcpt")(m.s.Rcpt(r, ""))
	}
	must(m, "Data")(m.s.DataStart())
	fields, at := message.ParseHeader([]byte(ml.raw))
	for _, f := range fields {
		name, value, _ := strings.Cut(string(f.Raw), ":")
		value = strings.ReplaceAll(strings.TrimSuffix(value, "\r\n"), "\r\n", "\n")
		if !m.s.ProtocolOption(gomilter.OptHeaderLeadingSpace) {
			value = strings.TrimPrefix(value, " ")
		}
		must(m, "Header")(m.s.HeaderField(name, value, nil))
	}
	must(m, "HeaderEnd")(m.s.HeaderEnd())
	return ml.raw[at:]
}

// send hands a message in and returns what the milter wants.
func (m *mta) send(ml mail) ([]gomilter.ModifyAction, *gomilter.Action) {
	m.t.Helper()
	body := m.begin(ml)
	if body == "" { // the client library wants one
		must(m, "BodyChunk")(m.s.BodyChunk(nil))
	}
	var in io.Reader = strings.NewReader(body)
	for ml.chunk > 0 && len(body) > 0 {
		n := min(ml.chunk, len(body))
		must(m, "BodyChunk")(m.s.BodyChunk([]byte(body[:n])))
		body, in = body[n:], strings.NewReader("")
	}
	acts, a, err := m.s.BodyReadFrom(in)
	if err != nil {
		m.t.Fatalf("end of message: %v", err)
	}
	return acts, a
}

// deliver carries the milter's changes out as Postfix does and returns the new message.
func (m *mta) deliver(raw string, acts []gomilter.ModifyAction) string {
	m.t.Helper()
	parsed, at := message.ParseHeader([]byte(raw))
	var fields []string
	for _, f := range parsed {
		fields = append(fields, string(f.Raw))
	}
	body, replaced := raw[at:], false
	field := func(a gomilter.ModifyAction) string {
		v := strings.ReplaceAll(a.HeaderValue, "\n", "\r\n")
		if !m.s.ProtocolOption(gomilter.OptHeaderLeadingSpace) {
			v = " " + v
		}
		return a.HeaderName + ":" + v + "\r\n"
	}
	for _, a := range acts {
		switch a.Type {
		case gomilter.ActionInsertHeader:
			i := int(a.HeaderIndex)
			fields = append(fields[:i:i], append([]string{field(a)}, fields[i:]...)...)
		case gomilter.ActionAddHeader:
			fields = append(fields, field(a))
		case gomilter.ActionChangeHeader:
			if a.HeaderValue != "" {
				m.t.Fatalf("unexpected %v", a)
			}
			fields = without(fields, a.HeaderName, int(a.HeaderIndex))
		case gomilter.ActionReplaceBody:
			if len(a.Body) > bodyChunk {
				m.t.Errorf("a piece of body of %d bytes", len(a.Body))
			}
			if !replaced {
				body, replaced = "", true
			}
			body += string(a.Body)
		case gomilter.ActionQuarantine:
		default:
			m.t.Fatalf("unexpected %v", a)
		}
	}
	return strings.Join(fields, "") + "\r\n" + body
}

// without removes the n-th field called name.
func without(fields []string, name string, n int) []string {
	for i, f := range fields {
		if have, _, _ := strings.Cut(f, ":"); strings.EqualFold(strings.TrimRight(have, " \t"), name) {
			if n--; n == 0 {
				return append(fields[:i:i], fields[i+1:]...)
			}
		}
	}
	return fields
}

// everything reads a whole message.
func everything(tb testing.TB, m *message.Message) string {
	tb.Helper()
	var b bytes.Buffer
	if _, err := io.Copy(&b, m.Open()); err != nil {
		tb.Error(err)
	}
	return b.String()
}
