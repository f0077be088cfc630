package smime

import (
	"bytes"
	"crypto"
	"errors"
	"fmt"
	"strings"
	"testing"

	"dnseal/smime/cms"
	"dnseal/smime/cms/enveloped"
	"dnseal/smime/message"
)

// keysOf are what signers decrypt with.
func keysOf(signers ...cms.Signer) DecryptOptions {
	var opts DecryptOptions
	for _, s := range signers {
		opts.Keys = append(opts.Keys, enveloped.Key{Private: s.Key.(crypto.PrivateKey), Certificate: s.Certificate})
	}
	return opts
}

// to encrypts for signers by a cipher.
func to(cipher enveloped.Cipher, signers ...cms.Signer) *EncryptOptions {
	opts := &EncryptOptions{Cipher: cipher}
	for _, s := range signers {
		opts.Recipients = append(opts.Recipients, enveloped.Recipient{Certificate: s.Certificate})
	}
	return opts
}

func encrypt(tb testing.TB, msg string, opts EncryptOptions) string {
	tb.Helper()
	m := mustRead(tb, msg)
	edit, err := Encrypt(tb.Context(), m, opts)
	if err != nil {
		tb.Fatalf("Encrypt: %v", err)
	}
	return written(tb, m, edit)
}

func written(tb testing.TB, m *message.Message, edit *message.Edit) string {
	tb.Helper()
	defer edit.Close()
	var out bytes.Buffer
	if _, err := m.WriteEdited(&out, edit); err != nil {
		tb.Fatal(err)
	}
	return out.String()
}

func verifyWith(tb testing.TB, msg string, keys DecryptOptions) *Report {
	tb.Helper()
	report, err := VerifyWith(tb.Context(), mustRead(tb, msg), VerifyOptions{Decrypt: keys})
	if err != nil {
		tb.Fatalf("VerifyWith: %v", err)
	}
	return report
}

func decrypted(tb testing.TB, msg string, keys DecryptOptions) (string, *Decrypted) {
	tb.Helper()
	m := mustRead(tb, msg)
	d, err := Decrypt(tb.Context(), m, keys)
	if err != nil {
		tb.Fatalf("Decrypt: %v", err)
	}
	return written(tb, m, d.Edit), d
}

var ciphers = []enveloped.Cipher{"", enveloped.AES256CBC, enveloped.AES128GCM, enveloped.ChaCha20Poly1305}

// What was signed and encrypted is read with the key, and its signature holds.
func TestSignEncrypt(t *testing.T) {
	t.Parallel()
	for _, cipher := range ciphers {
		for _, opaque := range []bool{false, true} {
			out := sign(t, crlf(simple), SignOptions{Opaque: opaque, Encrypt: to(cipher, bob(), carol()), FullSelfCheck: true})
			for _, secret := range []string{"Grüße", "=C3=BC", "H=C3=A4llo", "multipart/signed"} {
				if strings.Contains(out, secret) {
					t.Errorf("%s: %q is in clear", cipher, secret)
				}
			}
			for _, who := range []cms.Signer{bob(), carol()} {
				r := verifyWith(t, out, keysOf(who))
				if why := broken(r); why != "" {
					t.Fatalf("%s, opaque %t: %s", cipher, opaque, why)
				}
				s := r.Signatures[0]
				if s.HeaderProtection != ProtectionCipher || s.HeaderState != HeaderProtected || len(s.Differences) > 0 || len(s.ProtectedFrom) != 1 {
					t.Errorf("header %s %s, differences %q", s.HeaderProtection, s.HeaderState, s.Differences)
				}
				e := r.Encryptions
				if len(e) != 1 || e[0].Err != nil || e[0].Content.Authenticated != cipher.Authenticated() || e[0].Content.Recipients != 2 || e[0].Changed != "" {
					t.Errorf("encryptions %+v", e[0])
				}
				clear, _ := decrypted(t, out, keysOf(who))
				if !strings.Contains(clear, "\r\nSubject: =?utf-8?") && !strings.Contains(clear, "\r\nSubject: Grüße") || strings.Contains(clear, "\r\nSubject: [...]\r\n\r\n") {
					t.Errorf("the Subject is not put back:\n%s", clear)
				}
				if s := holds(t, clear).Signatures[0]; s.HeaderState != HeaderProtected {
					t.Errorf("decrypted, the header is %s: %q", s.HeaderState, s.Differences)
				}
			}
			if r := verifyWith(t, out, keysOf(alice())); r.Kind != KindEncrypted || len(r.Signatures) > 0 || !errors.Is(r.Encryptions[0].Err, enveloped.ErrNoKey) {
				t.Errorf("with another key: %s, %v", r.Kind, r.Encryptions[0].Err)
			}
			if r := verify(t, out); r.Kind != KindEncrypted || len(r.Encryptions) > 0 {
				t.Errorf("without keys: %s", r.Kind)
			}
		}
	}
}

// The state of the header is compared with what the sender put outside.
func TestHiddenHeader(t *testing.T) {
	t.Parallel()
	msg := strings.Replace(crlf(simple), "Date:", "Keywords: plans\r\nComments: of mine\r\nDate:", 1)
	out := sign(t, msg, SignOptions{Encrypt: to("", bob())})
	for _, c := range []struct {
		name, from, to string
		state          HeaderState
	}{
		{"as sent", "", "", HeaderProtected},
		{"a list's prefix", "Subject: [...]", "Subject: [list] [...]", HeaderProtected},
		{"put back", "Subject: [...]", "Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=", HeaderProtected},
		{"another Subject", "Subject: [...]", "Subject: Hello", HeaderChanged},
		{"another author", "From: Alice <alice@example.org>", "From: Eve <eve@example.org>", HeaderChanged},
		{"another recipient", "To: bob@example.net", "To: eve@example.net", HeaderChanged},
		{"a Reply-To", "To: bob@example.net", "To: bob@example.net\r\nReply-To: eve@example.org", HeaderChanged},
		{"no recipient", "To: bob@example.net\r\n", "", HeaderChanged},
	} {
		changed := strings.Replace(out, c.from, c.to, 1)
		r := verifyWith(t, changed, keysOf(bob()))
		if why := broken(r); why != "" {
			t.Fatalf("%s: %s", c.name, why)
		}
		s := r.Signatures[0]
		if s.HeaderState != c.state {
			t.Errorf("%s: the header is %s, differences %q", c.name, s.HeaderState, s.Differences)
		}
		if s.RestoreHeader() != nil {
			t.Errorf("%s: hidden fields would be put outside", c.name)
		}
	}
	if strings.Contains(out, "plans") || strings.Contains(out, "of mine") || strings.Contains(out, "secret@") && !strings.Contains(out, "\r\nBcc: secret@") {
		t.Errorf("in clear:\n%s", out)
	}
}

// What is only encrypted says nothing about its author, and is read back.
func TestEncryptOnly(t *testing.T) {
	t.Parallel()
	for _, cipher := range ciphers {
		out := encrypt(t, crlf(simple), *to(cipher, carol()))
		r := verifyWith(t, out, keysOf(carol()))
		if r.Kind != KindNone || r.Code != "" || len(r.Signatures) > 0 || len(r.Encryptions) != 1 || r.Encryptions[0].Err != nil {
			t.Errorf("%s: %s %s", cipher, r.Kind, r.Reason)
		}
		if h := r.Hidden; len(h) == 0 || !h[0].Is("Subject") || strings.Contains(h[0].Value(), "[...]") {
			t.Errorf("%s: hidden: %v", cipher, h)
		}
		if h := verifyWith(t, out, DecryptOptions{}).Hidden; len(h) > 0 {
			t.Errorf("%s: hidden, and not opened: %v", cipher, h)
		}
		clear, d := decrypted(t, out, keysOf(carol()))
		if d.Signed || !strings.Contains(clear, "H=C3=A4llo") || strings.Contains(clear, "[...]") {
			t.Errorf("%s: signed %t:\n%s", cipher, d.Signed, clear)
		}
	}
	// What is signed already is encrypted as it is.
	signed := sign(t, crlf(simple), SignOptions{})
	out := encrypt(t, signed, *to("", bob()))
	if why := broken(verifyWith(t, out, keysOf(bob()))); why != "" {
		t.Error(why)
	}
	m := mustRead(t, out)
	if _, err := Encrypt(t.Context(), m, *to("", bob())); !errors.Is(err, ErrAlreadySecured) {
		t.Errorf("encrypted twice: %v", err)
	}
}

// Layers are opened to a limit, signatures between them included.
func TestDecryptNested(t *testing.T) {
	t.Parallel()
	inner := sign(t, crlf(simple), SignOptions{Encrypt: to("", bob())})
	again := to(enveloped.AES128GCM, carol())
	again.Again = true
	for name, c := range map[string]struct {
		msg        string
		signatures int
	}{
		"encrypted twice":           {encrypt(t, inner, *again), 1},
		"signed around encryption":  {sign(t, inner, SignOptions{Again: true, Signers: []cms.Signer{dave()}}), 2},
		"signed, encrypted, signed": {sign(t, inner, SignOptions{Again: true, Opaque: true, Signers: []cms.Signer{dave()}}), 2},
	} {
		r := verifyWith(t, c.msg, keysOf(bob(), carol()))
		if why := broken(r); why != "" || len(r.Signatures) != c.signatures {
			t.Errorf("%s: %s, %d signatures", name, why, len(r.Signatures))
		}
		clear, _ := decrypted(t, c.msg, keysOf(bob(), carol()))
		if s := holds(t, clear).Signatures; len(s) != 1 {
			t.Errorf("%s: %d signatures", name, len(s))
		}
	}
	deep := inner
	for range maxLayers {
		deep = encrypt(t, deep, *again)
	}
	if r := verifyWith(t, deep, keysOf(bob(), carol())); r.Code != "limit:layers" {
		t.Errorf("%d layers: %q", maxLayers+1, r.Code)
	}
	if _, err := Decrypt(t.Context(), mustRead(t, deep), keysOf(bob(), carol())); err == nil {
		t.Errorf("%d layers are decrypted", maxLayers+1)
	}
	for _, msg := range []string{crlf(simple), sign(t, crlf(simple), SignOptions{})} {
		if _, err := Decrypt(t.Context(), mustRead(t, msg), keysOf(bob())); !errors.Is(err, ErrNotEncrypted) {
			t.Errorf("not encrypted: %v", err)
		}
	}
}

// A part that is encrypted beside others in clear is not opened: together they could send it away
// (EFAIL).
func TestEncryptedPart(t *testing.T) {
	t.Parallel()
	out := encrypt(t, crlf(simple), EncryptOptions{Recipients: to("", bob()).Recipients, NoHeaderProtection: true})
	_, object, _ := strings.Cut(out, "\r\n\r\n")
	mixed := "From: alice@example.org\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" +
		"--b\r\nContent-Type: text/html\r\n\r\n<p>\r\n" +
		"--b\r\nContent-Type: application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m\r\nContent-Transfer-Encoding: base64\r\n\r\n" + object +
		"\r\n--b--\r\n"
	r := verifyWith(t, mixed, keysOf(bob()))
	if len(r.Encryptions) > 0 || len(r.Sealed) != 1 || r.Kind != KindNone {
		t.Errorf("%s, sealed %q, %d opened", r.Kind, r.Sealed, len(r.Encryptions))
	}
	if _, err := Decrypt(t.Context(), mustRead(t, mixed), keysOf(bob())); !errors.Is(err, ErrNotEncrypted) {
		t.Error(err)
	}
}

// A changed octet of what is authenticated gives nothing; under CBC a signature inside does not
// hold, and what shows that a message without one was changed is told.
func TestEncryptedChanged(t *testing.T) {
	t.Parallel()
	for _, cipher := range ciphers {
		out := sign(t, crlf(simple), SignOptions{Encrypt: to(cipher, bob())})
		head, body, _ := strings.Cut(out, "\r\n\r\n")
		for _, at := range []int{len(body) / 2, len(body) * 2 / 3, len(body) - 40} {
			other := byte('A')
			if body[at] == other {
				other = 'B'
			}
			if body[at] == '\r' || body[at] == '\n' {
				continue
			}
			changed := head + "\r\n\r\n" + body[:at] + string(other) + body[at+1:]
			r := verifyWith(t, changed, keysOf(bob()))
			good := broken(r) == ""
			opened := len(r.Encryptions) == 1 && r.Encryptions[0].Err == nil
			if good || opened && cipher.Authenticated() {
				t.Errorf("%s: octet %d changed: opened %t, good %t", cipher, at, opened, good)
			}
			if cipher.Authenticated() && !errors.Is(r.Encryptions[0].Err, enveloped.ErrDecrypt) {
				t.Errorf("%s: octet %d changed: %v", cipher, at, r.Encryptions[0].Err)
			}
		}
	}
}

// changedInside knows the header of a text that a change under CBC went through.
func TestChangedInside(t *testing.T) {
	t.Parallel()
	for text, changed := range map[string]bool{
		"Content-Type: text/plain\r\n\r\nHello\r\n":                   false,
		"Content-Type: text/html\r\nX: \x8f\x02\xa1q\r\n\r\n<p>":      true,
		"\x01\x02\x03\r\n\r\n<p>":                                     true,
		"Content-Type: text/plain\r\nSubject: Grüße\r\n\r\nHello\r\n": false,
		"Content-Type: text/plain\r\nX: \x7f\r\n\r\nHello\r\n":        true,
		"\r\nHello\r\n": false,
		"Hello":         true,
		"Content-Type: text/html\r\n\x8f\x02\xa1qabc\r\n\r\n<p>": true,
	} {
		r := verifyWith(t, encryptRaw(t, text), keysOf(bob()))
		if len(r.Encryptions) != 1 || r.Encryptions[0].Err != nil || (r.Encryptions[0].Changed != "") != changed {
			t.Errorf("%q: %+v", text, r.Encryptions)
		}
	}
}

// Contents shows what was encrypted as it is inside.
func TestDecryptedContents(t *testing.T) {
	t.Parallel()
	out := sign(t, crlf(simple), SignOptions{Encrypt: to(enveloped.AES256GCM, bob()), Opaque: true})
	m := mustRead(t, out)
	r, err := VerifyWith(t.Context(), m, VerifyOptions{Decrypt: keysOf(bob())})
	if err != nil {
		t.Fatal(err)
	}
	c, err := r.Contents(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var roles []string
	for p := c.Root; ; p = p.Parts[0] {
		roles = append(roles, fmt.Sprintf("%s %s", p.Role, p.Type))
		if len(p.Parts) == 0 {
			break
		}
	}
	want := "decrypted application/pkcs7-mime, signed application/pkcs7-mime,  text/plain"
	if got := strings.Join(roles, ", "); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// What a message that is attached hides is not put back as if it were of the one around it.
func TestDecryptAttached(t *testing.T) {
	t.Parallel()
	attached, _ := decrypted(t, sign(t, crlf(simple), SignOptions{Encrypt: to("", bob())}), keysOf(bob()))
	around := "From: carol@example.com\r\nSubject: Mine\r\nDate: Tue, 24 Nov 2026 10:00:00 +0000\r\nMIME-Version: 1.0\r\n" +
		"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n" + attached + "\r\n--b--\r\n"
	for _, without := range []bool{false, true} {
		opts := to("", carol())
		opts.NoHeaderProtection = without
		clear, _ := decrypted(t, encrypt(t, around, *opts), keysOf(carol()))
		header, _, _ := strings.Cut(clear, "\r\n\r\n")
		if !strings.Contains(header, "Subject: Mine") || strings.Contains(header, "Gr") {
			t.Errorf("without header protection %t: the header is\n%s", without, header)
		}
	}
}
