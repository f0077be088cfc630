package wire

import (
	"bytes"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"dnseal/lookup/lookuptest/peertest"

	"pgregory.net/rapid"
)

// pieces is a connection whose reads return the pieces one after the other.
type pieces struct {
	net.Conn
	left []string
}

func (p *pieces) SetReadDeadline(time.Time) error { return nil }

func (p *pieces) Read(b []byte) (int, error) {
	if len(p.left) == 0 {
		return 0, io.EOF
	}
	n := copy(b, p.left[0])
	if p.left[0] = p.left[0][n:]; p.left[0] == "" {
		p.left = p.left[1:]
	}
	return n, nil
}

// readData reads content that comes in pieces, and returns what is left unread.
func readData(parts ...string) (c *Content, body, rest string, err error) {
	return readLines(false, parts...)
}

// readLines is readData, with bare LF normalized or not.
func readLines(normalize bool, parts ...string) (c *Content, body, rest string, err error) {
	in := NewInput(&pieces{left: parts})
	var b bytes.Buffer
	c = &Content{Normalize: normalize}
	err = in.Data(c, &b)
	for err == nil {
		rest += string(in.buf[in.r:in.w])
		in.r = in.w
		if in.more() != nil {
			break
		}
	}
	return c, b.String(), rest, err
}

// TestData checks where content ends, and that nothing but CRLF "." CRLF ends it (RFC 5321,
// 4.1.1.4).
func TestData(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		in, body, rest string
		bare           bool
	}{
		{".\r\n", "", "", false},
		{".\r\nQUIT\r\n", "", "QUIT\r\n", false},
		{"a\r\n.\r\n", "a\r\n", "", false},
		{"..\r\n.\r\n", ".\r\n", "", false},
		{".a\r\n...\r\n.\r\n", "a\r\n..\r\n", "", false},
		{"a.\r\n.\r\n", "a.\r\n", "", false},
		{"\r\n\r\n.\r\n", "\r\n\r\n", "", false},
		// What other servers accept as an end (smuggling): content here, and refused.
		{"a\n.\n\r\n.\r\n", "a\n.\n\r\n", "", true},
		{"a\n.\r\nMAIL\r\n.\r\n", "a\n.\r\nMAIL\r\n", "", true},
		{"a\r\n.\nMAIL\r\n.\r\n", "a\r\n\nMAIL\r\n", "", true},
		{"a\r.\rMAIL\r\n.\r\n", "a\r.\rMAIL\r\n", "", true},
		{"a\r\n.\rMAIL\r\n.\r\n", "a\r\n\rMAIL\r\n", "", true},
		{"a\r.\r\nMAIL\r\n.\r\n", "a\r.\r\nMAIL\r\n", "", true},
		{"a\n\r.\r\n\r\n.\r\n", "a\n\r.\r\n\r\n", "", true},
		{"a\r\n.\r\r\nMAIL\r\n.\r\n", "a\r\n\r\r\nMAIL\r\n", "", true},
		{"a\x00\r\n.\x00\r\n.\r\n", "a\x00\r\n\x00\r\n", "", false},
		// A CR before the last CRLF must not hide the end.
		{"x\r\r\n.\r\n", "x\r\r\n", "", true},
		{"\r\r\n.\r\n", "\r\r\n", "", true},
		{"\n.\r\n.\r\n", "\n.\r\n", "", true},
	} {
		// In one piece, and byte by byte.
		for _, parts := range [][]string{{tt.in}, strings.Split(tt.in, "")} {
			c, body, rest, err := readData(parts...)
			if err != nil || body != tt.body || rest != tt.rest || c.Bare != tt.bare || c.size != int64(len(tt.body)) {
				t.Errorf("%q in %d pieces: body %q, rest %q, bare %v, size %d, %v; want %q, %q, %v", tt.in, len(parts), body, rest, c.Bare, c.size, err, tt.body, tt.rest, tt.bare)
			}
		}
	}
}

// TestDataProperty checks the block-wise reader against a slow and simple one, for content of any
// kind in any pieces.
func TestDataProperty(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.SliceOfN(rapid.SampledFrom([]string{"\r\n", "\r", "\n", ".", "..", "a", strings.Repeat("x", 700), strings.Repeat("y", 1023), "\r\n.", "\x00"}), 0, 60).Draw(t, "words")
		text := strings.Join(words, "") + "\r\n.\r\nREST"
		wantBody, wantRest := peertest.Undot(text)
		var parts []string
		for rest := text; rest != ""; {
			n := rapid.IntRange(1, len(rest)).Draw(t, "piece")
			parts, rest = append(parts, rest[:n]), rest[n:]
		}
		c, body, rest, err := readData(parts...)
		if err != nil || body != wantBody || rest != wantRest || c.Bare != isBare(wantBody) {
			t.Fatalf("%q in %q: body %q, rest %q, bare %v, %v; want %q, %q, %v", text, parts, body, rest, c.Bare, err, wantBody, wantRest, isBare(wantBody))
		}
	})
}

// isBare reports whether a CR or LF stands outside a CRLF.
func isBare(s string) bool {
	return strings.ContainsAny(strings.ReplaceAll(s, "\r\n", ""), "\r\n")
}

// TestChunks checks that exactly the bytes announced are read, and that bare CR and LF are seen
// across chunks.
func TestChunks(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOfN(rapid.SampledFrom([]string{"\r\n", "\r", "\n", ".", "a"}), 0, 30).Draw(t, "text"), "")
		var parts []string
		for rest := text + "REST"; rest != ""; {
			n := rapid.IntRange(1, len(rest)).Draw(t, "piece")
			parts, rest = append(parts, rest[:n]), rest[n:]
		}
		in := NewInput(&pieces{left: parts})
		var b bytes.Buffer
		c := &Content{}
		for left := len(text); left > 0; {
			n := rapid.IntRange(1, left).Draw(t, "chunk")
			if err := in.Chunk(int64(n), c, &b); err != nil {
				t.Fatal(err)
			}
			left -= n
		}
		c.Finish()
		if b.String() != text || c.Bare != isBare(text) {
			t.Fatalf("%q came as %q, bare %v, want %v", text, b.String(), c.Bare, isBare(text))
		}
	})
}

var errDisk = errors.New("full")

type failing struct{ after int }

func (f *failing) Write(p []byte) (int, error) {
	if f.after -= len(p); f.after < 0 {
		return 0, errDisk
	}
	return len(p), nil
}

// TestDataAfterFailure checks that the rest of a message is read and thrown away when it cannot be
// stored.
func TestDataAfterFailure(t *testing.T) {
	t.Parallel()
	in := NewInput(&pieces{left: []string{strings.Repeat("MAIL FROM:<x@y>\r\n", 10000) + ".\r\nNOOP\r\n"}})
	c := &Content{}
	err := in.Data(c, &failing{after: 5000})
	if err != nil || !errors.Is(c.Err, errDisk) || c.size != 170000 {
		t.Errorf("size %d, errors %v and %v", c.size, c.Err, err)
	}
	if line, err := in.Line(100); string(line) != "NOOP" || err != nil {
		t.Errorf("next line = %q, %v", line, err)
	}
}

func FuzzData(f *testing.F) {
	f.Add("a\r\n.b\r\n.\r\nx", 3)
	f.Fuzz(func(t *testing.T, text string, n int) {
		text += "\r\n.\r\n"
		n = max(1, min(n, len(text)-1))
		wantBody, wantRest := peertest.Undot(text)
		c, body, rest, err := readData(text[:n], text[n:])
		if err != nil || body != wantBody || rest != wantRest || c.Bare != isBare(wantBody) {
			t.Errorf("body %q, rest %q, bare %v, %v; want %q, %q", body, rest, c.Bare, err, wantBody, wantRest)
		}
	})
}

func FuzzReplyLine(f *testing.F) {
	f.Add("250-2.0.0 Ok")
	f.Fuzz(func(t *testing.T, l string) {
		code, text, last, ok := ParseReplyLine(l)
		if !ok {
			return
		}
		out := string(Reply{Code: code, Lines: []string{text}}.Forward().Append(nil))
		if code < 200 || code > 599 || strings.Count(out, "\r\n") != 1 || strings.ContainsFunc(strings.TrimSuffix(out, "\r\n"), func(r rune) bool { return r < ' ' || r > '~' }) {
			t.Errorf("%q (last %v) is handed on as %q", l, last, out)
		}
	})
}
