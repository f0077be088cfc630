// Package ber reads BER (ITU-T X.690) from a stream and writes DER, as the Cryptographic Message
// Syntax uses them (RFC 5652, Section 1.2: BER, and DER for signed attributes).
//
// A [Reader] walks through nested elements of any length in constant memory: [Reader.Inside],
// [Reader.Each] and [Reader.Optional] follow the ASN.1, [Reader.Element] returns one element as
// DER, [Reader.CopyOctetString] streams the contents of an octet string. [TLV] and [SetOf] write
// DER.
//
// # Limitations
//
// Tag numbers above 30 and lengths of more than 62 bits are refused: no structure of RFC 5652 has
// them. Element normalises lengths and octet strings, which are all that CMS needs in DER: it does
// not sort a SET OF, and does not look into BOOLEAN, INTEGER or strings of characters. The
// caller checks the contents of an element and decides how large it may be.
package ber

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
	TagInteger         = 0x02
	TagBitString       = 0x03
	TagOctetString     = 0x04
	TagNull            = 0x05
	TagOID             = 0x06
	TagUTCTime         = 0x17
	TagGeneralizedTime = 0x18
	TagSequence        = 0x30
	TagSet             = 0x31
	TagContext0        = 0xa0
	TagContext1        = 0xa1
	TagContext2        = 0xa2
	TagContext3        = 0xa3
	TagImplicitOctet   = 0x80 // [0] IMPLICIT OCTET STRING, primitive

	Constructed = 0x20
	maskNumber  = 0x1f
)

// Indefinite is the Length of an element that ends with end-of-contents octets (X.690, Section
// 8.1.3.6).
const Indefinite = -1

// Null is the DER of NULL.
var Null = []byte{TagNull, 0}

// Reader walks through BER (X.690) as it comes in. It knows how far each open element reaches,
// so that no child can be larger than its parent, and never looks further ahead than two octets.
type Reader struct {
	in     *bufio.Reader
	offset int64 // octets read so far
	open   [MaxDepth]openElement
	depth  int
}

// openElement is a constructed element whose contents are being read.
type openElement struct {
	// offset after the contents; for an indefinite one, that of the element around it
	end        int64
	indefinite bool
}

// Header is the identifier and length of one element.
type Header struct {
	Tag    byte
	Length int64 // of the contents in octets, or Indefinite
}

func (h Header) constructed() bool { return h.Tag&Constructed != 0 }

const inputBuffer = 16 << 10

var berReaders = sync.Pool{New: func() any { return &Reader{in: bufio.NewReaderSize(nil, inputBuffer)} }}

// NewReader returns a Reader of r. The caller releases it.
func NewReader(r io.Reader) *Reader {
	b := berReaders.Get().(*Reader)
	b.in.Reset(r)
	b.offset, b.depth = 0, 0
	return b
}

// Release gives b back with its buffer; it must not be used afterwards.
func (b *Reader) Release() {
	b.in.Reset(nil)
	berReaders.Put(b)
}

// Syntax returns the error for malformed input at the current place.
func (b *Reader) Syntax(format string, args ...any) error {
	return &SyntaxError{Offset: b.offset, Reason: fmt.Sprintf(format, args...)}
}

// inputError makes the end of the input a SyntaxError; other errors come from the input.
func (b *Reader) inputError(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return b.Syntax("truncated")
	}
	return fmt.Errorf("cms: reading: %w", err)
}

// Offset is how many octets were read so far.
func (b *Reader) Offset() int64 { return b.offset }

// end is the offset that nothing read now may pass.
func (b *Reader) end() int64 {
	if b.depth == 0 {
		return math.MaxInt64
	}
	return b.open[b.depth-1].end
}

func (b *Reader) octet() (byte, error) {
	if b.offset >= b.end() {
		return 0, b.Syntax("element reaches beyond the one around it")
	}
	c, err := b.in.ReadByte()
	if err != nil {
		return 0, b.inputError(err)
	}
	b.offset++
	return c, nil
}

// Next reads identifier and length of the next element.
func (b *Reader) Next() (Header, error) {
	tag, err := b.octet()
	if err != nil {
		return Header{}, err
	}
	if tag&maskNumber == maskNumber {
		return Header{}, b.Syntax("tag number above 30")
	}
	if tag&^Constructed == 0 {
		return Header{}, b.Syntax("end-of-contents out of place")
	}
	length, err := b.length()
	if err != nil {
		return Header{}, err
	}
	if length == Indefinite && tag&Constructed == 0 {
		return Header{}, b.Syntax("indefinite length of a primitive element")
	}
	if length > b.end()-b.offset {
		return Header{}, b.Syntax("element reaches beyond the one around it")
	}
	return Header{tag, length}, nil
}

// length reads X.690, Section 8.1.3: short, long (at most 8 octets) or indefinite.
func (b *Reader) length() (int64, error) {
	first, err := b.octet()
	if err != nil || first < 0x80 {
		return int64(first), err
	}
	if first == 0x80 {
		return Indefinite, nil
	}
	if first > 0x88 {
		return 0, b.Syntax("length of more than 8 octets")
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
		return 0, b.Syntax("length of more than 62 bits")
	}
	return int64(length), nil
}
