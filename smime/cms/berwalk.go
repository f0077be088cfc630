package cms

import (
	"errors"
	"io"
)

// enter opens a constructed element; leave must follow behind its contents.
func (b *berReader) enter(h header) error {
	if b.depth == MaxDepth {
		return limitDepth.exceeded()
	}
	e := openElement{end: b.end(), indefinite: h.length == indefinite}
	if !e.indefinite {
		e.end = b.offset + h.length
	}
	b.open[b.depth] = e
	b.depth++
	return nil
}

// more says whether the open element has further contents.
func (b *berReader) more() (bool, error) {
	e := b.open[b.depth-1]
	if !e.indefinite {
		return b.offset < e.end, nil
	}
	if e.end-b.offset < 2 {
		return false, b.syntax("end-of-contents is missing")
	}
	p, err := b.in.Peek(2)
	if err != nil {
		return false, b.inputError(err)
	}
	return p[0] != 0 || p[1] != 0, nil
}

// peek returns the identifier octet of what comes next in the open element, 0 at its end.
func (b *berReader) peek() (byte, error) {
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
func (b *berReader) leave() error {
	more, err := b.more()
	if err != nil {
		return err
	}
	if more {
		return b.syntax("unexpected element")
	}
	b.depth--
	if b.open[b.depth].indefinite {
		b.discard(2) // more has seen them
	}
	return nil
}

// inside reads one constructed element with this tag; contents reads all that is in it.
func (b *berReader) inside(tag byte, name string, contents func() error) error {
	h, err := b.next()
	if err != nil {
		return err
	}
	if h.tag != tag {
		return b.syntax("%s: unexpected tag 0x%02x", name, h.tag)
	}
	if err := b.enter(h); err != nil {
		return err
	}
	if err := contents(); err != nil {
		return err
	}
	return b.leave()
}

// optional has read read what comes next, if that has this tag.
func (b *berReader) optional(tag byte, read func() error) error {
	next, err := b.peek()
	if err != nil || next != tag {
		return err
	}
	return read()
}

// each calls read for every element of the open one, of which there may be so many.
func (b *berReader) each(most limit, read func() error) error {
	for n := 0; ; n++ {
		more, err := b.more()
		if err != nil || !more {
			return err
		}
		if n == most.max {
			return most.exceeded()
		}
		if err := read(); err != nil {
			return err
		}
	}
}

// finish says whether the input ends here, as it must.
func (b *berReader) finish() error {
	_, err := b.in.Peek(1)
	switch {
	case err == nil:
		return b.syntax("octets after the end")
	case errors.Is(err, io.EOF):
		return nil
	default:
		return b.inputError(err)
	}
}
