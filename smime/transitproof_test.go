package smime

import (
	_ "embed" // testdata/nested.eml
	"errors"
	"strings"
	"testing"

	"dnseal/smime/cms"
	"dnseal/smime/internal/entity"
)

// nested is read by the tests of internal/transit, too.
//
//go:embed testdata/nested.eml
var nested string

// entityOf returns the signed entity of a signed message in clear form.
func entityOf(tb testing.TB, signed string) string {
	tb.Helper()
	m := mustRead(tb, signed)
	src := m.Open()
	root, err := entity.Walk(tb.Context(), src, m.Header(), m.BodyOffset(), m.Size(), false)
	if err != nil || len(root.Kids) != 2 {
		tb.Fatalf("walk: %v of\n%s", err, signed)
	}
	off, n := root.Kids[0].SignedRange()
	return signed[off : off+n]
}

// signedPart is a multipart/signed of somebody else; line is part of what it signs.
func signedPart(line string) string {
	return "Content-Type: multipart/signed; protocol=\"application/pgp-signature\"; boundary=s\r\n\r\n--s\r\n\r\n" + line +
		"\r\n--s\r\nContent-Type: application/pgp-signature\r\n\r\nx\r\n--s--\r\n"
}

func mixed(parts ...string) string {
	s := "From: a@example.org\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=m\r\n\r\n"
	for _, p := range parts {
		s += "--m\r\n" + p + "\r\n"
	}
	return s + "--m--\r\n"
}

func TestKeepsForeignSignatures(t *testing.T) {
	t.Parallel()
	dkim := "Content-Type: message/rfc822\r\n\r\nDKIM-Signature: v=1\r\nSubject: x\r\n\r\n"
	for _, c := range []struct {
		name, msg, keeps string
		opaque           bool
	}{
		{"safe", mixed(signedPart("fine")), signedPart("fine"), false},
		{"wide is no danger", mixed(signedPart(strings.Repeat("x", 90))), signedPart(strings.Repeat("x", 90)), false},
		{"trailing space", mixed(signedPart("bad ")), signedPart("bad "), true},
		{"8-bit", mixed(signedPart("\xc3\xa9")), signedPart("\xc3\xa9"), true},
		{"bare LF", mixed(signedPart("a\nb")), signedPart("a\nb"), true},
		{"attached, signed by DKIM", mixed(dkim + "x"), dkim + "x", false},
		{"attached, signed by DKIM, with trailing space", mixed(dkim + "x "), dkim + "x ", true},
		{"attached, signed by ARC, with trailing space", mixed("Content-Type: message/rfc822\r\n\r\nARC-Message-Signature: i=1\r\nSubject: x\r\n\r\nx "), "x ", true},
		{"bare LF in octets as quoted-printable", mixed("Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\na=20\nb"), "a=20\nb", true},
		{"wrapped twice", mixed("Content-Type: message/rfc822\r\n\r\nSubject: x \r\n" + signedPart("bad ")), signedPart("bad "), true},
		{"8-bit in a message that may not be encoded", mixed("Content-Type: message/delivery-status\r\n\r\n\xc3\xa9"), "\xc3\xa9", true},
		{"unknown transfer encoding", mixed("Content-Transfer-Encoding: x-uuencode\r\n\r\nbad "), "bad ", true},
	} {
		signed := sign(t, c.msg, SignOptions{})
		if got := strings.Contains(signed, "application/pkcs7-mime"); got != c.opaque {
			t.Errorf("%s: opaque %v, want %v", c.name, got, c.opaque)
		}
		holds(t, signed)
		if !c.opaque && !strings.Contains(entityOf(t, signed), c.keeps) {
			t.Errorf("%s: changed in\n%s", c.name, signed)
		}
		m := mustRead(t, c.msg)
		_, err := Sign(t.Context(), m, SignOptions{Signers: []cms.Signer{alice()}, Time: signedAt, RefuseOpaque: true})
		if errors.Is(err, ErrNotTransitProof) != c.opaque {
			t.Errorf("%s: RefuseOpaque: %v", c.name, err)
		}
	}
}

// Parts that readers take for different things stay byte for byte: where one decodes, another shows
// a text as it stands.
func TestKeepsDoubtfulParts(t *testing.T) {
	t.Parallel()
	const inner = "\r\n\r\n--i\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nSch\u00f6ne Gr\u00fc\u00dfe \r\n--i--\r\n"
	for _, part := range []string{
		"Content-Type: multipart/mixed; boundary=i\r\nContent-Type: text/plain" + inner,
		"no field\r\nContent-Type: multipart/mixed; boundary=i" + inner,
		"Content-Type: message/rfc822\r\n\r\nSubject: x\r\nno field\r\nContent-Type: multipart/mixed; boundary=i" + inner,
		"Content-Type: message/rfc822\r\nContent-Type: text/plain\r\n\r\nSubject: x\r\nContent-Type: multipart/mixed; boundary=i" + inner,
		"no field\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nSch\u00f6ne Gr\u00fc\u00dfe ",
	} {
		signed := sign(t, mixed(part, "\r\nsafe"), SignOptions{})
		holds(t, signed)
		if content, opaque := contentOf(t, signed); !opaque || !strings.Contains(content, part) {
			t.Errorf("%q became, opaque %v,\n%s", part, opaque, content)
		}
	}
}
