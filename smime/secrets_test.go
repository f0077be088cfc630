package smime

import (
	"io"
	"regexp"
	"strings"
	"testing"

	"dnseal/smime/cms/enveloped"
	"dnseal/smime/message"
)

// A field that names a hidden recipient, wherever it is written; the letters alone are in one
// ciphertext of a hundred.
var bccField = regexp.MustCompile(`bcc[ \t]*:`)

// Nobody learns from an encrypted message of whom it does not name (RFC 5322, Section 3.6.3): the
// fields that name him do not go out, with header protection or without.
func TestNoBcc(t *testing.T) {
	t.Parallel()
	msg := "Bcc: eve@example.org\r\nbcc : Mallory <mallory@example.org>\r\nResent-Bcc:\r\n eve@example.org\r\n" + crlf(simple)
	for _, plain := range []bool{false, true} {
		opts := to(enveloped.AES128GCM, bob())
		opts.NoHeaderProtection = plain
		for name, out := range map[string]string{
			"signed":    sign(t, msg, SignOptions{NoHeaderProtection: plain, Encrypt: opts}),
			"unsigned":  encrypt(t, msg, *opts),
			"as it was": encrypt(t, sign(t, msg, SignOptions{}), *opts),
		} {
			clear, _ := decrypted(t, out, keysOf(bob()))
			for _, text := range []string{out, clear} {
				if lower := strings.ToLower(text); bccField.MatchString(lower) || strings.Contains(lower, "eve@") || strings.Contains(lower, "mallory") {
					t.Errorf("%s, without header protection %t:\n%s", name, plain, text)
				}
			}
		}
	}
}

// Who encrypts writes no field into the header that the reader is shown: what describes the body
// is put there in lines that every system takes for the same, or not at all.
func TestDecryptedFields(t *testing.T) {
	t.Parallel()
	for _, field := range []string{
		"Content-Description: x\rAuthentication-Results: mx.example.org; smime=pass", "Content-X: y\x00z", "Content-Y: y\x0bFrom: z",
		"Content-Type: text/plain\r\rFrom: a", "Content-Language: \x1ede", "Content-Z: " + strings.Repeat("z", 62000),
	} {
		inner := field + "\r\nContent-Transfer-Encoding: 7bit\r\n\r\nHello\r\n"
		out := encryptRaw(t, inner)
		clear, _ := decrypted(t, out, keysOf(bob()))
		head, body, _ := strings.Cut(clear, "\r\n\r\n")
		rest := strings.ReplaceAll(head, "\r\n", "")
		if strings.ContainsAny(rest, "\r\n\x00\x0b\x1e") || len(head) > 60000 || body != "Hello\r\n" || !strings.Contains(head, "\r\nContent-Transfer-Encoding: 7bit") {
			t.Errorf("%.80q becomes %.400q, %q", field, head, body)
		}
	}
}

// encryptRaw encrypts a text as it stands.
func encryptRaw(tb testing.TB, text string) string {
	tb.Helper()
	content := message.NewSecretSpool(0)
	defer content.Close()
	if err := enveloped.Encrypt(content, strings.NewReader(text), int64(len(text)), enveloped.EncryptOptions{Recipients: to("", bob()).Recipients}); err != nil {
		tb.Fatal(err)
	}
	der, err := io.ReadAll(content.Open())
	if err != nil {
		tb.Fatal(err)
	}
	return "From: a@example.org\r\nContent-Type: application/pkcs7-mime\r\n\r\n" + string(der)
}

// Outlook repeats the Subject in Thread-Topic, where it is hidden and put back as that is.
func TestThreadTopic(t *testing.T) {
	t.Parallel()
	msg := "Thread-Topic: Plans\r\nThread-Index: AdQ=\r\n" + crlf(simple)
	for name, out := range map[string]string{
		"signed":   sign(t, msg, SignOptions{Encrypt: to(enveloped.AES128GCM, bob())}),
		"unsigned": encrypt(t, msg, *to(enveloped.AES128GCM, bob())),
	} {
		clear, _ := decrypted(t, out, keysOf(bob()))
		if strings.Contains(out, "Plans") || !strings.Contains(clear, "\r\nThread-Topic: Plans\r\n") {
			t.Errorf("%s: %.500s\n%.500s", name, out, clear)
		}
	}
	r := verifyWith(t, sign(t, msg, SignOptions{Encrypt: to(enveloped.AES128GCM, bob())}), keysOf(bob()))
	if s := r.Signatures[0]; s.HeaderState != HeaderProtected || len(s.Differences) > 0 {
		t.Errorf("the header is %s: %q", s.HeaderState, s.Differences)
	}
}
