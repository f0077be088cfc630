package ber

import "io"

// CopyOctetString reads one octet string, in whatever pieces, and writes it to w as it comes.
func (b *Reader) CopyOctetString(w io.Writer) (int64, error) {
	h, err := b.Next()
	if err != nil {
		return 0, err
	}
	switch h.Tag {
	case TagOctetString:
		return h.Length, b.copyOctets(w, h.Length)
	case TagOctetString | Constructed:
		return b.copySegments(h, w)
	}
	return 0, b.Syntax("eContent: unexpected tag 0x%02x", h.Tag)
}

// CopyImplicit is CopyOctetString for one with an implicit tag, as it is without Constructed (RFC
// 5652, Section 6.1: encryptedContent). What is larger than most is refused before it is read.
// Where w has a method Grow, as a bytes.Buffer does, it is told the length if that is known.
func (b *Reader) CopyImplicit(tag byte, name string, w io.Writer, most Limit) (int64, error) {
	h, err := b.Next()
	if err != nil {
		return 0, err
	}
	limited := &limitedWriter{w: w, most: most}
	switch h.Tag {
	case tag:
		if h.Length > int64(most.Max) {
			return 0, most.Exceeded()
		}
		if w, ok := w.(interface{ Grow(n int) }); ok {
			w.Grow(int(h.Length))
		}
		err = b.copyOctets(limited, h.Length)
	case tag | Constructed:
		_, err = b.copySegments(h, limited)
	default:
		err = b.Syntax("%s: unexpected tag 0x%02x", name, h.Tag)
	}
	return limited.n, err
}

// limitedWriter counts what is written, and writes no more than most.
type limitedWriter struct {
	w    io.Writer
	n    int64
	most Limit
}

func (l *limitedWriter) Write(p []byte) (int, error) {
	if l.n += int64(len(p)); l.n > int64(l.most.Max) {
		return 0, l.most.Exceeded()
	}
	return l.w.Write(p)
}

func (b *Reader) copySegments(h Header, w io.Writer) (int64, error) {
	if err := b.enter(h); err != nil {
		return 0, err
	}
	var total int64
	for {
		more, err := b.more()
		if err != nil {
			return 0, err
		}
		if !more {
			return total, b.leave()
		}
		n, err := b.CopyOctetString(w)
		if err != nil {
			return 0, err
		}
		total += n
	}
}

// copyOctets writes the next n octets to w, straight from the input buffer.
func (b *Reader) copyOctets(w io.Writer, n int64) error {
	for n > 0 {
		if _, err := b.in.Peek(1); err != nil {
			return b.inputError(err)
		}
		p, _ := b.in.Peek(int(min(n, int64(b.in.Buffered()))))
		if _, err := w.Write(p); err != nil {
			return err
		}
		b.Discard(len(p))
		n -= int64(len(p))
	}
	return nil
}
