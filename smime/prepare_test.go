package smime

import (
	"errors"
	"strings"
	"testing"

	"dnseal/smime/cms"
	"dnseal/smime/internal/entity"
	"dnseal/smime/message"
)

const nested = `From: alice@example.org
Subject: nested
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="outer"

This is a multi-part message in MIME format.

--outer
Content-Type: multipart/alternative; boundary=inner
Content-Transfer-Encoding: 8bit

--inner
Content-Type: text/plain; charset=utf-8; format=flowed
Content-Transfer-Encoding: 8bit

Schöne Grüße 
-- 
Alice
--inner
Content-Type: text/html; charset=us-ascii

<p>safe
--inner--

--outer
Content-Type: application/octet-stream; name="Größe.bin"
Content-Transfer-Encoding: base64

AAECAwQFBgcICQ==
--outer
Content-Type: message/rfc822

From: bob@example.net
Subject: forwarded
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

für dich
--outer--
`

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

func body(entity string) string {
	_, b, _ := strings.Cut(entity, "\r\n\r\n")
	return b
}

func TestPrepareLeaf(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 80)
	for _, c := range []struct {
		name, header, body string
		want               string // of the body
		encoding           string // "" for no field
	}{
		{"safe", "", "Hello\r\n", "Hello\r\n", ""},
		{"safe, labelled", "Content-Transfer-Encoding: 7bit\r\n", "Hello\r\n", "Hello\r\n", "7bit"},
		{"wrong label", "Content-Transfer-Encoding: 8bit\r\n", "Hello\r\n", "Hello\r\n", ""},
		{"no final line end", "", "Hello", "Hello", ""},
		{"trailing space", "", "a \r\nb\t\r\n", "a=20\r\nb=09\r\n", "quoted-printable"},
		{"inner space", "", "a  b \t\r\n", "a  b =09\r\n", "quoted-printable"},
		{"From line", "", "From me\r\nx From me\r\n", "=46rom me\r\nx From me\r\n", "quoted-printable"},
		{"dot", "", ".\r\n..\r\nx\r\n", "=2E\r\n=2E.\r\nx\r\n", "quoted-printable"},
		{"bare LF", "", "a\r\nb\nc\r\n", "a\r\nb\r\nc\r\n", "quoted-printable"},
		{"bare CR", "", "a\rb\r\n", "a=0Db\r\n", "quoted-printable"},
		{"equals sign", "", "a=b \r\n", "a=3Db=20\r\n", "quoted-printable"},
		{"8-bit", "", "caf\xc3\xa9 is not so far away\r\n", "caf=C3=A9 is not so far away\r\n", "quoted-printable"},
		{"mostly 8-bit", "", "\xc3\xa9\xc3\xa9\nx", "w6nDqQ0KeA==\r\n", "base64"},
		{"NUL", "", "a\x00b\r\n", "YQBiDQo=\r\n", "base64"},
		{"long", "", long + "\r\n", long[:73] + "=\r\n" + long[73:] + "\r\n", "quoted-printable"},
		{"binary", "Content-Type: application/octet-stream\r\n", "\x00\r\n\n\r", "AA0KCg0=\r\n", "base64"},
		{"json", "Content-Type: application/json\r\n", "{} \r\n", "e30gDQo=\r\n", "base64"},
		{"quoted-printable", "Content-Transfer-Encoding: Quoted-Printable\r\n", "a=20\r\nb=\r\nc\r\n", "a=20\r\nb=\r\nc\r\n", "Quoted-Printable"},
		{"broken quoted-printable", "Content-Transfer-Encoding: quoted-printable\r\n", "a=c3 \r\nb= \r\nFrom x=zz\xff\r\n", "a=c3\r\nb=\r\n=46rom x=3Dzz=FF\r\n", "quoted-printable"},
		{"long quoted-printable", "Content-Transfer-Encoding: quoted-printable\r\n", strings.Repeat("=C3", 30) + "=\r\nx\r\n", strings.Repeat("=C3", 24) + "=\r\n" + strings.Repeat("=C3", 6) + "=\r\nx\r\n", "quoted-printable"},
		{"base64", "Content-Transfer-Encoding: base64\r\n", "AAEC\r\n", "AAEC\r\n", "base64"},
		{"base64 in one line", "Content-Transfer-Encoding: base64\r\n", strings.Repeat("AAEC", 25) + "\r\n", strings.Repeat("AAEC", 19) + "\r\n" + strings.Repeat("AAEC", 6) + "\r\n", "base64"},
		{"base64 with Unix lines", "Content-Transfer-Encoding: base64\r\n", "AAEC\nAAEC \r\n", "AAECAAEC\r\n", "base64"},
		{"empty", "", "", "", ""},
	} {
		signedEntity := entityOf(t, sign(t, "From: a@example.org\r\n"+c.header+"\r\n"+c.body, SignOptions{}))
		fields, _ := message.ParseHeader([]byte(signedEntity))
		got, _ := entity.Field(fields, "Content-Transfer-Encoding")
		if body(signedEntity) != c.want || got != c.encoding {
			t.Errorf("%s: body %q as %q, want %q as %q", c.name, body(signedEntity), got, c.want, c.encoding)
		}
	}
}

func TestPrepareNested(t *testing.T) {
	t.Parallel()
	entity := entityOf(t, sign(t, crlf(nested), SignOptions{}))
	want := crlf(`--outer
Content-Type: multipart/alternative; boundary=inner

--inner
Content-Type: text/plain; charset=utf-8; format=flowed
Content-Transfer-Encoding: quoted-printable

Sch=C3=B6ne Gr=C3=BC=C3=9Fe=20
--=20
Alice
--inner
Content-Type: text/html; charset=us-ascii

<p>safe
--inner--

--outer
Content-Type: application/octet-stream; name*=utf-8''Gr%C3%B6%C3%9Fe.bin
Content-Transfer-Encoding: base64

AAECAwQFBgcICQ==
--outer
Content-Type: message/rfc822

From: bob@example.net
Subject: forwarded
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable

f=C3=BCr dich
--outer--
`)
	if got := body(entity); got != want {
		t.Errorf("signed body:\n%s\nwant:\n%s", got, want)
	}
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

func TestPrepareKeepsForeignSignatures(t *testing.T) {
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
func TestPrepareKeepsDoubtfulParts(t *testing.T) {
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

// Safe parts stay byte for byte, whatever happens to the others.
func TestPrepareKeepsSafeParts(t *testing.T) {
	t.Parallel()
	odd := "content-TYPE:text/plain;charset =us-ascii\r\nX-Odd:\tx\r\n\r\nLeft   as it\tis\r\n\r\n\r\n"
	for _, msg := range []string{mixed(odd), mixed(odd, "\r\nbad \r\n"), mixed("Content-Type: text/plain\r\n\r\nbad \r\n", odd, odd)} {
		if entity := entityOf(t, sign(t, msg, SignOptions{})); !strings.Contains(entity, "--m\r\n"+odd+"\r\n--m") {
			t.Errorf("changed in\n%s", entity)
		}
	}
}

func TestSignRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, msg string
		want      error
	}{
		{"signed", "Content-Type: multipart/signed; protocol=\"application/pkcs7-signature\"; boundary=x\r\n\r\n", ErrAlreadySecured},
		{"encrypted", "Content-Type: application/x-pkcs7-mime; smime-type=enveloped-data\r\n\r\n", ErrAlreadySecured},
		{"PGP", "Content-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\"; boundary=x\r\n\r\n", ErrAlreadySecured},
		{"two types", "Content-Type: text/plain\r\nContent-Type: text/html\r\n\r\nx", ErrAmbiguous},
		{"two boundaries", "Content-Type: multipart/mixed; boundary=a; boundary=b\r\n\r\n--a\r\n\r\nx\r\n--a--", ErrAmbiguous},
	} {
		if _, err := Sign(t.Context(), mustRead(t, c.msg), SignOptions{Signers: []cms.Signer{alice()}, Time: signedAt}); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
}

func TestSignLimits(t *testing.T) {
	t.Parallel()
	for msg, what := range map[string]string{
		strings.Repeat("Content-X: y\r\n", 1000) + "\r\nx": "content-fields",
		mixed(make([]string, 10000)...):                    "parts",
		deep(40):                                           "depth",
	} {
		_, err := Sign(t.Context(), mustRead(t, msg), SignOptions{Signers: []cms.Signer{alice()}, Time: signedAt})
		if over, ok := errors.AsType[*LimitError](err); !ok || over.What != what {
			t.Errorf("Sign = %v, want a limit of %s", err, what)
		}
	}
}
