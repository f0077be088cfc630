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
	tagInteger         = 0x02
	tagBitString       = 0x03
	tagOctetString     = 0x04
	tagNull            = 0x05
	tagOID             = 0x06
	tagUTCTime         = 0x17
	tagGeneralizedTime = 0x18
	tagSequence        = 0x30
	tagSet             = 0x31
	tagContext0        = 0xa0
	tagContext1        = 0xa1
	tagContext2        = 0xa2
	tagContext3        = 0xa3
	tagImplicitOctet   = 0x80 // [0] IMPLICIT OCTET STRING, primitive

	bitConstructed = 0x20
	maskNumber     = 0x1f
	indefinite     = -1
)

// berReader walks through BER (X.690) as it comes in. It knows how far each open element reaches,
// so that no child can be larger than its parent, and never looks further ahead than two octets.
type berReader struct {
	in     *bufio.Reader
	offset int64 // octets taken so far
	open   [MaxDepth]openElement
	depth  int
}

// openElement is a constructed element whose contents are being read.
type openElement struct {
	// offset behind the contents; for an indefinite one, that of the element around it
	end        int64
	indefinite bool
}

// header is the identifier and length of one element.
type header struct {
	tag    byte
	length int64 // indefinite, or octets
}

func (h header) constructed() bool { return h.tag&bitConstructed != 0 }

const inputBuffer = 16 << 10

var berReaders = sync.Pool{New: func() any { return &berReader{in: bufio.NewReaderSize(nil, inputBuffer)} }}

func newBERReader(r io.Reader) *berReader {
	b := berReaders.Get().(*berReader)
	b.in.Reset(r)
	b.offset, b.depth = 0, 0
	return b
}

// release gives b back with its buffer; it must not be used afterwards.
func (b *berReader) release() {
	b.in.Reset(nil)
	berReaders.Put(b)
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
