package mailbox

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzMbox: the ranges of the messages lie in the file, in order and apart, each before a "From "
// line or the end, and the size of the buffer that lines are read by changes nothing.
func FuzzMbox(f *testing.F) {
	f.Add([]byte("From a@b Mon\nS: 1\n\nbody\n\nFrom c@d Tue\r\nS: 2\r\n\r\nb2\r\n"))
	f.Add([]byte("From a\n\nFrom b\n\n\nFrom "))
	f.Add([]byte("From a@b Sat Nov 28 20:00:00 2026\nContent-Length: 3\n\nxy\n\nFrom - Sat Nov 28 20:00:00 2026\nS: 2\n\n"))
	f.Fuzz(func(t *testing.T, mbox []byte) {
		small, large := ranges(t, mbox, 16), ranges(t, mbox, 64<<10)
		if len(small) != len(large) {
			t.Fatalf("%d messages by a small buffer, %d by a large one", len(small), len(large))
		}
		last := int64(0)
		for i, r := range large {
			if small[i] != r {
				t.Errorf("message %d: %v by a small buffer, %v by a large one", i, small[i], r)
			}
			if r[0] < last || r[1] < r[0] || r[1] > int64(len(mbox)) {
				t.Errorf("message %d at %v, after %d, of %d bytes", i, r, last, len(mbox))
			}
			if rest := bytes.TrimLeft(mbox[r[1]:], "\r\n"); len(rest) > 0 && !bytes.HasPrefix(rest, []byte("From ")) {
				t.Errorf("message %d is followed by %.20q", i, rest)
			}
			last = r[1]
		}
	})
}

func ranges(t *testing.T, text []byte, size int) (out [][2]int64) {
	t.Helper()
	at := io.NewSectionReader(bytes.NewReader(text), 0, int64(len(text)))
	var s mbox
	if err := s.begin(newWindow(at, size)); err != nil {
		t.Fatal(err)
	}
	for {
		e, err := s.next()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, [2]int64{e.start, e.end})
	}
}

// FuzzWalk: whatever a file holds, all that is in it is read or said, and a message of an mbox is
// no longer than the file.
func FuzzWalk(f *testing.F) {
	f.Add([]byte(twoMessages))
	f.Add([]byte("\x01\x01\x01\x01\nS: 1\n\n\x01\x01\x01\x01\n"))
	f.Add([]byte("7\nS: 4\n\nx<?xml version=\"1.0\"?>\n"))
	f.Add([]byte("PK\x03\x04PK\x05\x06"))
	f.Add([]byte("\x1f\x8b\x08\x00"))
	f.Add([]byte("\x28\xb5\x2f\xfd\x04\x00"))
	f.Fuzz(func(t *testing.T, text []byte) {
		path := filepath.Join(t.TempDir(), "box")
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		n := 0
		each := func(m Message) error {
			n++
			if m.Open == nil {
				return nil
			}
			r, err := m.Open()
			if err != nil {
				return nil
			}
			defer r.Close()
			got, _ := io.ReadAll(io.LimitReader(r, 1<<20))
			if m.Container == Mbox && compression(text) == nil && formOf(text) != formZip && len(got) > len(text) {
				t.Errorf("%s holds %d bytes of a file of %d", m.Name, len(got), len(text))
			}
			return nil
		}
		if err := Walk(path, each); err == nil && n == 0 && len(text) > 0 && formOf(text) != formMMDF {
			t.Error("no message and no error")
		}
	})
}

// FuzzRead: nothing that a file holds stops the reading of single messages.
func FuzzRead(f *testing.F) {
	f.Add([]byte("\ufeff" + banner + "\r\nFrom: a@b\r\n\r\n"))
	f.Add([]byte("Content-Type: application/ms-tnef\n\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, _, err := Read(bytes.NewReader(text), "x")
		if (m == nil) == (err == nil) {
			t.Fatalf("%v, %v", m, err)
		}
		if m != nil {
			m.Close()
		}
	})
}

// FuzzUnquote: what a writer of mboxrd quotes is had back, byte for byte.
func FuzzUnquote(f *testing.F) {
	f.Add([]byte("From a\n>From b\n>>From c\n\n>x"))
	f.Fuzz(func(t *testing.T, body []byte) {
		const header = "S: 1\n\n"
		got, err := io.ReadAll(Unquote(strings.NewReader(header+quote(string(body), true)), QuotingMboxrd))
		if err != nil || string(got) != header+string(body) {
			t.Errorf("%q became %q, %v", body, got, err)
		}
	})
}

// quote is what the writers of mboxrd do to a text, else those of mboxo.
func quote(body string, rd bool) string {
	var out strings.Builder
	for line := range strings.Lines(body) {
		if rest := strings.TrimLeft(line, ">"); strings.HasPrefix(rest, fromLine) && (rd || len(rest) == len(line)) {
			out.WriteByte('>')
		}
		out.WriteString(line)
	}
	return out.String()
}
