package service

import (
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"

	gomilter "github.com/d--j/go-milter"

	"dnseal/cmd/internal/worldtest"
	"dnseal/lookup/lookuptest/peertest"
)

const oneMilter = `
[[milter]]
role = "sign"
listen = "unix:DIR/milter"
`

// mta is an MTA's connection to the milter.
type mta struct {
	t testing.TB
	s *gomilter.ClientSession
}

func (w *world) connectMTA() *mta {
	w.T.Helper()
	s, err := gomilter.NewClient("unix", w.Path("milter")).Session(gomilter.NewMacroBag())
	must(w.T, err)
	w.T.Cleanup(func() { s.Close() })
	m := &mta{w.T, s}
	m.step(s.Conn("localhost", gomilter.FamilyInet, 2525, "127.0.0.1"))
	m.step(s.Helo("localhost"))
	return m
}

func (m *mta) step(a *gomilter.Action, err error) {
	m.t.Helper()
	must(m.t, err)
	if a.Type != gomilter.ActionContinue {
		m.t.Fatalf("the milter answered %v", a)
	}
}

// send hands in a small message and returns what the milter wants.
func (m *mta) send(from string) ([]gomilter.ModifyAction, *gomilter.Action) {
	m.t.Helper()
	m.step(m.s.Mail(from, ""))
	m.step(m.s.Rcpt("bob@example.net", ""))
	m.step(m.s.DataStart())
	m.step(m.s.HeaderField("From", from, nil))
	m.step(m.s.HeaderEnd())
	acts, a, err := m.s.BodyReadFrom(strings.NewReader("text\r\n"))
	must(m.t, err)
	return acts, a
}

// TestMilterService reloads between two messages of one connection of the MTA.
func TestMilterService(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.config(oneMilter)
	r := w.start("milter")
	m := w.connectMTA()
	acts, a := m.send("alice@example.org")
	if a.Type != gomilter.ActionAccept && a.Type != gomilter.ActionContinue {
		t.Fatalf("the milter answered %v", a)
	}
	signed := false
	for _, act := range acts {
		signed = signed || strings.EqualFold(act.HeaderName, "Content-Type") && strings.Contains(act.HeaderValue, "multipart/signed")
	}
	if !signed {
		t.Errorf("not signed: %v", acts)
	}
	w.config(oneMilter + "[on]\nno-rule = \"reject\"\n")
	w.reload(r, "msg=reloaded")
	if _, a = m.send("carol@example.com"); a.Type != gomilter.ActionRejectWithCode && a.Type != gomilter.ActionReject {
		t.Errorf("after the reload the milter answered %v, want a refusal", a)
	}
	// Other settings of the listener make a new server on the same socket; the connection goes on.
	w.config(oneMilter + "max-bytes = 5\n")
	w.reload(r, "msg=reloaded")
	if _, a = m.send("alice@example.org"); a.Type != gomilter.ActionAccept && a.Type != gomilter.ActionContinue {
		t.Errorf("the old connection got %v", a)
	}
	if _, a = w.connectMTA().send("alice@example.org"); a.SMTPCode != 552 {
		t.Errorf("a new connection got %v, want 552", a)
	}
	if body := w.get("/metrics"); !strings.Contains(body, `dnseal_messages_total{door="milter",reply="2",result="signed",role="sign"} 2`) {
		t.Errorf("messages are not counted:\n%s", body)
	}
	must(t, r.stop())
}

// TestSocketActivation runs the program as systemd does: with a socket that is open already.
// TestSignsWithoutRule: a listener that signs for nobody is a mistake that the log names.
func TestSignsWithoutRule(t *testing.T) {
	t.Parallel()
	for role, warned := range map[string]bool{"sign": true, "verify": false} {
		w := newWorld(t)
		w.Write("dnseal.toml", strings.ReplaceAll("identities = \"DIR/keys\"\n[[milter]]\nrole = \""+role+"\"\nlisten = \"unix:DIR/milter\"\n", "DIR", w.Dir))
		r := w.start("milter")
		if got := strings.Contains(r.log.String(), "level=WARN msg=\"nothing is signed"); got != warned {
			t.Errorf("role %s: warned %t, want %t:\n%s", role, got, warned, r.log)
		}
	}
}

func TestSocketActivation(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.config(oneMilter)
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: w.Path("milter"), Net: "unix"})
	must(t, err)
	defer l.Close()
	f, err := l.File()
	must(t, err)
	defer f.Close()
	log := &worldtest.Buffer{}
	cmd := exec.CommandContext(t.Context(), "sh", "-c", `LISTEN_PID=$$ exec "$0" "$1"`, os.Args[0], w.Path("dnseal.toml"))
	cmd.Env = append(os.Environ(), "DNSEAL_TEST_SERVICE=milter", "LISTEN_FDS=1")
	cmd.ExtraFiles = []*os.File{f}
	cmd.Stderr = log
	must(t, cmd.Start())
	peertest.WaitFor(w.T, "ready", func() bool {
		return strings.Contains(log.String(), "msg=ready") || strings.Contains(log.String(), "error")
	})
	if _, a := w.connectMTA().send("alice@example.org"); a == nil || a.Type == gomilter.ActionTempFail {
		t.Errorf("the milter answered %v\n%s", a, log)
	}
	must(t, cmd.Process.Signal(os.Interrupt))
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v\n%s", err, log)
	}
	if _, err := os.Stat(w.Path("milter")); err != nil {
		t.Errorf("systemd's socket was removed: %v", err)
	}
}
