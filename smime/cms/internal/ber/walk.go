package ber

import (
	"errors"
	"io"
)

// enter opens a constructed element; leave must follow after its contents.
func (b *Reader) enter(h Header) error {
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

// more says whether the open element has further contents.
func (b *Reader) more() (bool, error) {
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
	more, err := b.more()
	if err != nil || !more {
		return 0, err
	}
	p, err := b.in.Peek(1)
	if err != nil {
		return 0, b.inputError(err)
	}
	return p[0], nil
}

// leave closes the open element, of which nothing may be left.
func (b *Reader) leave() error {
	more, err := b.more()
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
	return b.Within(h, contents)
}

// Within reads the constructed element that has the header h; contents reads all that is in it.
func (b *Reader) Within(h Header, contents func() error) error {
	if err := b.enter(h); err != nil {
		return err
	}
	if err := contents(); err != nil {
		return err
	}
	return b.leave()
}

// Optional calls read if the next element has this tag.
func (b *Reader) Optional(tag byte, read func() error) error {
	next, err := b.Peek()
	if err != nil || next != tag {
		return err
	}
	return read()
}

// Each calls read for every element of the open one, of which there may be at most most.Max.
func (b *Reader) Each(most Limit, read func() error) error {
	n := 0
	return b.all(func() error {
		if n == most.Max {
			return most.Exceeded()
		}
		n++
		return read()
	})
}

// all calls read for every element of the open one.
func (b *Reader) all(read func() error) error {
	for {
		more, err := b.more()
		if err != nil || !more {
			return err
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
