package cms

import "io"

// copyOctetString reads one octet string, in whatever pieces, and writes it to w as it comes.
func (b *berReader) copyOctetString(w io.Writer) (int64, error) {
	h, err := b.next()
	if err != nil {
		return 0, err
	}
	switch h.tag {
	case tagOctetString:
		return h.length, b.copyOctets(w, h.length)
	case tagOctetString | bitConstructed:
		return b.copySegments(h, w)
	}
	return 0, b.syntax("eContent: unexpected tag 0x%02x", h.tag)
}

func (b *berReader) copySegments(h header, w io.Writer) (int64, error) {
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
		n, err := b.copyOctetString(w)
		if err != nil {
			return 0, err
		}
		total += n
	}
}

// copyOctets writes the next n octets to w, straight from the input buffer.
func (b *berReader) copyOctets(w io.Writer, n int64) error {
	for n > 0 {
		if _, err := b.in.Peek(1); err != nil {
			return b.inputError(err)
		}
		p, _ := b.in.Peek(int(min(n, int64(b.in.Buffered()))))
		if _, err := w.Write(p); err != nil {
			return err
		}
		b.discard(len(p))
		n -= int64(len(p))
	}
	return nil
}
