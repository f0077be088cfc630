package smime

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"dnseal/smime/internal/entity"
	"dnseal/smime/internal/transit"
	"dnseal/smime/message"
)

// Whatever its parts are, an entity written again from their ranges is the same, byte for byte.
func TestPartsWrittenAgain(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := entityGen(3).Draw(t, "entity")
		if rapid.Bool().Draw(t, "cut") {
			text = text[:rapid.IntRange(0, len(text)).Draw(t, "at")]
		}
		src := strings.NewReader(text)
		root, err := entity.WalkEntity(t.Context(), src, int64(len(text)), "")
		if err != nil {
			t.Fatal(err)
		}
		out := message.NewSpool(0)
		defer out.Close()
		e := transit.Emitter{Ctx: t.Context(), Src: src, W: out}
		if err = e.Copy(0, root.Body); err == nil {
			_, err = writeAgain(&e, root, root.Body)
		}
		got, readErr := io.ReadAll(out.Open())
		if err != nil || readErr != nil || !bytes.Equal(got, []byte(text)) {
			t.Fatalf("%v, %v:\n%q\nwant\n%q", err, readErr, got, text)
		}
	})
}

// The numbers of RFC 3501, Section 6.4.5, by its own example.
func TestPartNumbers(t *testing.T) {
	t.Parallel()
	const text = `Content-Type: multipart/mixed; boundary=a

--a
Content-Type: text/plain

1
--a
Content-Type: application/octet-stream

2
--a
Content-Type: message/rfc822

Content-Type: multipart/mixed; boundary=b

--b

3.1
--b
Content-Type: application/octet-stream

3.2
--b--
--a
Content-Type: multipart/mixed; boundary=c

--c
Content-Type: image/gif

4.1
--c
Content-Type: message/rfc822

Content-Type: multipart/mixed; boundary=d

--d
Content-Type: text/plain

4.2.1
--d
Content-Type: multipart/alternative; boundary=e

--e

4.2.2.1
--e
Content-Type: text/richtext

4.2.2.2
--e--
--d--
--c--
--a--
`
	raw := crlf(text)
	root, err := entity.WalkEntity(t.Context(), strings.NewReader(raw), int64(len(raw)), "")
	if err != nil {
		t.Fatal(err)
	}
	leaves := 0
	var check func(*entity.Part)
	check = func(p *entity.Part) {
		if p.Leaf() {
			leaves++
			if got := raw[p.Body:p.End]; got != p.Number {
				t.Errorf("part %q has the number %q", got, p.Number)
			}
		}
		for _, k := range p.Kids {
			check(k)
		}
	}
	check(root)
	if leaves != 8 {
		t.Errorf("%d leaves, want 8", leaves)
	}
}

func TestPartNumberOfSinglePart(t *testing.T) {
	t.Parallel()
	raw := "Content-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\nx"
	root, err := entity.WalkEntity(t.Context(), strings.NewReader(raw), int64(len(raw)), "")
	if err != nil || root.Number != "1" || root.Kids[0].Number != "1.1" {
		t.Errorf("%v: %q with %q inside, want 1 and 1.1", err, root.Number, root.Kids[0].Number)
	}
}
