package mailbox

import (
	"bytes"
	"errors"
	"io"
)

// windowSize is how much of a file is read at once.
const windowSize = 256 << 10

// window reads a file, mostly forward, by large blocks.
type window struct {
	r    section
	size int64 // of the file
	buf  []byte
	base int64 // of buf[0] in the file
	n    int   // how much of buf is filled
}

func newWindow(at section, size int) *window {
	return &window{r: at, size: at.Size(), buf: make([]byte, min(int64(size), max(at.Size(), 1)))}
}

// holds reports whether n bytes at off, or all to the end of the file, can be had without reading.
func (w *window) holds(off int64, n int) bool {
	return off >= w.base && min(off+int64(n), w.size) <= w.base+int64(w.n)
}

// from returns what the window holds from off: at least n bytes, or all to the end of the file. It
// is valid until the next call.
func (w *window) from(off int64, n int) ([]byte, error) {
	if off >= w.size {
		return nil, nil
	}
	if !w.holds(off, n) {
		want := min(int64(max(len(w.buf), n)), w.size-off)
		if int64(len(w.buf)) < want {
			w.buf = make([]byte, want)
		}
		k, err := w.r.ReadAt(w.buf[:want], off)
		if int64(k) < want && errors.Is(err, io.EOF) { // it became shorter
			w.size, err = off+int64(k), nil
		}
		if w.base, w.n = off, k; err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
	}
	return w.buf[off-w.base : w.n], nil
}

// find returns where text, which is short, stands first at or after off. Errors: io.EOF when it
// does not.
func (w *window) find(off int64, text string) (int64, error) {
	for {
		p, err := w.from(off, len(text))
		if err != nil {
			return 0, err
		}
		if i := bytes.Index(p, []byte(text)); i >= 0 {
			return off + int64(i), nil
		}
		if off += int64(len(p)); off >= w.size {
			return 0, io.EOF
		}
		off -= int64(len(text) - 1) // it may begin at the end of the block
	}
}

// lineEnd returns where the line at off ends, after its LF.
func (w *window) lineEnd(off int64) (int64, error) {
	at, err := w.find(off, "\n")
	if errors.Is(err, io.EOF) {
		return w.size, nil
	}
	return at + 1, err
}
