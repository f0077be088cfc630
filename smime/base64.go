package smime

import (
	"encoding/base64"
	"io"
	"slices"
)

const (
	base64Line   = 57 // octets that make a line of 76 columns
	base64Column = 76
)

// base64Writer encodes what is written to it in lines of 76 columns (RFC 2045, Section 6.8).
type base64Writer struct {
	w   io.Writer
	out []byte
	in  [base64Line]byte
	n   int // of in
}

func newBase64Writer(w io.Writer, sizeHint int64) *base64Writer {
	size := min(max(sizeHint, 0)/base64Line*(base64Column+2)+2*(base64Column+2), flushSize+base64Column+2)
	return &base64Writer{w: w, out: make([]byte, 0, size)}
}

func (b *base64Writer) Write(p []byte) (int, error) {
	total := len(p)
	if b.n > 0 {
		k := copy(b.in[b.n:], p)
		b.n += k
		p = p[k:]
		if b.n < base64Line {
			return total, nil
		}
		if err := b.encode(b.in[:]); err != nil {
			return 0, err
		}
		b.n = 0
	}
	for len(p) >= base64Line {
		if err := b.encode(p[:base64Line]); err != nil {
			return 0, err
		}
		p = p[base64Line:]
	}
	b.n = copy(b.in[:], p)
	return total, nil
}

func (b *base64Writer) encode(line []byte) error {
	n := len(b.out)
	b.out = slices.Grow(b.out, base64Column+2)[:n+base64.StdEncoding.EncodedLen(len(line))]
	base64.StdEncoding.Encode(b.out[n:], line)
	b.out = append(b.out, '\r', '\n')
	if len(b.out) < flushSize {
		return nil
	}
	return b.flush()
}

func (b *base64Writer) flush() error {
	_, err := b.w.Write(b.out)
	b.out = b.out[:0]
	return err
}

// Close writes the last line.
func (b *base64Writer) Close() error {
	if b.n > 0 {
		if err := b.encode(b.in[:b.n]); err != nil {
			return err
		}
		b.n = 0
	}
	return b.flush()
}

// rewrapWriter writes the lines of base64 anew in lines of 76 columns; what is no character of the alphabet is left out, as every decoder
// does (RFC 2045, Section 6.8).
type rewrapWriter struct {
	w   io.Writer
	out []byte
	col int
}

var base64Char = func() (t [256]bool) {
	for _, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=") {
		t[c] = true
	}
	return t
}()

func (r *rewrapWriter) line(l line) error {
	for _, c := range l.data {
		if !base64Char[c] {
			continue
		}
		if r.col == base64Column {
			r.out = append(r.out, '\r', '\n')
			r.col = 0
		}
		r.out = append(r.out, c)
		r.col++
	}
	if len(r.out) < flushSize {
		return nil
	}
	return r.flush()
}

func (r *rewrapWriter) flush() error {
	_, err := r.w.Write(r.out)
	r.out = r.out[:0]
	return err
}

func (r *rewrapWriter) close() error {
	if r.col > 0 {
		r.out = append(r.out, '\r', '\n')
	}
	return r.flush()
}
