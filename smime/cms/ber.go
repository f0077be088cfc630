package cms

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"sync"
)

// Identifier octets (X.690, Section 8.1.2) as they occur in SignedData.
const (
	tagInteger       = 0x02
	tagBitString     = 0x03
	tagOctetString   = 0x04
	tagNull          = 0x05
	tagOID           = 0x06
	tagUTCTime       = 0x17
	tagGeneralized   = 0x18
	tagSequence      = 0x30
	tagSet           = 0x31
	tagContext0      = 0xa0
	tagContext1      = 0xa1
	tagContext2      = 0xa2
	tagContext3      = 0xa3
	tagImplicitOctet = 0x80 // [0] IMPLICIT OCTET STRING, primitive

	bitConstructed = 0x20
	maskNumber     = 0x1f
	indefinite     = -1
)

// berReader walks through BER (X.690) as it comes in. It knows how far each open element reaches, so that no child
// can be larger than its parent, and never looks further ahead than two octets.
type berReader struct {
	in     *bufio.Reader
	offset int64 // octets taken so far
	open   [MaxDepth]openElement
	depth  int
}

// openElement is a constructed element whose contents are being read.
type openElement struct {
	end        int64 // offset behind the contents; for an indefinite one, that of the element around it
	indefinite bool
}

// header is the identifier and length of one element.
type header struct {
	tag    byte
	length int64 // indefinite, or octets
}

func (h header) constructed() bool { return h.tag&bitConstructed != 0 }

const inputBuffer = 16 << 10

var inputBuffers = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, inputBuffer) }}

func newBERReader(r io.Reader) *berReader {
	in := inputBuffers.Get().(*bufio.Reader)
	in.Reset(r)
	return &berReader{in: in}
}

// release gives the buffer back; b is of no use afterwards.
func (b *berReader) release() {
	b.in.Reset(nil)
	inputBuffers.Put(b.in)
	b.in = nil
}

func (b *berReader) syntax(format string, args ...any) error {
	return &SyntaxError{Offset: b.offset, Reason: fmt.Sprintf(format, args...)}
}

// inputError tells the end of the input, which is a matter of syntax, from trouble in reading it.
func (b *berReader) inputError(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return b.syntax("truncated")
	}
	return fmt.Errorf("cms: reading: %w", err)
}

// end is the offset that nothing read now may pass.
func (b *berReader) end() int64 {
	if b.depth == 0 {
		return math.MaxInt64
	}
	return b.open[b.depth-1].end
}

func (b *berReader) octet() (byte, error) {
	if b.offset >= b.end() {
		return 0, b.syntax("element reaches beyond the one around it")
	}
	c, err := b.in.ReadByte()
	if err != nil {
		return 0, b.inputError(err)
	}
	b.offset++
	return c, nil
}

// next reads identifier and length of the next element.
func (b *berReader) next() (header, error) {
	tag, err := b.octet()
	if err != nil {
		return header{}, err
	}
	if tag&maskNumber == maskNumber {
		return header{}, b.syntax("tag number above 30")
	}
	if tag&^bitConstructed == 0 {
		return header{}, b.syntax("end-of-contents out of place")
	}
	length, err := b.length()
	if err != nil {
		return header{}, err
	}
	if length == indefinite && tag&bitConstructed == 0 {
		return header{}, b.syntax("indefinite length of a primitive element")
	}
	if length > b.end()-b.offset {
		return header{}, b.syntax("element reaches beyond the one around it")
	}
	return header{tag, length}, nil
}

// length reads X.690, Section 8.1.3: short, long (at most 8 octets) or indefinite.
func (b *berReader) length() (int64, error) {
	first, err := b.octet()
	if err != nil || first < 0x80 {
		return int64(first), err
	}
	if first == 0x80 {
		return indefinite, nil
	}
	if first > 0x88 {
		return 0, b.syntax("length of more than 8 octets")
	}
	var length uint64
	for range first & 0x7f {
		c, err := b.octet()
		if err != nil {
			return 0, err
		}
		length = length<<8 | uint64(c)
	}
	if length > math.MaxInt64/2 {
		return 0, b.syntax("length of more than 62 bits")
	}
	return int64(length), nil
}

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
		_, _ = b.in.Discard(2) // more has seen them
		b.offset += 2
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
		return b.syntax("octets behind the end")
	case errors.Is(err, io.EOF):
		return nil
	default:
		return b.inputError(err)
	}
}
