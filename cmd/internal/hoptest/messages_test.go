package hoptest

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"dnseal/lookup"
	"dnseal/lookup/dane"
	"dnseal/lookup/dnssec"
	"dnseal/lookup/lookuptest/peertest"
	"dnseal/sender"
	"dnseal/sender/identity"
	"dnseal/smime"
	"dnseal/smime/message"
)

// text is a message before it is signed: its subject, and its content with the fields of that.
type text struct {
	subject, content string
	opaque           bool
}

// texts are what programs are known to change: see the comment of each.
func texts() []text {
	plain := func(charset, encoding, body string) string {
		return "Content-Type: text/plain; charset=" + charset + "\nContent-Transfer-Encoding: " + encoding + "\n\n" + body
	}
	pdf := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("%PDF\x00\xff"), 150))
	return []text{
		// 8-bit, in lines longer than SMTP carries.
		{subject: "Long lines", content: plain("utf-8", "8bit", strings.Repeat("Grüße, ", 167)+"\nshort\n"+strings.Repeat("ä", 750)+"\n")},
		// A nested multipart in front of another part, and one charset more.
		{subject: "Offer", content: "Content-Type: multipart/mixed; boundary=\"outer-1\"\n\n--outer-1\n" +
			"Content-Type: multipart/alternative; boundary=\"inner-1\"\n\n--inner-1\n" +
			"Content-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable\n\nSch=F6ne Gr=FC=DFe,\nAlice=20\n\n--inner-1\n" +
			"Content-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n<p>Schöne Grüße,<br>Alice</p>\n\n--inner-1--\n--outer-1\n" +
			"Content-Type: application/pdf; name=\"offer.pdf\"\nContent-Disposition: attachment; filename=\"offer.pdf\"\nContent-Transfer-Encoding: base64\n\n" +
			regexp.MustCompile(`.{76}`).ReplaceAllString(pdf, "$0\n") + "\n--outer-1--\n"},
		// What mbox files and SMTP give a meaning, and white space that is easily lost.
		{subject: "From lines and trailing space", content: plain("us-ascii", "7bit", "Hello Bob,   \n\nFrom here on it gets hard.\n"+
			"From alice@example.org Sat Nov 28 22:00:00 2026\n>From was quoted already\n>>From twice\ntrailing tab\t\n.\n..\n-- \nAlice\n\n\n")},
		// A message in a message, with 8-bit text.
		{subject: "Forwarded", content: "Content-Type: multipart/mixed; boundary=\"fwd-1\"\n\n--fwd-1\n" + plain("us-ascii", "7bit", "See the message below.\n\n--fwd-1\n") +
			"Content-Type: message/rfc822\nContent-Disposition: attachment; filename=\"orig.eml\"\n\n" +
			"From: Carol <carol@example.com>\nTo: alice@example.org\nSubject: =?utf-8?q?K=C3=A4se?=\nDate: Fri, 27 Nov 2026 10:00:00 +0000\n" +
			"Message-ID: <c1@example.com>\nMIME-Version: 1.0\n" + plain("utf-8", "8bit", "Der Käse ist alle.\nFrom now on: none.\n\n--fwd-1--\n")},
		{subject: "=?utf-8?Q?Gr=C3=BC=C3=9Fe_aus_K=C3=B6ln?=", content: plain("us-ascii", "7bit", "Nothing but ASCII.\n")},
		{subject: "Opaque", opaque: true, content: plain("utf-8", "8bit", "Grüße in einem Umschlag\nFrom there.\n")},
	}
}

// fields is the header of message number n, without those of its content.
func (x text) fields(n int) string {
	return fmt.Sprintf("From: Alice Example <alice@example.org>\nTo: bob@example.net\nSubject: %s\nDate: %s\nMessage-ID: %s\nMIME-Version: 1.0\n",
		x.subject, time.Now().UTC().Format(time.RFC1123Z), messageID(n))
}

func messageID(n int) string { return fmt.Sprintf("<m%d@example.org>", n) }

// author is Alice, and a DNS that publishes her key.
type author struct{ id *identity.Identity }

func newAuthor(t *testing.T) author {
	t.Helper()
	id, err := identity.Create(t.TempDir(), "alice@example.org", identity.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return author{id}
}

// Lookup answers every question with a secure record of the author's key.
func (a author) Lookup(_ context.Context, name string, typ dane.Type) *lookup.Result {
	res := &lookup.Result{Name: name, Type: typ, Status: dnssec.Secure, Presence: dane.Present}
	if record, err := a.id.Record(3, 1, 1); err == nil {
		res.Records = []dane.Record{record}
	}
	return res
}

// LookupFresh implements lookup.Resolver.
func (a author) LookupFresh(ctx context.Context, name string, typ dane.Type) *lookup.Result {
	return a.Lookup(ctx, name, typ)
}

// seal signs as dnseal sign does. The result has CRLF line ends.
func (a author) seal(t *testing.T, n int, x text) string {
	t.Helper()
	m := read(t, []byte(x.fields(n)+x.content))
	edit, err := sender.SignMessage(t.Context(), m, []*identity.Identity{a.id}, smime.SignOptions{Time: time.Now(), Opaque: x.opaque})
	if err != nil {
		t.Fatal(err)
	}
	defer edit.Close()
	var out bytes.Buffer
	if _, err = m.WriteEdited(&out, edit); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// control signs by OpenSSL with the same key: the content as it is, and no header field. The result
// has CRLF line ends.
func (a author) control(t *testing.T, n int, x text) string {
	t.Helper()
	p := newPlace(t)
	folder := filepath.Dir(a.id.KeyFile)
	cert, key := p.file(t, "cert.pem", readFile(t, folder+"/cert.pem")), p.file(t, "key.pem", readFile(t, a.id.KeyFile))
	args := []string{"cms", "-sign", "-binary", "-md", "sha256", "-in", p.file(t, "content", crlf(x.content)), "-signer", cert, "-inkey", key}
	if x.opaque {
		args = append(args, "-nodetach")
	}
	signed := run(t, p.dir, "", peertest.Program(t, "openssl"), args...)
	return crlf(strings.TrimSuffix(x.fields(n), "MIME-Version: 1.0\n") + signed)
}

func read(t *testing.T, text []byte) *message.Message {
	t.Helper()
	m, err := message.Read(bytes.NewReader(text), message.ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	return m
}

// lf and crlf give every line the end of a Unix file, and of SMTP.
func lf(s string) string { return strings.ReplaceAll(s, "\r\n", "\n") }

func crlf(s string) string { return strings.ReplaceAll(lf(s), "\n", "\r\n") }

// readFile returns a file as a string.
func readFile(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
