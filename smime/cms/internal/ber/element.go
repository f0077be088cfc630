package ber

import (
	"bytes"
	"io"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// Element reads the next element whole and returns its DER: lengths definite and minimal, octet
// strings in one piece (X.690, Section 10). What was DER comes back octet for octet. size bounds
// the result; the time is linear in it.
func (b *Reader) Element(size Limit) ([]byte, error) {
	if der := b.whole(size); der != nil {
		return der, nil
	}
	return b.appendElement(nil, size)
}

// whole reads the next element unchanged if it is DER and in the input buffer; else it returns nil
// and reads nothing.
func (b *Reader) whole(size Limit) []byte {
	p := b.Ahead(size)
	if !isDER(p, MaxDepth-b.depth) {
		return nil
	}
	der := bytes.Clone(p)
	b.Discard(len(der))
	return der
}

// Ahead returns the octets of the next element as its header has them, without reading them; nil
// where they are larger than the input buffer or a limit.
func (b *Reader) Ahead(size Limit) []byte {
	start, _ := b.in.Peek(maxHeader)
	if len(start) == 0 {
		return nil
	}
	length, rest, ok := CutHeader(start, start[0])
	n := int64(len(start)-len(rest)) + length
	if !ok || length == Indefinite || n > min(inputBuffer, int64(size.Max), b.end()-b.offset) {
		return nil
	}
	p, err := b.in.Peek(int(n))
	if err != nil {
		return nil
	}
	return p
}

// isDER says whether p is a sequence of elements in the form that Element returns, nested no deeper
// than depth.
func isDER(p cryptobyte.String, depth int) bool {
	var contents cryptobyte.String
	var tag cbasn1.Tag
	for !p.Empty() {
		// This accepts minimal lengths and low tag numbers only.
		if !p.ReadAnyASN1(&contents, &tag) || tag&^Constructed == 0 {
			return false
		}
		if tag&Constructed == 0 {
			continue
		}
		if depth == 0 || tag == TagOctetString|Constructed || !isDER(contents, depth-1) {
			return false
		}
	}
	return true
}

// Tagged is Element for one that must have this tag.
func (b *Reader) Tagged(tag byte, name string, size Limit) ([]byte, error) {
	at := b.offset
	der, err := b.Element(size)
	if err != nil {
		return nil, err
	}
	if der[0] != tag {
		return nil, &SyntaxError{Offset: at, Reason: name + ": unexpected tag"}
	}
	return der, nil
}

// Discard reads past n octets that are in the input buffer.
func (b *Reader) Discard(n int) {
	_, _ = b.in.Discard(n)
	b.offset += int64(n)
}

func (b *Reader) appendElement(dst []byte, size Limit) ([]byte, error) {
	h, err := b.Next()
	if err != nil {
		return nil, err
	}
	if h.Length > int64(size.Max) || len(dst) > size.Max {
		return nil, size.Exceeded()
	}
	if dst == nil && h.Length > 0 {
		dst = make([]byte, 0, HeaderSize(h.Length)+int(h.Length))
	}
	if !h.constructed() {
		return b.appendOctets(AppendHeader(dst, h.Tag, h.Length), h.Length, size)
	}
	tag := h.Tag
	if tag == TagOctetString|Constructed {
		tag = TagOctetString
	}
	start := len(dst)
	// The length is known already where the input is DER; else the header is put right afterwards.
	dst = AppendHeader(dst, tag, max(h.Length, 0))
	body := len(dst)
	if dst, err = b.appendChildren(h, dst, size); err != nil {
		return nil, err
	}
	return fixHeader(dst, start, body, tag), nil
}

// appendChildren appends the contents of h: the DER of each child, or of a constructed octet string
// the segments in a row.
func (b *Reader) appendChildren(h Header, dst []byte, size Limit) ([]byte, error) {
	segments := h.Tag == TagOctetString|Constructed
	if err := b.enter(h); err != nil {
		return nil, err
	}
	for {
		more, err := b.more()
		if err != nil {
			return nil, err
		}
		if !more {
			return dst, b.leave()
		}
		if segments {
			dst, err = b.appendSegment(dst, size)
		} else {
			dst, err = b.appendElement(dst, size)
		}
		if err != nil {
			return nil, err
		}
	}
}

// appendSegment appends the contents of one segment of a constructed octet string (X.690, Section
// 8.7.3), itself perhaps constructed.
func (b *Reader) appendSegment(dst []byte, size Limit) ([]byte, error) {
	h, err := b.Next()
	if err != nil {
		return nil, err
	}
	switch h.Tag {
	case TagOctetString:
		return b.appendOctets(dst, h.Length, size)
	case TagOctetString | Constructed:
		return b.appendChildren(h, dst, size)
	}
	return nil, b.Syntax("segment of an octet string: unexpected tag 0x%02x", h.Tag)
}

func (b *Reader) appendOctets(dst []byte, n int64, size Limit) ([]byte, error) {
	if int64(len(dst))+n > int64(size.Max) {
		return nil, size.Exceeded()
	}
	start := len(dst)
	dst = append(dst, make([]byte, n)...)
	if _, err := io.ReadFull(b.in, dst[start:]); err != nil {
		return nil, b.inputError(err)
	}
	b.offset += n
	return dst, nil
}

// SkipUntil reads past the next element without holding any of it. It may reach to offset end; size
// is the limit after that.
func (b *Reader) SkipUntil(end int64, size Limit) error {
	h, err := b.Next()
	if err != nil {
		return err
	}
	if max(h.Length, 0) > end-b.offset {
		return size.Exceeded()
	}
	if !h.constructed() {
		return b.copyOctets(io.Discard, h.Length)
	}
	return b.Within(h, func() error {
		return b.all(func() error { return b.SkipUntil(end, size) })
	})
}
