package transit

import (
	"context"
	"io"
	"os"
	"strings"
	"testing"

	"dnseal/smime/internal/entity"
	"dnseal/smime/message"
)

// planned takes a message apart and decides about its parts.
func planned(tb testing.TB, msg string) (*entity.Part, *Planner, io.ReaderAt) {
	tb.Helper()
	m, err := message.Read(strings.NewReader(msg), message.ReadOptions{})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { m.Close() })
	src := m.Open()
	root, err := entity.Walk(tb.Context(), src, m.Header(), m.BodyOffset(), m.Size(), true)
	if err != nil {
		tb.Fatal(err)
	}
	pl := &Planner{Ctx: context.Background(), Src: src, Steps: Plan{}}
	if pl.Plan(root, false); pl.Err != nil {
		tb.Fatal(pl.Err)
	}
	return root, pl, src
}

// prepared is the entity that is made of a message, which nothing may keep from being made.
func prepared(tb testing.TB, msg string) string {
	tb.Helper()
	root, pl, src := planned(tb, msg)
	w := message.NewSpool(0)
	defer w.Close()
	header := pl.EntityHeader(root, "us-ascii", ProtectClear)
	if pl.Blocked != nil {
		tb.Fatal(pl.Blocked)
	}
	e := Emitter{Ctx: tb.Context(), Src: src, W: w, Plan: pl.Steps}
	if err := e.Content(root, int64(len(msg))); err != nil {
		tb.Fatal(err)
	}
	content, err := io.ReadAll(w.Open())
	if err != nil {
		tb.Fatal(err)
	}
	return string(header) + string(content)
}

func body(entity string) string {
	_, b, _ := strings.Cut(entity, "\r\n\r\n")
	return b
}

func mixed(parts ...string) string {
	s := "From: a@example.org\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=m\r\n\r\n"
	for _, p := range parts {
		s += "--m\r\n" + p + "\r\n"
	}
	return s + "--m--\r\n"
}

func TestLeaf(t *testing.T) {
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
		{"quoted From line", "", ">From me\r\n>>>From \r\n> From me\r\n>Fromage\r\n", "=3EFrom me\r\n>>>From=20\r\n> From me\r\n>Fromage\r\n", "quoted-printable"},
		{"From line after a soft break", "Content-Transfer-Encoding: quoted-printable\r\n", "a=\r\n>From me=\r\nFrom \r\n", "a=\r\n=3EFrom me=\r\nFrom\r\n", "quoted-printable"},
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
		preparedEntity := prepared(t, "From: a@example.org\r\n"+c.header+"\r\n"+c.body)
		fields, _ := message.ParseHeader([]byte(preparedEntity))
		got, _ := entity.Field(fields, "Content-Transfer-Encoding")
		if body(preparedEntity) != c.want || got != c.encoding {
			t.Errorf("%s: body %q as %q, want %q as %q", c.name, body(preparedEntity), got, c.want, c.encoding)
		}
	}
}

func TestNested(t *testing.T) {
	t.Parallel()
	nested, err := os.ReadFile("../../testdata/nested.eml")
	if err != nil {
		t.Fatal(err)
	}
	got := body(prepared(t, strings.ReplaceAll(string(nested), "\n", "\r\n")))
	want := strings.ReplaceAll(`--outer
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
`, "\n", "\r\n")
	if got != want {
		t.Errorf("signed body:\n%s\nwant:\n%s", got, want)
	}
}

// Safe parts stay byte for byte, whatever happens to the others.
func TestKeepsSafeParts(t *testing.T) {
	t.Parallel()
	odd := "content-TYPE: text/plain;charset =us-ascii\r\nX-Odd: x\ty\r\n\r\nLeft   as it\tis\r\n\r\n\r\n"
	for _, msg := range []string{mixed(odd), mixed(odd, "\r\nbad \r\n"), mixed("Content-Type: text/plain\r\n\r\nbad \r\n", odd, odd)} {
		if got := prepared(t, msg); !strings.Contains(got, "--m\r\n"+odd+"\r\n--m") {
			t.Errorf("changed in\n%s", got)
		}
	}
}
