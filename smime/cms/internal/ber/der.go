package ber

import (
	"bytes"
	"slices"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// HeaderSize is how many octets identifier and length of an element take in DER.
func HeaderSize(length int64) int {
	n := 2
	if length >= 0x80 {
		for l := length; l > 0; l >>= 8 {
			n++
		}
	}
	return n
}

// AppendHeader appends identifier and length in DER (X.690, Section 10.1).
func AppendHeader(dst []byte, tag byte, length int64) []byte {
	if length < 0x80 {
		return append(dst, tag, byte(length))
	}
	octets := HeaderSize(length) - 2
	dst = append(dst, tag, 0x80|byte(octets))
	for shift := (octets - 1) * 8; shift >= 0; shift -= 8 {
		dst = append(dst, byte(length>>shift))
	}
	return dst
}

// fixHeader makes the header at start, of an element whose contents begin at body and end with dst,
// right for their length.
func fixHeader(dst []byte, start, body int, tag byte) []byte {
	length := int64(len(dst) - body)
	var buf [10]byte
	header := AppendHeader(buf[:0], tag, length)
	if len(header) == body-start {
		copy(dst[start:], header)
		return dst
	}
	return slices.Replace(dst, start, body, header...)
}

// TLV returns the DER of an element whose contents are parts in a row.
func TLV(tag byte, parts ...[]byte) []byte {
	n := 0
	for _, p := range parts {
		n += len(p)
	}
	der := AppendHeader(make([]byte, 0, HeaderSize(int64(n))+n), tag, int64(n))
	for _, p := range parts {
		der = append(der, p...)
	}
	return der
}

// SetOf returns the DER of a SET OF, or of one with an implicit tag: parts sorted (X.690, Section
// 11.6). It sorts parts in place.
func SetOf(tag byte, parts [][]byte) []byte {
	slices.SortFunc(parts, bytes.Compare)
	return TLV(tag, parts...)
}

// SortSet returns the DER of the SET OF in der with its elements in order (X.690, Section 11.6).
func SortSet(der []byte) []byte {
	outer := cryptobyte.String(der)
	var s, element cryptobyte.String
	var tag cbasn1.Tag
	outer.ReadASN1(&s, cbasn1.SET)
	var elements [][]byte
	for s.ReadAnyASN1Element(&element, &tag) {
		elements = append(elements, element)
	}
	return SetOf(TagSet, elements)
}

// maxHeader is the longest header that CutHeader accepts.
const maxHeader = 9

// CutHeader cuts the header of an element with this tag off p; length may be indefinite.
func CutHeader(p []byte, tag byte) (length int64, rest []byte, ok bool) {
	switch {
	case len(p) < 2 || p[0] != tag:
		return 0, nil, false
	case p[1] < 0x80:
		return int64(p[1]), p[2:], true
	case p[1] == 0x80:
		return Indefinite, p[2:], true
	}
	octets := int(p[1] & 0x7f)
	if octets > 7 || len(p) < 2+octets {
		return 0, nil, false
	}
	for _, c := range p[2 : 2+octets] {
		length = length<<8 | int64(c)
	}
	return length, p[2+octets:], true
}
