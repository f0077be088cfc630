package cms

import (
	"io"
)

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
		_, _ = b.in.Discard(len(p))
		b.offset += int64(len(p))
		n -= int64(len(p))
	}
	return nil
}

// skip reads past the next element without holding any of it.
func (b *berReader) skip(size limit) error {
	return b.skipUntil(b.offset+int64(size.max), size)
}

func (b *berReader) skipUntil(end int64, size limit) error {
	h, err := b.next()
	if err != nil {
		return err
	}
	if max(h.length, 0) > end-b.offset {
		return size.exceeded()
	}
	if !h.constructed() {
		return b.copyOctets(io.Discard, h.length)
	}
	if err := b.enter(h); err != nil {
		return err
	}
	for {
		more, err := b.more()
		if err != nil {
			return err
		}
		if !more {
			return b.leave()
		}
		if err := b.skipUntil(end, size); err != nil {
			return err
		}
	}
}
