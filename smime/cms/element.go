package cms

import (
	"bytes"
	"io"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// element reads the next element whole and returns its DER: lengths definite and minimal, octet
// strings in one piece (X.690, Section 10). What was DER comes back octet for octet. size bounds
// the result; the time is linear in it.
func (b *berReader) element(size limit) ([]byte, error) {
	if der := b.whole(size); der != nil {
		return der, nil
	}
	return b.appendElement(nil, size)
}

// whole takes the next element as it stands, where it is DER and at hand; else nil, and nothing is
// read: then it has to be taken apart.
func (b *berReader) whole(size limit) []byte {
	p := b.ahead(size)
	if !isDER(p, MaxDepth-b.depth) {
		return nil
	}
	der := bytes.Clone(p)
	b.discard(len(der))
	return der
}

// ahead returns the octets of the next element as its header has them, without reading them; nil
// where they do not fit into the input buffer, or would be over a limit.
func (b *berReader) ahead(size limit) []byte {
	start, _ := b.in.Peek(maxHeader)
	if len(start) == 0 {
		return nil
	}
	length, rest, ok := cutHeader(start, start[0])
	n := int64(len(start)-len(rest)) + length
	if !ok || length == indefinite || n > min(inputBuffer, int64(size.max), b.end()-b.offset) {
		return nil
	}
	p, err := b.in.Peek(int(n))
	if err != nil {
		return nil
	}
	return p
}

// isDER says whether p is a row of elements in the form that element returns, nested no deeper than
// depth.
func isDER(p cryptobyte.String, depth int) bool {
	var contents cryptobyte.String
	var tag cbasn1.Tag
	for !p.Empty() {
		// This takes minimal lengths and low tag numbers only.
		if !p.ReadAnyASN1(&contents, &tag) || tag&^bitConstructed == 0 {
			return false
		}
		if tag&bitConstructed == 0 {
			continue
		}
		if depth == 0 || tag == tagOctetString|bitConstructed || !isDER(contents, depth-1) {
			return false
		}
	}
	return true
}

// tagged is element for one that must have this tag.
func (b *berReader) tagged(tag byte, name string, size limit) ([]byte, error) {
	at := b.offset
	der, err := b.element(size)
	if err != nil {
		return nil, err
	}
	if der[0] != tag {
		return nil, &SyntaxError{Offset: at, Reason: name + ": unexpected tag"}
	}
	return der, nil
}

// discard reads past n octets that are in the input buffer.
func (b *berReader) discard(n int) {
	_, _ = b.in.Discard(n)
	b.offset += int64(n)
}

// oid reads an OBJECT IDENTIFIER and returns its contents octets.
func (b *berReader) oid(name string) (string, error) {
	at := b.offset
	der, err := b.tagged(tagOID, name, limitSmall)
	if err != nil {
		return "", err
	}
	element := cryptobyte.String(der)
	var contents cryptobyte.String
	ok := element.ReadASN1(&contents, cbasn1.OBJECT_IDENTIFIER)
	switch id := string(contents); {
	case id == oidSignedData || id == oidData:
		return id, nil
	case ok && objectIdentifier(id) != nil:
		return id, nil
	}
	return "", &SyntaxError{Offset: at, Reason: name + ": not an OBJECT IDENTIFIER"}
}

func (b *berReader) appendElement(dst []byte, size limit) ([]byte, error) {
	h, err := b.next()
	if err != nil {
		return nil, err
	}
	if h.length > int64(size.max) || len(dst) > size.max {
		return nil, size.exceeded()
	}
	if dst == nil && h.length > 0 {
		dst = make([]byte, 0, headerSize(h.length)+int(h.length))
	}
	if !h.constructed() {
		return b.appendOctets(appendHeader(dst, h.tag, h.length), h.length, size)
	}
	tag := h.tag
	if tag == tagOctetString|bitConstructed {
		tag = tagOctetString
	}
	start := len(dst)
	// The length is known already where the input is DER; else the header is put right afterwards.
	dst = appendHeader(dst, tag, max(h.length, 0))
	body := len(dst)
	if dst, err = b.appendChildren(h, dst, size); err != nil {
		return nil, err
	}
	return fixHeader(dst, start, body, tag), nil
}

// appendChildren appends the contents of h: the DER of each child, or of a constructed octet string
// the segments in a row.
func (b *berReader) appendChildren(h header, dst []byte, size limit) ([]byte, error) {
	segments := h.tag == tagOctetString|bitConstructed
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
func (b *berReader) appendSegment(dst []byte, size limit) ([]byte, error) {
	h, err := b.next()
	if err != nil {
		return nil, err
	}
	switch h.tag {
	case tagOctetString:
		return b.appendOctets(dst, h.length, size)
	case tagOctetString | bitConstructed:
		return b.appendChildren(h, dst, size)
	}
	return nil, b.syntax("segment of an octet string: unexpected tag 0x%02x", h.tag)
}

func (b *berReader) appendOctets(dst []byte, n int64, size limit) ([]byte, error) {
	if int64(len(dst))+n > int64(size.max) {
		return nil, size.exceeded()
	}
	start := len(dst)
	dst = append(dst, make([]byte, n)...)
	if _, err := io.ReadFull(b.in, dst[start:]); err != nil {
		return nil, b.inputError(err)
	}
	b.offset += n
	return dst, nil
}

// skipUntil reads past the next element without holding any of it. It may reach to offset end; size
// is the limit after that.
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
