//go:build unix

package service

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	gomilter "github.com/d--j/go-milter"

	"dnseal/cmd/internal/worldtest"
	"dnseal/lookup/lookuptest/peertest"
	"dnseal/receiver"
	"dnseal/sender/identity"
	"dnseal/sender/identity/tpm"
)

// aToken is a token with the key of alice@example.org. It can go away and come back.
type aToken struct {
	options    identity.CreateOptions // Passphrase is its PIN or password
	gone, back func()
	// cause is what the log says of a message while it is gone, refusal of a reload.
	cause, refusal string
}

// TestTPM: a relay and a milter sign with a key in a TPM, which is a process of its own here.
func TestTPM(t *testing.T) {
	dir := peertest.ShortDir(t)
	socket, process := peertest.SWTPMIn(t, dir)
	t.Setenv(tpm.Env, socket)
	tpm := &aToken{
		options: identity.CreateOptions{TPM: true, Passphrase: "open sesame"},
		gone:    func() { process.Kill(); must(t, os.Remove(socket)) },
		back:    func() { _, process = peertest.SWTPMIn(t, dir) },
		cause:   "there is no TPM at " + socket,
		refusal: "there is no TPM at " + socket,
	}
	t.Run("relay", tpm.testRelay)
	t.Run("milter", tpm.testMilter)
}

// world has the identity with its key on the token.
func (k *aToken) world(t *testing.T) *world {
	t.Helper()
	w := &world{worldtest.NewWith(t, k.options)}
	w.Write("keys/alice@example.org/password", k.options.Passphrase+"\n")
	return w
}

func (k *aToken) testRelay(t *testing.T) {
	w := k.world(t)
	w.config(worldtest.OneRelay)
	k.test(w, w.start("relay"), func(from string) (reply string, text []byte) {
		if err := w.submit(from); err != nil {
			return err.Error(), nil
		}
		text, err := w.Mailbox.Wait(hang)
		must(t, err)
		return "250", text
	})
	if len(w.Mailbox.Mail) > 0 {
		t.Errorf("a message too many: %s", <-w.Mailbox.Mail)
	}
}

func (k *aToken) testMilter(t *testing.T) {
	w := k.world(t)
	w.config(oneMilter)
	k.test(w, w.start("milter"), func(from string) (reply string, text []byte) {
		acts, a := w.connectMTA().send(from)
		if a.Type == gomilter.ActionAccept || a.Type == gomilter.ActionContinue {
			return "250", applied(from, acts)
		}
		return fmt.Sprintf("%d %s", a.SMTPCode, a.SMTPReply), nil
	})
}

// applied is the message that mta.send handed in, with the changes of a milter.
func applied(from string, acts []gomilter.ModifyAction) []byte {
	names, fields, body := []string{"From"}, map[string]string{"From": from}, "text\r\n"
	replaced := false
	for _, a := range acts {
		switch a.Type { //nolint:exhaustive // others are not expected
		case gomilter.ActionAddHeader, gomilter.ActionInsertHeader, gomilter.ActionChangeHeader:
			if _, there := fields[a.HeaderName]; !there {
				names = append(names, a.HeaderName)
			}
			fields[a.HeaderName] = a.HeaderValue
		case gomilter.ActionReplaceBody:
			if !replaced {
				body, replaced = "", true
			}
			body += string(a.Body)
		}
	}
	var text strings.Builder
	for _, name := range names {
		fmt.Fprintf(&text, "%s: %s\r\n", name, strings.ReplaceAll(strings.TrimSpace(fields[name]), "\n", "\r\n"))
	}
	return []byte(text.String() + "\r\n" + body)
}

// test lets the token of a daemon go away and come back, twice: between two messages, and over
// reloads.
func (k *aToken) test(w *world, r *running, send func(from string) (string, []byte)) {
	t := w.T
	t.Helper()
	signs := func() {
		t.Helper()
		var text []byte
		// SoftHSM is initialised anew before it shows a token that is back, every two seconds at
		// most.
		deadline := time.Now().Add(hang)
		for reply := ""; reply != "250"; time.Sleep(20 * time.Millisecond) {
			if reply, text = send("alice@example.org"); time.Now().After(deadline) {
				t.Fatalf("the reply is %q", reply)
			}
		}
		if got := w.verdict(text); got != receiver.Pass {
			t.Fatalf("verdict %s, want pass:\n%s", got, text)
		}
	}
	defers := func() {
		t.Helper()
		before := len(r.log.String())
		reply, text := send("alice@example.org")
		if !strings.HasPrefix(reply, "451 ") || text != nil {
			t.Errorf("while the token is gone the reply is %q:\n%s", reply, text)
		}
		log := r.log.String()[before:]
		if !strings.Contains(log, "class=sign-failed code=sign-failed") || !strings.Contains(log, k.cause) {
			t.Errorf("the log says\n%s, want %q", log, k.cause)
		}
		if strings.Contains(reply, k.cause) {
			t.Errorf("the client is told %q", reply)
		}
	}
	signs()
	k.gone()
	defers()
	// A stranger's mail goes through as before.
	if reply, text := send("carol@example.com"); reply != "250" || strings.Contains(string(text), "multipart/signed") {
		t.Errorf("mail of others: %q\n%s", reply, text)
	}
	k.back()
	signs()
	k.gone()
	w.reload(r, `msg="not reloaded, the old configuration stays"`)
	if log := r.log.String(); !strings.Contains(log[strings.LastIndex(log, "not reloaded"):], k.refusal) {
		t.Errorf("why it is not reloaded is not in the log:\n%s", log)
	}
	defers()
	k.back()
	signs() // without a reload
	w.reload(r, "msg=reloaded")
	signs()
	must(t, r.stop())
	if k.options.Passphrase != "" && strings.Contains(r.log.String(), k.options.Passphrase) {
		t.Errorf("the password is in the log:\n%s", r.log)
	}
}

// TestReloadThatHangs: a reload that waits, as for a token that does not answer, keeps systemd from
// ending the daemon, mail is signed meanwhile, and the daemon can be stopped.
func TestReloadThatHangs(t *testing.T) {
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(peertest.ShortDir(t), "notify"), Net: "unixgram"})
	must(t, err)
	defer conn.Close()
	t.Setenv("NOTIFY_SOCKET", conn.LocalAddr().String())
	t.Setenv("WATCHDOG_USEC", "20000")
	w := newWorld(t)
	w.config(worldtest.OneRelay)
	r := w.start("relay")
	// Roots that are a named pipe: they are waited for until something is written, ten seconds.
	roots := w.Path("roots")
	must(t, syscall.Mkfifo(roots, 0o600))
	w.config("pkix-roots = \"DIR/roots\"\n" + worldtest.OneRelay)
	release := func() {
		f, e := os.OpenFile(roots, os.O_RDWR, 0) // also where nobody waits any more
		must(t, e)
		_, e = f.WriteString("no certificate\n")
		must(t, e)
		must(t, f.Close())
	}
	next := func(want string) {
		t.Helper()
		must(t, conn.SetReadDeadline(time.Now().Add(hang)))
		for buf := make([]byte, 200); ; {
			n, e := conn.Read(buf)
			must(t, e)
			if string(buf[:n]) == want {
				return
			}
		}
	}
	r.hup <- os.Interrupt
	next(daemon.SdNotifyReloading)
	for range 3 {
		next(daemon.SdNotifyWatchdog)
	}
	must(t, w.submit("alice@example.org"))
	mail, err := w.Mailbox.Wait(hang)
	must(t, err)
	if got := w.verdict(mail); got != receiver.Pass {
		t.Errorf("verdict %s, want pass", got)
	}
	release()
	peertest.WaitFor(t, "the refusal", func() bool { return strings.Contains(r.log.String(), "not reloaded") })
	r.hup <- os.Interrupt
	next(daemon.SdNotifyReloading)
	must(t, r.stop())
	release()
}
