package ber

import (
	"errors"
	"io"
)

// Enter opens a constructed element; leave must follow behind its contents.
func (b *Reader) Enter(h Header) error {
	if b.depth == MaxDepth {
		return LimitDepth.Exceeded()
	}
	e := openElement{end: b.end(), indefinite: h.Length == Indefinite}
	if !e.indefinite {
		e.end = b.offset + h.Length
	}
	b.open[b.depth] = e
	b.depth++
	return nil
}

// More says whether the open element has further contents.
func (b *Reader) More() (bool, error) {
	e := b.open[b.depth-1]
	if !e.indefinite {
		return b.offset < e.end, nil
	}
	if e.end-b.offset < 2 {
		return false, b.Syntax("end-of-contents is missing")
	}
	p, err := b.in.Peek(2)
	if err != nil {
		return false, b.inputError(err)
	}
	return p[0] != 0 || p[1] != 0, nil
}

// Peek returns the identifier octet of what comes next in the open element, 0 at its end.
func (b *Reader) Peek() (byte, error) {
	more, err := b.More()
	if err != nil || !more {
		return 0, err
	}
	p, err := b.in.Peek(1)
	if err != nil {
		return 0, b.inputError(err)
	}
	return p[0], nil
}

// Leave closes the open element, of which nothing may be left.
func (b *Reader) Leave() error {
	more, err := b.More()
	if err != nil {
		return err
	}
	if more {
		return b.Syntax("unexpected element")
	}
	b.depth--
	if b.open[b.depth].indefinite {
		b.Discard(2) // more has seen them
	}
	return nil
}

// Inside reads one constructed element with this tag; contents reads all that is in it.
func (b *Reader) Inside(tag byte, name string, contents func() error) error {
	h, err := b.Next()
	if err != nil {
		return err
	}
	if h.Tag != tag {
		return b.Syntax("%s: unexpected tag 0x%02x", name, h.Tag)
	}
	if err := b.Enter(h); err != nil {
		return err
	}
	if err := contents(); err != nil {
		return err
	}
	return b.Leave()
}

// Optional has read read what comes next, if that has this tag.
func (b *Reader) Optional(tag byte, read func() error) error {
	next, err := b.Peek()
	if err != nil || next != tag {
		return err
	}
	return read()
}

// Each calls read for every element of the open one, of which there may be so many.
func (b *Reader) Each(most Limit, read func() error) error {
	for n := 0; ; n++ {
		more, err := b.More()
		if err != nil || !more {
			return err
		}
		if n == most.Max {
			return most.Exceeded()
		}
		if err := read(); err != nil {
			return err
		}
	}
}

// Finish says whether the input ends here, as it must.
func (b *Reader) Finish() error {
	_, err := b.in.Peek(1)
	switch {
	case err == nil:
		return b.Syntax("octets after the end")
	case errors.Is(err, io.EOF):
		return nil
	default:
		return b.inputError(err)
	}
}
