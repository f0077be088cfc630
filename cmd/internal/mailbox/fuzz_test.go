package mailbox

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"testing"
)

// FuzzMbox: the ranges of the messages lie in the file, in order and apart, each before a "From "
// line or the end, and the size of the buffer that lines are read by changes nothing.
func FuzzMbox(f *testing.F) {
	f.Add([]byte("From a@b Mon\nS: 1\n\nbody\n\nFrom c@d Tue\r\nS: 2\r\n\r\nb2\r\n"))
	f.Add([]byte("From a\n\nFrom b\n\n\nFrom "))
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
				t.Errorf("behind message %d stands %.20q", i, rest)
			}
			last = r[1]
		}
	})
}

func ranges(t *testing.T, mbox []byte, size int) (out [][2]int64) {
	t.Helper()
	var s splitter
	r := bufio.NewReaderSize(bytes.NewReader(mbox), size)
	for {
		start, end, err := s.next(r)
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, [2]int64{start, end})
	}
}
