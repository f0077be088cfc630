package service

import (
	"bytes"
	"net"
	"net/smtp"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dnseal/lookup/lookuptest/peertest"
	"dnseal/sender"
	"dnseal/sender/identity"
	"dnseal/sender/identity/decryption"
	"dnseal/smime"
	"dnseal/smime/cms/enveloped"
	"dnseal/smime/message"
)

// TestDecrypt: a relay delivers mail decrypted to whom it is encrypted, in a form of his own, and
// keeps it as it came. Carol, whose mail is decrypted too, is not one of those.
func TestDecrypt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if _, err := identity.Create(w.Path("keys"), "bob@example.net", identity.CreateOptions{Use: identity.UseEncrypt}); err != nil {
		t.Fatal(err)
	}
	if _, err := identity.Create(w.Path("keys"), "carol@example.net", identity.CreateOptions{Use: identity.UseEncrypt}); err != nil {
		t.Fatal(err)
	}
	w.config(inbound + "[[route]]\nto = [\"*@example.net\"]\ndecrypt = true\n[verify]\nkeep-encrypted = \"DIR/kept\"\n")
	r := w.start("relay")
	text := w.encrypted()
	clear, sealed := w.twoForms(text)
	for want, got := range map[string]string{
		"smime=pass": clear, "decrypted aes-128-gcm": clear, "\r\nSubject: Plans\r\n": clear, "Attack at dawn": clear,
		"smime=none": sealed, "smime-type=authEnveloped-data": sealed, "\r\nSubject: [...]\r\n": sealed,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in\n%s", want, got)
		}
	}
	kept, err := filepath.Glob(w.Path("kept/*.eml"))
	must(t, err)
	if len(kept) != 1 {
		t.Fatalf("%d messages are kept", len(kept))
	}
	as, err := os.ReadFile(kept[0])
	must(t, err)
	if !bytes.HasSuffix(as, text[bytes.Index(text, []byte("\r\n\r\n")):]) || bytes.Contains(as, []byte("at dawn")) {
		t.Errorf("kept is\n%s", as)
	}
	must(t, r.stop())
	if strings.Contains(r.log.String(), "at dawn") || strings.Contains(r.log.String(), "Plans") {
		t.Error("the log has what was encrypted")
	}
}

// TestDecryptBy: who may read mail to an identity gets it decrypted.
func TestDecryptBy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if _, err := identity.Create(w.Path("keys"), "bob@example.net", identity.CreateOptions{Use: identity.UseEncrypt}); err != nil {
		t.Fatal(err)
	}
	w.config(inbound + "[[route]]\nto = [\"carol@example.net\"]\ndecrypt = true\ndecrypt-by = [\"bob@EXAMPLE.net\"]\n")
	w.start("relay")
	must(t, w.hand("carol@example.net", w.encrypted()))
	if mail := string(<-w.Mailbox.Mail); !strings.Contains(mail, "at dawn") {
		t.Error(mail)
	}
}

// TestDecryptLive: a key that is made while the relay runs opens mail without a reload.
func TestDecryptLive(t *testing.T) {
	t.Parallel()
	w := decrypting(t, "")
	w.start("relay")
	must(t, os.RemoveAll(w.Path("keys/bob@example.net")))
	if _, err := identity.Create(w.Path("keys"), "bob@example.net", identity.CreateOptions{Use: identity.UseEncrypt}); err != nil {
		t.Fatal(err)
	}
	text := w.encrypted()
	peertest.WaitFor(t, "decryption", func() bool {
		must(t, w.hand("bob@example.net", text))
		return strings.Contains(string(<-w.Mailbox.Mail), "at dawn")
	})
}

// encrypted is a message from alice to bob, signed and encrypted.
func (w *world) encrypted() []byte {
	w.T.Helper()
	id, err := identity.Load(w.Path("keys"), "alice@example.org")
	must(w.T, err)
	keys, err := decryption.Load(identity.Loader{}, w.Path("keys"), "bob@example.net")
	must(w.T, err)
	m, err := message.Read(strings.NewReader("From: alice@example.org\r\nTo: bob@example.net\r\nSubject: Plans\r\n\r\nAttack at dawn.\r\n"), message.ReadOptions{})
	must(w.T, err)
	defer m.Close()
	to := &smime.EncryptOptions{Recipients: []enveloped.Recipient{{Certificate: keys[0].Certificate}}, Cipher: enveloped.AES128GCM}
	edit, err := sender.SignMessage(w.T.Context(), m, []*identity.Identity{id}, smime.SignOptions{Time: time.Now(), Encrypt: to})
	must(w.T, err)
	defer edit.Close()
	var out bytes.Buffer
	_, err = m.WriteEdited(&out, edit)
	must(w.T, err)
	return out.Bytes()
}

// twoForms hands a message in for bob and carol, and takes that of each from the mailbox.
func (w *world) twoForms(text []byte) (bob, carol string) {
	w.T.Helper()
	conn, err := net.Dial("unix", w.Path("relay"))
	must(w.T, err)
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(hang))
	c, err := smtp.NewClient(conn, "relay")
	must(w.T, err)
	must(w.T, c.Mail("alice@example.org"))
	must(w.T, c.Rcpt("bob@example.net"))
	must(w.T, c.Rcpt("carol@example.net"))
	data, err := c.Data()
	must(w.T, err)
	_, err = data.Write(text)
	must(w.T, err)
	must(w.T, data.Close())
	for range 2 {
		if mail := string(<-w.Mailbox.Mail); strings.Contains(mail, "smime-type=authEnveloped-data") {
			carol = mail
		} else {
			bob = mail
		}
	}
	must(w.T, c.Quit())
	return bob, carol
}
