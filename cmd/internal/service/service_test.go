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
	"strings"
	"sync"
	"testing"
	"time"

	"dnseal/cmd/internal/config"
	"dnseal/cmd/internal/worldtest"
	"dnseal/lookup"
	"dnseal/lookup/lookuptest/peertest"
	"dnseal/receiver"
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
	code := m.Run()
	// Whatever the tests made relay and milter log is in the vocabulary.
	for _, what := range worldtest.Strange() {
		fmt.Fprintln(os.Stderr, "log:", what)
		code = 1
	}
	os.Exit(code)
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// world is that of the program's tests, with metrics.
type world struct{ *worldtest.World }

func newWorld(tb testing.TB) *world {
	tb.Helper()
	return &world{worldtest.New(tb)}
}

func (w *world) config(more string) string {
	w.T.Helper()
	return w.Config("[metrics]\nlisten = \"unix:DIR/metrics\"\n" + more)
}

// running is a service in this process.
type running struct {
	*service
	hup  chan os.Signal
	log  *worldtest.Buffer
	stop func() error
}

// start runs a service until the test ends, and waits until it is ready.
func (w *world) start(kind string) *running {
	w.T.Helper()
	r := &running{hup: make(chan os.Signal), log: &worldtest.Buffer{}}
	r.service = newService(kind, w.Path("dnseal.toml"), r.log)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.run(ctx, r.hup) }()
	r.stop = sync.OnceValue(func() error { cancel(); return <-done })
	w.T.Cleanup(func() {
		r.stop()
		if w.T.Failed() {
			w.T.Logf("log:\n%s", r.log)
		}
	})
	peertest.WaitFor(w.T, "ready", func() bool { return strings.Contains(r.log.String(), "msg=ready") || len(done) > 0 })
	return r
}

// reload sends the signal and waits for what the service says of it.
func (w *world) reload(r *running, want string) {
	w.T.Helper()
	before := strings.Count(r.log.String(), want)
	r.hup <- os.Interrupt
	peertest.WaitFor(w.T, want, func() bool { return strings.Count(r.log.String(), want) > before })
}

// submit hands a message in at the relay's socket.
func (w *world) submit(from string) error {
	conn, err := net.Dial("unix", w.Path("relay"))
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
	w.T.Helper()
	anchors, err := config.ReadAnchors(w.Path("anchor"))
	if err != nil {
		w.T.Fatal(err)
	}
	client, err := lookup.New(lookup.Options{Resolvers: []string{w.DNS.Addr()}, Anchors: anchors, Timeout: hang})
	if err != nil {
		w.T.Fatal(err)
	}
	defer client.Close()
	r, err := receiver.New(receiver.Options{Lookup: client})
	if err != nil {
		w.T.Fatal(err)
	}
	m, err := message.Read(bytes.NewReader(text), message.ReadOptions{})
	if err != nil {
		w.T.Fatal(err)
	}
	defer m.Close()
	report, err := r.Verify(w.T.Context(), m)
	if err != nil {
		w.T.Fatal(err)
	}
	return report.Verdict
}

// get asks the metrics listener.
func (w *world) get(path string) string {
	w.T.Helper()
	client := &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext:       func(context.Context, string, string) (net.Conn, error) { return net.Dial("unix", w.Path("metrics")) },
	}}
	resp, err := client.Get("http://unix" + path)
	if err != nil {
		w.T.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		w.T.Fatal(err)
	}
	return string(body)
}

func TestRelayService(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.config(worldtest.OneRelay)
	r := w.start("relay")
	if err := w.submit("alice@example.org"); err != nil {
		t.Fatal(err)
	}
	mail, err := w.Mailbox.Wait(hang)
	if err != nil {
		t.Fatal(err)
	}
	if got := w.verdict(mail); got != receiver.Pass {
		t.Errorf("verdict %s, want pass:\n%s", got, mail)
	}
	for _, want := range []string{
		`dnseal_messages_total{door="relay",reply="2",result="signed",role="submission"} 1`,
		`dnseal_lookups_total{code="",presence="present",status="secure",type="SMIMEA"} 1`,
		`dnseal_certificate_not_after_timestamp_seconds{kind="identity",name="alice@example.org"} 2.`,
		`dnseal_own_records{state="published"} 1`, `dnseal_config_last_reload_successful 1`, `dnseal_build_info{commit=`,
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
	w.Mailbox.Wait(hang)
	if body := w.get("/metrics"); !strings.Contains(body, `dnseal_unsigned_messages_total{door="relay",role="submission"} 1`) {
		t.Errorf("the unsigned message is not counted:\n%s", body)
	}
	if err := r.stop(); err != nil {
		t.Errorf("service ended with %v", err)
	}
	if _, err := os.Stat(w.Path("relay")); !os.IsNotExist(err) {
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
	w.config(strings.Replace(worldtest.OneRelay, "unix:DIR/relay", address, 1))
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
	peertest.WaitFor(w.T, "new clients are refused", func() bool {
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
	if _, err := w.Mailbox.Wait(hang); err != nil {
		t.Error(err)
	}
	must(t, <-done)
}

// TestReload goes over to a new configuration, and stays with the old one when the new one is
// wrong.
func TestReload(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.config(worldtest.OneRelay)
	r := w.start("relay")
	w.config(worldtest.OneRelay + "[on]\nno-rul = \"reject\"\n")
	w.reload(r, `unknown key \"on.no-rul\"; did you mean \"on.no-rule\"?`)
	if err := w.submit("carol@example.com"); err != nil {
		t.Errorf("after a refused reload: %v", err)
	}
	w.Mailbox.Wait(hang)
	w.config(worldtest.OneRelay + "[on]\nno-rule = \"reject\"\n")
	w.reload(r, "msg=reloaded")
	if err := w.submit("carol@example.com"); err == nil || !strings.HasPrefix(err.Error(), "550 ") {
		t.Errorf("after a reload: %v, want 550", err)
	}
	// A listener that cannot be opened stops the reload, too, and leaves no socket behind.
	second := strings.Replace(worldtest.OneRelay, "DIR/relay", "DIR/second", 1)
	w.config(worldtest.OneRelay + second + strings.Replace(worldtest.OneRelay, "DIR/relay", "DIR/nowhere/third", 1))
	w.reload(r, "the folder of the socket does not exist")
	if _, err := os.Stat(w.Path("second")); !os.IsNotExist(err) {
		t.Errorf("a socket of the refused configuration is there: %v", err)
	}
	if err := w.submit("carol@example.com"); err == nil {
		t.Error("the old configuration does not stay")
	}
	// The old listener goes, the new one comes.
	w.config(second)
	w.reload(r, "msg=reloaded")
	if _, err := os.Stat(w.Path("relay")); !os.IsNotExist(err) {
		t.Errorf("a socket that is not configured any more is left: %v", err)
	}
	if _, err := os.Stat(w.Path("second")); err != nil {
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
	w.config(worldtest.OneRelay)
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
			case <-w.Mailbox.Mail:
			case <-ctx.Done():
			}
		}
		for range len(w.Mailbox.Mail) {
			<-w.Mailbox.Mail
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
		case <-w.Mailbox.Mail:
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
		"unix:DIR/mailbox":    "dnseal.toml:16: listen unix:" + w.Path("mailbox") + ": socket ",
		"unix:DIR/anchor":     "a file that is not a socket is in the way; move it",
		"unix:DIR/none/relay": "the folder of the socket does not exist; make it",
	} {
		w.config(strings.Replace(worldtest.OneRelay, "unix:DIR/relay", listen, 1))
		err := newService("relay", w.Path("dnseal.toml"), io.Discard).run(t.Context(), nil)
		if err == nil || !strings.Contains(err.Error(), strings.ReplaceAll(want, "DIR", w.Dir)) || strings.Contains(err.Error(), "\n") {
			t.Errorf("listen %s: %v, want %q", listen, err, want)
		}
	}
}
