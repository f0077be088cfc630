package cms

import (
	"bytes"
	"slices"
)

// headerSize is how many octets identifier and length of an element take in DER.
func headerSize(length int64) int {
	n := 2
	if length >= 0x80 {
		for l := length; l > 0; l >>= 8 {
			n++
		}
	}
	return n
}

// appendHeader appends identifier and length in DER (X.690, Section 10.1).
func appendHeader(dst []byte, tag byte, length int64) []byte {
	if length < 0x80 {
		return append(dst, tag, byte(length))
	}
	octets := headerSize(length) - 2
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
	header := appendHeader(buf[:0], tag, length)
	if len(header) == body-start {
		copy(dst[start:], header)
		return dst
	}
	return slices.Replace(dst, start, body, header...)
}

// tlv returns the DER of an element whose contents are parts in a row.
func tlv(tag byte, parts ...[]byte) []byte {
	n := 0
	for _, p := range parts {
		n += len(p)
	}
	der := appendHeader(make([]byte, 0, headerSize(int64(n))+n), tag, int64(n))
	for _, p := range parts {
		der = append(der, p...)
	}
	return der
}

// setOf returns the DER of a SET OF, or of one with an implicit tag: parts sorted (X.690, Section
// 11.6). It sorts parts in place.
func setOf(tag byte, parts [][]byte) []byte {
	slices.SortFunc(parts, bytes.Compare)
	return tlv(tag, parts...)
}
