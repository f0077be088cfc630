package entity

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// Whatever its parts are, an entity written again from their ranges is the same, byte for byte.
func TestPartsWrittenAgain(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := wellFormed(3).Draw(t, "entity")
		if rapid.Bool().Draw(t, "cut") {
			text = text[:rapid.IntRange(0, len(text)).Draw(t, "at")]
		}
		text = damage(text, rapid.SliceOfN(rapid.Byte(), 0, 12).Draw(t, "changes"))
		root, err := WalkEntity(t.Context(), strings.NewReader(text), int64(len(text)), "")
		if err != nil {
			t.Fatal(err)
		}
		if got := writtenAgain(text, root); got != text {
			t.Fatalf("%q\nwant\n%q", got, text)
		}
	})
}

// writtenAgain puts a text together from the ranges of its parts.
func writtenAgain(text string, root *Part) string {
	out := text[:root.Body]
	at := root.Body
	var part func(*Part)
	part = func(p *Part) {
		for _, k := range p.Kids {
			out += text[at:max(at, k.Start)]
			at = max(at, k.Start)
			part(k)
		}
		// A part without a body may end before the empty line after its header, which then is the
		// line end of the boundary too.
		end := max(at, p.Body, p.End)
		out += text[at:end]
		at = end
	}
	part(root)
	return out
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
	raw := strings.ReplaceAll(text, "\n", "\r\n")
	root, err := WalkEntity(t.Context(), strings.NewReader(raw), int64(len(raw)), "")
	if err != nil {
		t.Fatal(err)
	}
	leaves := 0
	var check func(*Part)
	check = func(p *Part) {
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
	root, err := WalkEntity(t.Context(), strings.NewReader(raw), int64(len(raw)), "")
	if err != nil || root.Number != "1" || root.Kids[0].Number != "1.1" {
		t.Errorf("%v: %q with %q inside, want 1 and 1.1", err, root.Number, root.Kids[0].Number)
	}
}

// checkParts holds what is true of every tree of parts: ranges lie inside one another, in order,
// and what stands between them belongs to the part around.
func checkParts(t *testing.T, p *Part, size int64) {
	t.Helper()
	if p.Start < 0 || p.Body < p.Start || p.Body > size || p.End > size {
		t.Fatalf("part %s from %d, body from %d to %d of %d", p.Number, p.Start, p.Body, p.End, size)
	}
	at := min(p.Body, p.End) // for a part without a body the end comes first: see part
	for _, k := range p.Kids {
		if k.Start < at || max(k.Start, k.End) > max(p.Body, p.End) || k.Parent != p {
			t.Fatalf("part %s from %d to %d in %s from %d to %d", k.Number, k.Start, k.End, p.Number, p.Body, p.End)
		}
		at = max(k.Start, k.End)
		checkParts(t, k, size)
	}
}

// FuzzWalk splits an entity into its parts, and writes them again: byte for byte the same.
func FuzzWalk(f *testing.F) {
	for seed := range 32 {
		f.Add([]byte(wellFormed(3).Example(seed)))
	}
	f.Add([]byte("Content-Type: multipart/digest; boundary=\"a b\"\r\n\r\n--a b\r\n\r\nFrom: x\r\n\r\ny\r\n--a b--\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		root, err := WalkEntity(t.Context(), bytes.NewReader(b), int64(len(b)), "")
		if err != nil {
			if _, ok := errors.AsType[*LimitError](err); !ok {
				t.Fatal(err)
			}
			return
		}
		checkParts(t, root, int64(len(b)))
		if got := writtenAgain(string(b), root); got != string(b) {
			t.Fatalf("written again:\n%q\nwant\n%q", got, b)
		}
		sameWhenMeasured(t, b, root)
	})
}

// sameWhenMeasured wants the parts that are found line by line.
func sameWhenMeasured(t *testing.T, b []byte, want *Part) {
	t.Helper()
	w := &walker{root: &Part{Body: int64(len(b))}, reading: true, parts: 1, measure: true}
	w.open = []*Part{w.root}
	root, err := w.run(t.Context(), bytes.NewReader(b), 0, int64(len(b)))
	if err != nil || shape(root) != shape(want) {
		t.Fatalf("measured: %v, %s, want %s", err, shape(root), shape(want))
	}
}

func shape(p *Part) string {
	if p == nil {
		return ""
	}
	s := p.Type.Name + "["
	for _, k := range p.Kids {
		off, n := k.SignedRange()
		s += string(rune('0'+off%10)) + string(rune('0'+n%10)) + shape(k)
	}
	return s + "]"
}
