package smime

import (
	"bytes"
	"crypto/aes"
	"crypto/x509"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"dnseal/smime/cms"
	"dnseal/smime/cms/enveloped"
	"dnseal/smime/message"
)

// resealed is what a recipient can make of a message that was signed and encrypted to him: the same
// signed content for somebody else, with an outer header of his own.
func resealed(tb testing.TB, msg string, from cms.Signer, header string, to ...enveloped.Recipient) string {
	tb.Helper()
	content := message.NewSecretSpool(0)
	defer content.Close()
	clear, _ := decrypted(tb, msg, keysOf(from))
	_, entity, _ := strings.Cut(clear, "MIME-Version: 1.0\r\n")
	// The signed entity as it was: what Decrypt puts back into the header is not in it.
	entity = "Content-Type:" + entity[strings.Index(entity, "Content-Type:")+len("Content-Type:"):]
	if head, body, ok := strings.Cut(entity, "\r\n\r\n"); ok {
		lines := strings.Split(head, "\r\nSubject:")
		entity = lines[0] + "\r\n\r\n" + body
	}
	var der bytes.Buffer
	if err := enveloped.Encrypt(&der, strings.NewReader(entity), int64(len(entity)), enveloped.EncryptOptions{Recipients: to, Cipher: enveloped.AES128GCM}); err != nil {
		tb.Fatal(err)
	}
	return header + "MIME-Version: 1.0\r\nContent-Type: application/pkcs7-mime; smime-type=authEnveloped-data\r\nContent-Transfer-Encoding: binary\r\n\r\n" + der.String()
}

// TestSurreptitiousForwarding: what alice signed for bob, and bob encrypts to carol as if it had
// come from alice (RFC 5751 had no answer): carol sees that it was not for her.
func TestSurreptitiousForwarding(t *testing.T) {
	t.Parallel()
	const forCarol = "From: Alice <alice@example.org>\r\nTo: carol@example.com\r\nSubject: [...]\r\nDate: Tue, 24 Nov 2026 10:00:00 +0000\r\nMessage-ID: <1@example.org>\r\n"
	forBob := strings.Replace(forCarol, "carol@example.com", "bob@example.net", 1)
	sent := sign(t, crlf(simple), SignOptions{Encrypt: to(enveloped.AES128GCM, bob())})
	for name, tt := range map[string]struct {
		header  string
		changed []string
	}{
		"to carol":        {forCarol, []string{"To"}},
		"to bob, as sent": {forBob, nil},
		"bob and carol":   {strings.Replace(forBob, "To: bob@example.net", "To: bob@example.net, carol@example.com", 1), []string{"To"}},
		"bob, Cc carol":   {strings.Replace(forBob, "To: bob@example.net", "To: bob@example.net\r\nCc: carol@example.com", 1), []string{"Cc"}},
	} {
		r := verifyWith(t, resealed(t, sent, bob(), tt.header, to("", carol()).Recipients...), keysOf(carol()))
		if why := broken(r); why != "" {
			t.Fatalf("%s: %s", name, why)
		}
		s := r.Signatures[0]
		if (s.HeaderState == HeaderChanged) != (tt.changed != nil) || !slices.Equal(s.HeaderChanges, tt.changed) {
			t.Errorf("%s: the header is %s: %q, differences %q", name, s.HeaderState, s.HeaderChanges, s.Differences)
		}
	}
}

// TestSeveralOuter: of several HP-Outer fields of one name all count, in their order (RFC 9788,
// Section 2.2), and one that says nothing excuses nothing.
func TestSeveralOuter(t *testing.T) {
	t.Parallel()
	const reply = "Reply-To: a@example.org\r\n"
	for _, tt := range []struct {
		stated, outer string
		state         HeaderState
	}{
		{"HP-Outer: Cc: x@example.org\r\nHP-Outer: Cc: y@example.org\r\n", "Cc: x@example.org\r\nCc: y@example.org\r\n", HeaderProtected},
		{"HP-Outer: Cc: x@example.org\r\nHP-Outer: Cc: y@example.org\r\n", "Cc: y@example.org\r\nCc: x@example.org\r\n", HeaderChanged},
		{"HP-Outer: Cc: x@example.org\r\nHP-Outer: Cc: y@example.org\r\n", "Cc: x@example.org\r\n", HeaderChanged},
		{"HP-Outer: Cc: x@example.org\r\nHP-Outer: Cc: y@example.org\r\n", "Cc: carol@example.com\r\n", HeaderProtected},
		{"HP-Outer: Cc: x@example.org\r\nHP-Outer: Cc: y@example.org\r\n", "", HeaderChanged},
		{"HP-Outer: Subject: a\r\n", "", HeaderProtected}, // Cc left out by the sender
		{"HP-Outer: Subject: a\r\nHP-Outer: Subject: b\r\n", "Cc: carol@example.com\r\nSubject: a\r\n", HeaderChanged},
		{"HP-Outer: From: eve@example.org\r\n", "Cc: carol@example.com\r\nFrom: eve@example.org\r\n", HeaderChanged},
		{"HP-Outer: Reply-To: eve@example.org\r\n", reply, HeaderChanged},
		{"HP-Outer: Cc\r\nHP-Outer:\r\nHP-Outer: : x\r\n", "Cc: eve@example.org\r\n", HeaderChanged},
		{"", "Cc: eve@example.org\r\n", HeaderChanged},
		{"", "", HeaderChanged},
	} {
		inner := "From: Alice <alice@example.org>\r\nCc: carol@example.com\r\nSubject: Plans\r\n" + tt.stated + "Content-Type: text/plain; hp=\"cipher\"\r\n\r\nHello\r\n"
		body := opaque(t, inner)
		var der bytes.Buffer
		if err := enveloped.Encrypt(&der, strings.NewReader(body), int64(len(body)), enveloped.EncryptOptions{Recipients: to("", bob()).Recipients}); err != nil {
			t.Fatal(err)
		}
		outer := tt.outer
		if !strings.Contains(outer, "From:") {
			outer = "From: Alice <alice@example.org>\r\n" + outer
		}
		if !strings.Contains(outer, "Subject:") {
			outer += "Subject: Plans\r\n"
		}
		r := verifyWith(t, outer+"MIME-Version: 1.0\r\nContent-Type: application/pkcs7-mime; smime-type=enveloped-data\r\nContent-Transfer-Encoding: binary\r\n\r\n"+der.String(), keysOf(bob()))
		if len(r.Signatures) != 1 || r.Signatures[0].HeaderState != tt.state {
			t.Errorf("%q, outside %q: %+v, want %s", tt.stated, outer, r.Signatures, tt.state)
		}
	}
}

// opaque is an entity with this content, signed by alice.
func opaque(tb testing.TB, content string) string {
	tb.Helper()
	var der bytes.Buffer
	if err := cms.SignAttached(&der, strings.NewReader(content), int64(len(content)), cms.SignOptions{
		Signers: []cms.Signer{alice()}, Certificates: []*x509.Certificate{alice().Certificate}, Time: time.Now(),
	}); err != nil {
		tb.Fatal(err)
	}
	return "Content-Type: application/pkcs7-mime; smime-type=signed-data\r\nContent-Transfer-Encoding: binary\r\n\r\n" + der.String()
}

// TestLayersLimit: layers are counted exactly, encryptions and signatures alike.
func TestLayersLimit(t *testing.T) {
	t.Parallel()
	again := to(enveloped.AES128GCM, bob())
	again.Again = true
	deep := crlf(simple)
	for n := 1; n <= maxLayers+2; n++ {
		deep = encrypt(t, deep, *again)
		r := verifyWith(t, deep, keysOf(bob()))
		_, err := Decrypt(t.Context(), mustRead(t, deep), keysOf(bob()))
		if good := n <= maxLayers; (r.Code == "") != good || (err == nil) != good {
			t.Errorf("%d layers: %q, %v", n, r.Code, err)
		}
	}
}

// TestEncryptedInsideSigned: what is encrypted in a part of signed content that was encrypted stays
// closed: only what is the content itself is opened.
func TestEncryptedInsideSigned(t *testing.T) {
	t.Parallel()
	secret := encrypt(t, crlf(simple), EncryptOptions{Recipients: to("", bob()).Recipients, NoHeaderProtection: true})
	_, object, _ := strings.Cut(secret, "\r\n\r\n")
	mixed := "From: Alice <alice@example.org>\r\nTo: bob@example.net\r\nSubject: x\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" +
		"--b\r\nContent-Type: text/html\r\n\r\n<img src=\"http://example.org/\r\n" +
		"--b\r\nContent-Type: application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m\r\nContent-Transfer-Encoding: base64\r\n\r\n" + object + "\r\n--b--\r\n"
	for name, opts := range map[string]SignOptions{
		"encrypted":            {Again: true, Encrypt: to(enveloped.AES128GCM, bob())},
		"encrypted and opaque": {Again: true, Opaque: true, Encrypt: to("", bob())},
	} {
		msg := sign(t, mixed, opts)
		r := verifyWith(t, msg, keysOf(bob()))
		if why := broken(r); why != "" || len(r.Encryptions) != 1 || len(r.Sealed) != 1 {
			t.Errorf("%s: %s, %d opened, sealed %q", name, why, len(r.Encryptions), r.Sealed)
		}
		if clear, _ := decrypted(t, msg, keysOf(bob())); strings.Contains(clear, "=C3=A4llo") {
			t.Errorf("%s: the part is opened:\n%s", name, clear)
		}
	}
}

// TestDirectExfiltration: shapes in which a reader could join what is encrypted with text of
// another (EFAIL): whatever they are put into, nothing is opened but the whole.
func TestDirectExfiltration(t *testing.T) {
	t.Parallel()
	stolen := encrypt(t, crlf(simple), EncryptOptions{Recipients: to("", bob()).Recipients, NoHeaderProtection: true})
	_, object, _ := strings.Cut(stolen, "\r\n\r\n")
	sealed := "Content-Type: application/pkcs7-mime; smime-type=enveloped-data\r\nContent-Transfer-Encoding: base64\r\n\r\n" + object
	const header, html = "From: eve@example.org\r\nMIME-Version: 1.0\r\n", "Content-Type: text/html\r\n\r\n<img src=\"http://example.org/"
	multi := func(subtype string, parts ...string) string {
		return "Content-Type: multipart/" + subtype + "; boundary=" + subtype + "\r\n\r\n--" + subtype + "\r\n" + strings.Join(parts, "\r\n--"+subtype+"\r\n") + "\r\n--" + subtype + "--\r\n"
	}
	shapes := map[string]string{
		"before and after":   multi("mixed", html, sealed, "Content-Type: text/html\r\n\r\n\">"),
		"alone in mixed":     multi("mixed", sealed),
		"related":            multi("related", html, sealed),
		"alternative":        multi("alternative", "Content-Type: text/plain\r\n\r\nx", sealed),
		"deeper":             multi("mixed", html, multi("related", sealed)),
		"attached":           multi("mixed", html, "Content-Type: message/rfc822\r\n\r\n"+header+sealed),
		"attached alone":     "Content-Type: message/rfc822\r\n\r\n" + header + sealed,
		"preamble":           strings.Replace(multi("mixed", sealed), "--mixed\r\n", "<img src=\"\r\n--mixed\r\n", 1),
		"encrypted as a rfc": multi("encrypted", "Content-Type: application/pgp-encrypted\r\n\r\nVersion: 1", sealed),
	}
	for name, shape := range shapes {
		for how, msg := range map[string]string{
			"in clear": header + shape,
			// Everybody can encrypt to bob: around what was stolen it is opened, and that is not.
			"encrypted": encryptRaw(t, shape),
		} {
			// With the object broken into two as well: some readers join the pieces.
			for _, part := range []int{0, 1} {
				text := msg
				if part == 1 && how == "in clear" {
					text = strings.Replace(msg, "MI", "MI\r\n\r\n", 1)
				}
				m := mustRead(t, text)
				r := verifyWith(t, text, keysOf(bob()))
				c, err := r.Contents(t.Context(), m)
				if err != nil {
					t.Fatal(err)
				}
				if all := textOf(t, c.Root); strings.Contains(all, "llo") {
					t.Errorf("%s, %s: the contents are\n%s", name, how, all)
				}
				_ = c.Close()
				d, err := Decrypt(t.Context(), m, keysOf(bob()))
				switch {
				case errors.Is(err, ErrNotEncrypted) && how == "in clear":
				case err == nil && how == "encrypted":
					if clear := written(t, m, d.Edit); strings.Contains(clear, "llo") {
						t.Errorf("%s, %s: decrypted is\n%s", name, how, clear)
					}
				default:
					t.Errorf("%s, %s: %v", name, how, err)
				}
			}
		}
	}
}

// textOf is everything that the parts hold.
func textOf(tb testing.TB, p *Part) string {
	tb.Helper()
	body, err := io.ReadAll(p.Body())
	if err != nil {
		tb.Fatal(err)
	}
	text := string(body)
	for _, kid := range p.Parts {
		text += textOf(tb, kid)
	}
	return text
}

// TestGadgets: what CBC gadgets make of a message without a signature is told (EFAIL): known text
// is replaced by the attacker's, and between its blocks are octets that nobody wrote.
func TestGadgets(t *testing.T) {
	t.Parallel()
	const known = "Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: 7bit\r\n\r\n"
	plain := known + strings.Repeat("<p>Attack at dawn, and not before.</p>\r\n", 20)
	msg := encryptRaw(t, plain)
	// The ciphertext is the last element; the IV stands before it as an OCTET STRING.
	size := (len(plain)/aes.BlockSize + 1) * aes.BlockSize
	at := len(msg) - size
	iv := strings.LastIndex(msg[:at], "\x04\x10") + 2
	chosen := func(text string) (first, second []byte) {
		c0, c1 := []byte(msg[iv:iv+aes.BlockSize]), []byte(msg[at:at+aes.BlockSize])
		for i := range c0 {
			c0[i] ^= plain[i] ^ text[i]
		}
		return c0, c1
	}
	for _, block := range []int{0, 1, 2, 3, 5, 6, 10} {
		changed := []byte(msg)
		first, second := chosen(" <img src='h://x")
		copy(changed[at+block*aes.BlockSize:], first)
		copy(changed[at+(block+1)*aes.BlockSize:], second)
		r := verifyWith(t, string(changed), keysOf(bob()))
		if len(r.Encryptions) != 1 || r.Encryptions[0].Err == nil && r.Encryptions[0].Changed == "" {
			t.Errorf("a gadget at block %d is not told: %+v", block, r.Encryptions)
		}
	}
	if r := verifyWith(t, msg, keysOf(bob())); r.Encryptions[0].Changed != "" {
		t.Errorf("not changed: %s", r.Encryptions[0].Changed)
	}
}

// TestOddOctets: octets that text has not, in whatever pieces they come.
func TestOddOctets(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"Grüße\r\n\t\x1b$B\x0c": false, "日本語 🙂": false, "x\x00": true, "\x7f": true, "Gr\xfc\xdfe": true, "\xf0\x9f\x99x": true, "a\x80": true, "": false,
	} {
		for step := 1; step <= 5; step++ {
			o := new(oddOctets)
			for rest := []byte(text); len(rest) > 0; rest = rest[min(step, len(rest)):] {
				_, _ = o.Write(rest[:min(step, len(rest))])
			}
			if o.found != want {
				t.Errorf("%q in steps of %d: %t", text, step, o.found)
			}
		}
	}
}
