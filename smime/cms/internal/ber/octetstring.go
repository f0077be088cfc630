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
