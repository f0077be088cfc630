package service

import (
	"bytes"
	"encoding/base64"
	"errors"
	"net"
	"net/smtp"
	"net/textproto"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dnseal/sender/identity"
	"dnseal/sender/identity/decryption"
	"dnseal/smime/cms/enveloped"
	"dnseal/smime/message"
)

// decrypting is a world whose relay delivers mail to bob decrypted.
func decrypting(t *testing.T, settings string) *world {
	t.Helper()
	w := newWorld(t)
	if _, err := identity.Create(w.Path("keys"), "bob@example.net", identity.CreateOptions{Use: identity.UseEncrypt}); err != nil {
		t.Fatal(err)
	}
	w.config(inbound + settings + "\n[[route]]\nto = [\"bob@example.net\"]\ndecrypt = true\n[verify]\nkeep-encrypted = \"DIR/kept\"\n")
	return w
}

// TestDecryptMemory: what would need memory that others use is deferred, not delivered encrypted;
// what needs none is delivered.
func TestDecryptMemory(t *testing.T) {
	t.Parallel()
	w := decrypting(t, "timeouts = { handle = \"4s\" }\n")
	r := w.start("relay")
	release, err := r.memory.Take(t.Context(), message.DefaultMemory)
	must(t, err)
	text := w.encrypted()
	reply, ok := errors.AsType[*textproto.Error](w.hand("bob@example.net", text))
	if !ok || reply.Code != 451 {
		t.Errorf("%v", reply)
	}
	// Nothing is held for content that carol gets as it is.
	must(t, w.hand("carol@example.net", text))
	<-w.Mailbox.Mail
	release()
	must(t, w.hand("bob@example.net", text))
	if mail := string(<-w.Mailbox.Mail); !strings.Contains(mail, "Attack at dawn") {
		t.Error(mail)
	}
}

// TestDecryptTooLarge: content over the limit is delivered as it came, and not kept.
func TestDecryptTooLarge(t *testing.T) {
	t.Parallel()
	w := decrypting(t, "max-bytes = 200000000\n")
	r := w.start("relay")
	must(t, w.hand("bob@example.net", w.large(enveloped.DefaultMaxContent+1)))
	if mail := <-w.Mailbox.Mail; bytes.Contains(mail, []byte("at dawn")) || !bytes.Contains(mail[:1024], []byte("smime=none (encrypted)")) {
		t.Errorf("%s", mail[:1024])
	}
	must(t, r.stop())
	if kept, err := filepath.Glob(w.Path("kept/*.eml")); err != nil || len(kept) > 0 {
		t.Errorf("%v, %v", kept, err)
	}
	if n := strings.Count(r.log.String(), "not_decrypted="); n != 1 {
		t.Errorf("the log says %d times that it was not decrypted", n)
	}
}

// large is a message to bob with this much content, encrypted and not signed.
func (w *world) large(size int) []byte {
	w.T.Helper()
	keys, err := decryption.Load(identity.Loader{}, w.Path("keys"), "bob@example.net")
	must(w.T, err)
	const header = "Content-Type: text/plain\r\n\r\n"
	line := "Attack at dawn" + strings.Repeat(".", 50) + "\r\n"
	content := header + strings.Repeat(line, size/len(line)+1)
	var der bytes.Buffer
	must(w.T, enveloped.Encrypt(&der, strings.NewReader(content), int64(size), enveloped.EncryptOptions{
		Recipients: []enveloped.Recipient{{Certificate: keys[0].Certificate}}, Cipher: enveloped.AES128GCM, MaxContent: int64(size),
	}))
	var out bytes.Buffer
	out.WriteString("From: alice@example.org\r\nTo: bob@example.net\r\nSubject: x\r\nMIME-Version: 1.0\r\nContent-Type: application/pkcs7-mime; smime-type=enveloped-data\r\nContent-Transfer-Encoding: base64\r\n\r\n")
	lines := &lineWriter{w: &out}
	encoder := base64.NewEncoder(base64.StdEncoding, lines)
	_, err = der.WriteTo(encoder)
	must(w.T, errors.Join(err, encoder.Close()))
	out.WriteString("\r\n")
	return out.Bytes()
}

// hand hands a message in for one recipient.
func (w *world) hand(rcpt string, text []byte) error {
	w.T.Helper()
	conn, err := net.Dial("unix", w.Path("relay"))
	must(w.T, err)
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(hang))
	c, err := smtp.NewClient(conn, "relay")
	must(w.T, err)
	must(w.T, c.Mail("alice@example.org"))
	must(w.T, c.Rcpt(rcpt))
	data, err := c.Data()
	must(w.T, err)
	_, err = data.Write(text)
	must(w.T, err)
	return errors.Join(data.Close(), c.Quit())
}

// lineWriter breaks base64 into lines.
type lineWriter struct {
	w  *bytes.Buffer
	at int
}

func (l *lineWriter) Write(p []byte) (int, error) {
	total := len(p)
	for len(p) > 0 {
		n := min(76-l.at, len(p))
		l.w.Write(p[:n])
		if l.at, p = l.at+n, p[n:]; l.at == 76 {
			l.w.WriteString("\r\n")
			l.at = 0
		}
	}
	return total, nil
}
