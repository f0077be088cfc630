package smime_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// neomutt is the program neomutt, at a terminal that script makes for it. Its cryptography is that
// of gpgsm through GPGME.
type neomutt struct{ gnuPG }

func newNeomutt(t *testing.T, root string, ids map[string]*peerIdentity) mailProgram {
	t.Helper()
	p := neomutt{newGnuPG(t, root, ids).(gnuPG)}
	p.env = append(p.env, "TERM=xterm", "HOME="+p.dir, "LINES=50", "COLUMNS=200", "EMAIL=alice@example.org")
	return p
}

const neomuttSettings = `
set crypt_use_gpgme = yes
set smime_is_default = yes
set crypt_verify_sig = yes
set wait_key = no
set quit = yes
set mail_check = 0
set mbox_type = Maildir
set folder = "."
set spool_file = ""
set record = ""
set sort = unsorted
set timeout = 1
set display_filter = "tee shown"
set sendmail = "./sendmail"
set editor = true
set auto_edit = yes
set fast_reply = yes
set abort_unmodified = no
set abort_noattach = no
set crypt_auto_sign = yes
set crypt_protected_headers_write = yes
`

func (p neomutt) verifyMail(t *testing.T, _ *peerIdentity, text []byte) error {
	t.Helper()
	must(t, os.RemoveAll(filepath.Join(p.dir, "box")))
	for _, dir := range []string{"box/cur", "box/new", "box/tmp"} {
		must(t, os.MkdirAll(filepath.Join(p.dir, dir), 0o700))
	}
	_ = os.Remove(filepath.Join(p.dir, "shown"))
	p.write(t, "box/cur/1.1.1:2,", []byte(strings.ReplaceAll(string(text), "\r\n", "\n")))
	p.write(t, "rc", []byte(neomuttSettings+"push <display-message>qq\n"))
	p.stdin = ""
	var shown []byte
	// It crashes at its start now and then, before it has read the message.
	for range 3 {
		_, err := p.run(t, "script", "-qec", "exec timeout 60 neomutt -n -F rc -f box", "/dev/null")
		if shown, err = p.produced("shown", err); err == nil {
			break
		}
		t.Log(err)
	}
	if strings.Contains(string(shown), "Good signature from") && !strings.Contains(string(shown), "BAD") {
		return nil
	}
	return errors.New(string(shown))
}

// mailer stands in for sendmail.
const mailer = "#!/bin/sh\nexec cat >sent\n"

func (p neomutt) signMail(t *testing.T, _ row, id *peerIdentity, opaque bool) ([]byte, error) {
	t.Helper()
	if opaque {
		return nil, errClearOnly
	}
	must(t, os.WriteFile(filepath.Join(p.dir, "sendmail"), []byte(mailer), 0o700))
	_ = os.Remove(filepath.Join(p.dir, "sent"))
	p.write(t, "rc", []byte(neomuttSettings+"set smime_sign_as = "+id.fingerprint()+"\n"))
	p.write(t, "body", []byte(strings.ReplaceAll(peerText, "\r\n", "\n")))
	out, err := p.atTerminal(t, neomuttCompose, "y:Send", "y")
	sent, err := p.produced("sent", err)
	if err != nil {
		// It looks for another key of the same address then, and finds several.
		if strings.Contains(out, "specification of secret key") {
			return nil, errors.New("No secret key")
		}
		return nil, errors.New(out[max(0, len(out)-500):])
	}
	return withCRLF(sent), nil
}

// neomuttCompose composes a message up to the menu.
const neomuttCompose = "neomutt -n -F rc -s noon -i body bob@example.net"

// atTerminal runs a program, and types keys when a word is there: what is typed before that is
// lost. It returns what was shown.
func (w workshop) atTerminal(t *testing.T, command, word, keys string) (string, error) {
	t.Helper()
	cmd := w.command(t.Context(), t, "script", "-qec", "exec timeout 20 "+command, "/dev/null")
	cmd.Env = append(os.Environ(), w.env...)
	keyboard, err := cmd.StdinPipe()
	must(t, err)
	screen, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	var shown strings.Builder
	pressed := false
	for buf := make([]byte, 4096); err == nil; {
		var n int
		n, err = screen.Read(buf)
		shown.Write(buf[:n])
		if !pressed && strings.Contains(shown.String(), word) {
			_, _ = keyboard.Write([]byte(keys))
			pressed = true
		}
	}
	return shown.String(), cmd.Wait()
}
