package receiver_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"dnseal/sender"
	"dnseal/sender/identity"
	"dnseal/smime"
	"dnseal/smime/message"
)

// crlf writes texts of this file as they are on the wire.
func crlf(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\n", "\r\n")
}

// header is that of a message From somebody; more fields may follow.
func header(from string, more ...string) string {
	return crlf("From: " + from + "\nTo: team@example.com\nSubject: The plan for Tuesday\n" +
		"Date: Tue, 24 Nov 2026 11:00:00 +0000\nMessage-ID: <plan@example.org>\nMIME-Version: 1.0\n" + strings.Join(more, ""))
}

const hour = time.Hour

const text = "We meet at noon. The sum is 100 euros.\r\n"

// mail is a whole plain message.
func mail(from string) string {
	return header(from) + crlf("Content-Type: text/plain; charset=utf-8\n\n") + text
}

// protected is signed content whose header is protected for from (RFC 9788); more fields come
// first.
func protected(from string) string {
	return crlf("Content-Type: text/plain; charset=utf-8; hp=\"clear\"\nFrom: "+from+
		"\nTo: team@example.com\nSubject: The plan for Tuesday\nDate: Tue, 24 Nov 2026 11:00:00 +0000\nMessage-ID: <plan@example.org>\n\n") + text
}

// bare is signed content without protected header.
const bare = "Content-Type: text/plain; charset=utf-8\r\n\r\n" + text

// clear is multipart/signed of the content (without the line end before the boundary) and a
// SignedData.
func clear(content string, p7s []byte) string { return clearWithin("sig", content, p7s) }

// clearWithin is clear with another boundary, for content that holds the usual one.
func clearWithin(boundary, content string, p7s []byte) string {
	return crlf("Content-Type: multipart/signed; protocol=\"application/pkcs7-signature\"; micalg=sha-256; boundary=\""+boundary+"\"\n\n--"+boundary+"\n") +
		content + crlf("\n--"+boundary+"\n"+signaturePart(p7s)+"--"+boundary+"--\n")
}

func signaturePart(p7s []byte) string {
	return "Content-Type: application/pkcs7-signature; name=smime.p7s\nContent-Transfer-Encoding: base64\n\n" + wrapped(p7s)
}

// opaque is application/pkcs7-mime with a SignedData.
func opaque(p7m []byte) string {
	return crlf("Content-Type: application/pkcs7-mime; smime-type=signed-data; name=smime.p7m\nContent-Transfer-Encoding: base64\n\n" + wrapped(p7m))
}

func wrapped(data []byte) string {
	var b strings.Builder
	s := base64.StdEncoding.EncodeToString(data)
	for len(s) > 76 {
		b.WriteString(s[:76] + "\n")
		s = s[76:]
	}
	return b.String() + s + "\n"
}

// mixed is a multipart of that kind, with the parts as they are.
func mixed(kind string, parts ...string) string {
	return fmt.Sprintf("Content-Type: multipart/%s; boundary=\"out\"\r\n\r\n--out\r\n%s\r\n--out--\r\n", kind, strings.Join(parts, "\r\n--out\r\n"))
}

// signedBy is a SignedData over the content by one signer, with its certificate.
func signedBy(content string, p person, change func(*signedData)) []byte {
	sd := signedData{certs: append(slices.Clip(p.chain), p.cert), signers: []signer{{person: p, content: []byte(content)}}}
	if change != nil {
		change(&sd)
	}
	return sd.der()
}

var boundaryParameter = regexp.MustCompile(`(?i)multipart/signed;[^:]*?boundary="([^"]+)"`)

// signed is what dnseal makes of a message, with a boundary that stays the same each time.
func signed(tb testing.TB, text string, opts smime.SignOptions, by ...person) string {
	tb.Helper()
	m, err := message.Read(strings.NewReader(text), message.ReadOptions{})
	if err != nil {
		tb.Fatal(err)
	}
	defer m.Close()
	var ids []*identity.Identity
	for _, p := range by {
		ids = append(ids, p.identity())
	}
	if opts.Time.IsZero() {
		opts.Time = clock.Add(-hour)
	}
	edit, err := sender.SignMessage(tb.Context(), m, ids, opts)
	if err != nil {
		tb.Fatal(err)
	}
	defer edit.Close()
	var out bytes.Buffer
	if _, err := m.WriteEdited(&out, edit); err != nil {
		tb.Fatal(err)
	}
	s := out.String()
	if b := boundaryParameter.FindStringSubmatch(s); b != nil {
		steady := "dnseal-vector"
		for strings.Contains(s, steady) {
			steady += "-around"
		}
		s = strings.ReplaceAll(s, b[1], steady)
	}
	return s
}
