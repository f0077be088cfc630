package service

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/smtp"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"dnseal/cmd/internal/config"
	"dnseal/cmd/internal/demo"
	"dnseal/lookup"
	"dnseal/lookup/lookuptest"
	"dnseal/receiver"
	"dnseal/sender/identity"
	"dnseal/smime/message"
)

// hang is a guard against hanging, not a measure.
const hang = 60 * time.Second

// TestMain runs a daemon instead of the tests where a test starts the test binary as one.
func TestMain(m *testing.M) {
	if kind := os.Getenv("DNSEAL_TEST_SERVICE"); kind != "" {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
		defer stop()
		if err := Run(ctx, kind, os.Args[1], os.Stderr, nil); err != nil {
			fmt.Fprintln(os.Stderr, "error:", err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// world is a folder with an identity, a resolver that publishes it, and a mailbox at the end.
type world struct {
	t       testing.TB
	dir     string
	dns     *lookuptest.Server
	mailbox *demo.Mailbox
}

func newWorld(tb testing.TB) *world {
	tb.Helper()
	w := &world{t: tb, dir: tb.TempDir()}
	id, err := identity.Create(filepath.Join(w.dir, "keys"), "alice@example.org", identity.CreateOptions{})
	if err != nil {
		tb.Fatal(err)
	}
	owner, typ, err := id.OwnerName()
	if err != nil {
		tb.Fatal(err)
	}
	record, err := id.Record(3, 1, 1)
	if err != nil {
		tb.Fatal(err)
	}
	line, err := identity.FormatRecord(owner, typ, record, time.Minute, "zone")
	if err != nil {
		tb.Fatal(err)
	}
	if w.dns, err = lookuptest.New([]lookuptest.Zone{{Text: line + "\n", Origin: "example.org."}}, lookuptest.Options{}); err != nil {
		tb.Fatal(err)
	}
	if err = w.dns.Start("127.0.0.1:0"); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { w.dns.Close() })
	w.write("anchor", w.dns.Anchor())
	l, err := listenUnix(w.path("mailbox"))
	if err != nil {
		tb.Fatal(err)
	}
	w.mailbox = demo.ServeMailbox(l)
	return w
}

func listenUnix(path string) (*net.UnixListener, error) {
	return net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
}

func (w *world) path(name string) string { return filepath.Join(w.dir, name) }

func (w *world) write(name, text string) string {
	w.t.Helper()
	if err := os.WriteFile(w.path(name), []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
	return w.path(name)
}

// config writes dnseal.toml: what every test needs, and more.
func (w *world) config(more string) string {
	w.t.Helper()
	head := fmt.Sprintf(`
identities = "DIR/keys"
hostname = "relay.example.org"
[dns]
resolvers = [%q]
timeout = "30s"
trust-anchor = "DIR/anchor"
[metrics]
listen = "unix:DIR/metrics"
[[sign.rule]]
who = ["net:127.0.0.1"]
from = ["alice@example.org"]
`, w.dns.Addr())
	return w.write("dnseal.toml", strings.ReplaceAll(head+more, "DIR", w.dir))
}

const oneRelay = `
[[relay]]
role = "submission"
listen = "unix:DIR/relay"
next-hop = ["unix:DIR/mailbox"]
`

// running is a service in this process.
type running struct {
	*service
	hup  chan os.Signal
	log  *lockedBuffer
	stop func() error
}

// start runs a service until the test ends, and waits until it is ready.
func (w *world) start(kind string) *running {
	w.t.Helper()
	r := &running{hup: make(chan os.Signal), log: &lockedBuffer{}}
	r.service = newService(kind, w.path("dnseal.toml"), r.log)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.run(ctx, r.hup) }()
	r.stop = sync.OnceValue(func() error { cancel(); return <-done })
	w.t.Cleanup(func() {
		r.stop()
		if w.t.Failed() {
			w.t.Logf("log:\n%s", r.log)
		}
	})
	w.until("ready", func() bool { return strings.Contains(r.log.String(), "msg=ready") || len(done) > 0 })
	return r
}

// reload sends the signal and waits for what the service says of it.
func (w *world) reload(r *running, want string) {
	w.t.Helper()
	before := strings.Count(r.log.String(), want)
	r.hup <- os.Interrupt
	w.until(want, func() bool { return strings.Count(r.log.String(), want) > before })
}

// until waits for a condition of another goroutine.
func (w *world) until(what string, ok func() bool) {
	w.t.Helper()
	for end := time.Now().Add(hang); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			w.t.Fatalf("timed out: %s", what)
		}
	}
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// submit hands a message in at the relay's socket.
func (w *world) submit(from string) error {
	conn, err := net.Dial("unix", w.path("relay"))
	if err != nil {
		return err
	}
	conn.SetDeadline(time.Now().Add(hang))
	c, err := smtp.NewClient(conn, "relay")
	if err != nil {
		return err
	}
	defer c.Close()
	if err = c.Mail(from); err != nil {
		return err
	}
	if err = c.Rcpt("bob@example.net"); err != nil {
		return err
	}
	data, err := c.Data()
	if err != nil {
		return err
	}
	fmt.Fprintf(data, "From: %s\r\nTo: bob@example.net\r\nSubject: x\r\n\r\ntext\r\n", from)
	if err := data.Close(); err != nil {
		return err
	}
	return c.Quit()
}

// verdict verifies a message that arrived.
func (w *world) verdict(text []byte) receiver.Verdict {
	w.t.Helper()
	anchors, err := config.ReadAnchors(w.path("anchor"))
	if err != nil {
		w.t.Fatal(err)
	}
	client, err := lookup.New(lookup.Options{Resolvers: []string{w.dns.Addr()}, Anchors: anchors, Timeout: hang})
	if err != nil {
		w.t.Fatal(err)
	}
	defer client.Close()
	r, err := receiver.New(receiver.Options{Lookup: client})
	if err != nil {
		w.t.Fatal(err)
	}
	m, err := message.Read(bytes.NewReader(text), message.ReadOptions{})
	if err != nil {
		w.t.Fatal(err)
	}
	defer m.Close()
	report, err := r.Verify(w.t.Context(), m)
	if err != nil {
		w.t.Fatal(err)
	}
	return report.Verdict
}

// get asks the metrics listener.
func (w *world) get(path string) string {
	w.t.Helper()
	client := &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext:       func(context.Context, string, string) (net.Conn, error) { return net.Dial("unix", w.path("metrics")) },
	}}
	resp, err := client.Get("http://unix" + path)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return string(body)
}

func TestRelayService(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.config(oneRelay)
	r := w.start("relay")
	if err := w.submit("alice@example.org"); err != nil {
		t.Fatal(err)
	}
	mail, err := w.mailbox.Wait(hang)
	if err != nil {
		t.Fatal(err)
	}
	if got := w.verdict(mail); got != receiver.Pass {
		t.Errorf("verdict %s, want pass:\n%s", got, mail)
	}
	for _, want := range []string{
		`dnseal_messages_total{door="relay",reply="2",result="signed",role="submission"} 1`,
		`dnseal_lookups_total{code="",presence="present",status="secure",type="SMIMEA"} 1`,
		`dnseal_certificate_days{kind="identity",name="alice@example.org"} 36`,
	} {
		if body := w.get("/metrics"); !strings.Contains(body, want) {
			t.Errorf("metrics lack %s:\n%s", want, body)
		}
	}
	if got := w.get("/readyz"); got != "ready\n" {
		t.Errorf("/readyz says %q", got)
	}
	// A stranger's From passes unsigned, as no-rule says.
	if err := w.submit("carol@example.com"); err != nil {
		t.Fatal(err)
	}
	w.mailbox.Wait(hang)
	if body := w.get("/metrics"); !strings.Contains(body, `dnseal_unsigned_messages_total{door="relay",role="submission"} 1`) {
		t.Errorf("the unsigned message is not counted:\n%s", body)
	}
	if err := r.stop(); err != nil {
		t.Errorf("service ended with %v", err)
	}
	if _, err := os.Stat(w.path("relay")); !os.IsNotExist(err) {
		t.Errorf("the socket is left behind: %v", err)
	}
}

// TestStop: a client in the middle of a message is served to its end, and new clients
// is refused, not left waiting.
func TestStop(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	// A loopback address of its own: a port of 127.0.0.1 could be another's before the service has
	// it, and after.
	l, err := net.Listen("tcp", fmt.Sprintf("127.%d.%d.%d:0", 1+rand.IntN(254), rand.IntN(256), 1+rand.IntN(254)))
	must(t, err)
	address := l.Addr().String()
	must(t, l.Close())
	w.config(strings.Replace(oneRelay, "unix:DIR/relay", address, 1))
	r := w.start("relay")
	c, err := smtp.Dial(address)
	must(t, err)
	defer c.Close()
	must(t, c.Mail("alice@example.org"))
	must(t, c.Rcpt("bob@example.net"))
	data, err := c.Data()
	must(t, err)
	fmt.Fprint(data, "From: alice@example.org\r\nTo: bob@example.net\r\n\r\nhalf")
	done := make(chan error, 1)
	go func() { done <- r.stop() }()
	w.until("new clients are refused", func() bool {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			_ = conn.Close()
		}
		return err != nil
	})
	if len(done) > 0 {
		t.Error("the service has ended before the message")
	}
	fmt.Fprint(data, " and half\r\n")
	if err := data.Close(); err != nil {
		t.Errorf("the message under way: %v", err)
	}
	if _, err := w.mailbox.Wait(hang); err != nil {
		t.Error(err)
	}
	must(t, <-done)
}

// TestReload goes over to a new configuration, and stays with the old one when the new one is
// wrong.
func TestReload(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.config(oneRelay)
	r := w.start("relay")
	w.config(oneRelay + "[on]\nno-rul = \"reject\"\n")
	w.reload(r, `unknown key \"on.no-rul\"; did you mean \"on.no-rule\"?`)
	if err := w.submit("carol@example.com"); err != nil {
		t.Errorf("after a refused reload: %v", err)
	}
	w.mailbox.Wait(hang)
	w.config(oneRelay + "[on]\nno-rule = \"reject\"\n")
	w.reload(r, "msg=reloaded")
	if err := w.submit("carol@example.com"); err == nil || !strings.HasPrefix(err.Error(), "550 ") {
		t.Errorf("after a reload: %v, want 550", err)
	}
	// A listener that cannot be opened stops the reload, too, and leaves no socket behind.
	second := strings.Replace(oneRelay, "DIR/relay", "DIR/second", 1)
	w.config(oneRelay + second + strings.Replace(oneRelay, "DIR/relay", "DIR/nowhere/third", 1))
	w.reload(r, "the folder of the socket does not exist")
	if _, err := os.Stat(w.path("second")); !os.IsNotExist(err) {
		t.Errorf("a socket of the refused configuration is there: %v", err)
	}
	if err := w.submit("carol@example.com"); err == nil {
		t.Error("the old configuration does not stay")
	}
	// The old listener goes, the new one comes.
	w.config(second)
	w.reload(r, "msg=reloaded")
	if _, err := os.Stat(w.path("relay")); !os.IsNotExist(err) {
		t.Errorf("a socket that is not configured any more is left: %v", err)
	}
	if _, err := os.Stat(w.path("second")); err != nil {
		t.Error(err)
	}
	if body := w.get("/metrics"); !strings.Contains(body, `dnseal_reloads_total{result="refused"} 2`) || !strings.Contains(body, `dnseal_reloads_total{result="done"} 2`) {
		t.Errorf("reloads are not counted:\n%s", body)
	}
}

// TestReloadIsDone: who connects after "reloaded" meets the new configuration, however the
// listeners were shared.
func TestReloadIsDone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.config(oneMilter)
	r := w.start("milter")
	for i := range 50 {
		limit, refused := "5", true // bytes of a message
		if i%2 == 1 {
			limit, refused = "5000", false
		}
		w.config(oneMilter + "max-bytes = " + limit + "\n")
		w.reload(r, "msg=reloaded")
		m := w.connectMTA()
		if _, a := m.send("alice@example.org"); (a.SMTPCode == 552) != refused {
			t.Fatalf("reload %d: the milter answered %v %d, too big %t", i, a, a.SMTPCode, refused)
		}
		m.s.Close()
	}
}

// TestReloadUnderLoad reloads while messages come in: none may fail.
func TestReloadUnderLoad(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.config(oneRelay)
	r := w.start("relay")
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	var sent, failed int
	var mu sync.Mutex
	for range 4 {
		wg.Go(func() {
			for ctx.Err() == nil {
				err := w.submit("alice@example.org")
				mu.Lock()
				sent++
				if err != nil {
					failed++
					t.Errorf("submit: %v", err)
				}
				mu.Unlock()
			}
		})
	}
	wg.Go(func() {
		for ctx.Err() == nil {
			select {
			case <-w.mailbox.Mail:
			case <-ctx.Done():
			}
		}
		for range len(w.mailbox.Mail) {
			<-w.mailbox.Mail
		}
	})
	for range 20 {
		w.reload(r, "msg=reloaded")
	}
	cancel()
	// What is still under way needs a reader.
	drained := make(chan struct{})
	go func() { wg.Wait(); close(drained) }()
	for open := true; open; {
		select {
		case <-w.mailbox.Mail:
		case <-drained:
			open = false
		}
	}
	t.Logf("%d messages over 20 reloads, %d failed", sent, failed)
}

// TestCannotStart: what keeps a service from starting is one line, with the place in the file.
func TestCannotStart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer taken.Close()
	for listen, want := range map[string]string{
		taken.Addr().String(): "dnseal.toml:16: listen inet:" + taken.Addr().String() + ": the port is in use by another process; stop that one",
		"unix:DIR/mailbox":    "dnseal.toml:16: listen unix:" + w.path("mailbox") + ": socket ",
		"unix:DIR/anchor":     "a file that is not a socket is in the way; move it",
		"unix:DIR/none/relay": "the folder of the socket does not exist; make it",
	} {
		w.config(strings.Replace(oneRelay, "unix:DIR/relay", listen, 1))
		err := newService("relay", w.path("dnseal.toml"), io.Discard).run(t.Context(), nil)
		if err == nil || !strings.Contains(err.Error(), strings.ReplaceAll(want, "DIR", w.dir)) || strings.Contains(err.Error(), "\n") {
			t.Errorf("listen %s: %v, want %q", listen, err, want)
		}
	}
}
