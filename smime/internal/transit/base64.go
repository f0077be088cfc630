package transit

import (
	"context"
	"encoding/base64"
	"errors"
	"io"

	"dnseal/smime/internal/entity"
)

// Sizes of base64 lines (RFC 2045, Section 6.8).
const (
	Base64Line   = 57 // octets that make a line of 76 columns
	Base64Column = 76
)

// base64Writer encodes what is written to it in lines of 76 columns (RFC 2045, Section 6.8).
type base64Writer struct {
	w   io.Writer
	buf *[entity.LineBuffer]byte
	out []byte // in buf
	in  [Base64Line]byte
	n   int // of in
}

// NewBase64Writer returns a writer that is to be closed.
func NewBase64Writer(w io.Writer) *base64Writer {
	buf := entity.LineBuffers.Get().(*[entity.LineBuffer]byte)
	return &base64Writer{w: w, buf: buf, out: buf[:0]}
}

func (b *base64Writer) Write(p []byte) (int, error) {
	total := len(p)
	if b.n > 0 {
		k := copy(b.in[b.n:], p)
		b.n += k
		p = p[k:]
		if b.n < Base64Line {
			return total, nil
		}
		if err := b.encode(b.in[:]); err != nil {
			return 0, err
		}
		b.n = 0
	}
	for len(p) >= Base64Line {
		if err := b.encode(p[:Base64Line]); err != nil {
			return 0, err
		}
		p = p[Base64Line:]
	}
	b.n = copy(b.in[:], p)
	return total, nil
}

func (b *base64Writer) encode(line []byte) error {
	b.out = append(base64.StdEncoding.AppendEncode(b.out, line), '\r', '\n')
	if len(b.out) < entity.FlushSize {
		return nil
	}
	return b.flush()
}

func (b *base64Writer) flush() error {
	_, err := b.w.Write(b.out)
	b.out = b.out[:0]
	return err
}

// Close writes the last line and gives the buffer back. Once closed, closing does nothing.
func (b *base64Writer) Close() error {
	if b.buf == nil {
		return nil
	}
	var err error
	if b.n > 0 {
		err = b.encode(b.in[:b.n])
	}
	if err == nil {
		err = b.flush()
	}
	entity.LineBuffers.Put(b.buf)
	b.buf, b.out = nil, nil
	return err
}

// rewrapWriter writes base64 again, in lines of 76 columns. It leaves out what is not in the
// alphabet, as every decoder does (RFC 2045, Section 6.8).
type rewrapWriter struct {
	w   io.Writer
	out []byte
	col int
}

func (r *rewrapWriter) line(l entity.Line) error {
	for _, c := range l.Data {
		if !entity.Base64Char[c] {
			continue
		}
		if r.col == Base64Column {
			r.out = append(r.out, '\r', '\n')
			r.col = 0
		}
		r.out = append(r.out, c)
		r.col++
	}
	if len(r.out) < entity.FlushSize {
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

// pureBase64 reports whether the body of p is base64 and nothing else: lines of its alphabet with
// white space around them, padding at the end only (RFC 2045, Section 6.8). Other text in such a
// part, like the footers of some lists, would run together when it is wrapped again.
func pureBase64(ctx context.Context, src io.ReaderAt, p *entity.Part) (bool, error) {
	lines := entity.NewLineReader(ctx, src, p.Body, max(p.Body, p.End))
	defer lines.Close()
	var c base64Check
	for {
		l, err := lines.Next()
		switch {
		case errors.Is(err, io.EOF):
			return true, nil
		case err != nil:
			return false, err
		case !c.line(l):
			return false, nil
		}
	}
}

// base64Check looks at base64 line by line.
type base64Check struct {
	inside, blank bool // the line has begun; white space followed
	padded        bool
}

func (c *base64Check) line(l entity.Line) bool {
	if l.First {
		c.inside, c.blank = false, false
	}
	for _, b := range l.Data {
		switch {
		case b == ' ' || b == '\t' || b == '\r':
			c.blank = true
		case !entity.Base64Char[b], c.inside && c.blank, c.padded && b != '=':
			return false
		default:
			c.inside, c.blank, c.padded = true, false, b == '='
		}
	}
	return true
}
