package certificate

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// attribute is one AttributeTypeAndValue: id are the contents octets of its type, der is its whole
// value. text is the value as UTF-8, ok only for the string types.
type attribute struct {
	id   string
	text string
	ok   bool
	der  []byte
}

// directoryName is a Name: relative distinguished names, from the root of the directory down.
type directoryName [][]attribute

// maxDirectoryName bounds what is read of a distinguished name, in octets.
const maxDirectoryName = 4096

// readDirectoryName reads RFC 5280, Section 4.1.2.4:
//
//	RDNSequence ::= SEQUENCE OF SET SIZE (1..MAX) OF AttributeTypeAndValue
func readDirectoryName(der []byte) (directoryName, bool) {
	out, ok := readRDNSequence(der)
	empty := slices.ContainsFunc(out, func(rdn []attribute) bool { return len(rdn) == 0 })
	return out, ok && !empty
}

// readRDNSequence is readDirectoryName that accepts a relative name without attributes.
func readRDNSequence(der []byte) (directoryName, bool) {
	outer := cryptobyte.String(der)
	var s cryptobyte.String
	if len(der) > maxDirectoryName || !outer.ReadASN1(&s, cbasn1.SEQUENCE) || !outer.Empty() {
		return nil, false
	}
	var out directoryName
	for !s.Empty() {
		var set cryptobyte.String
		if !s.ReadASN1(&set, cbasn1.SET) {
			return out, false
		}
		var rdn []attribute
		for !set.Empty() {
			a, ok := readAttribute(&set)
			if !ok {
				return out, false
			}
			rdn = append(rdn, a)
		}
		out = append(out, rdn)
	}
	return out, true
}

// isDirectoryName reports whether der is a Name, of any size. Of a long one nothing is read.
func isDirectoryName(der []byte) bool {
	if len(der) > maxDirectoryName {
		return true
	}
	_, ok := readRDNSequence(der)
	return ok
}

// readAttribute reads AttributeTypeAndValue (RFC 5280, Section 4.1.2.4).
func readAttribute(set *cryptobyte.String) (attribute, bool) {
	var s, id, value, contents cryptobyte.String
	var tag cbasn1.Tag
	if !set.ReadASN1(&s, cbasn1.SEQUENCE) || !s.ReadASN1(&id, cbasn1.OBJECT_IDENTIFIER) || len(id) == 0 ||
		!s.ReadAnyASN1Element(&value, &tag) || !s.Empty() {
		return attribute{}, false
	}
	a := attribute{id: string(id), der: value}
	value.ReadAnyASN1(&contents, &tag)
	a.text, a.ok = decodeString(contents, tag)
	return a, true
}

// decodeString reads the types of DirectoryString (RFC 5280, Section 4.1.2.4), and those of older
// certificates. Text in characters that its type does not have is not read: readers disagree on
// what it says.
func decodeString(b []byte, tag cbasn1.Tag) (string, bool) {
	const numeric, universal, bmp = 18, 28, 30
	switch tag {
	case cbasn1.UTF8String:
		return string(b), utf8.Valid(b)
	case cbasn1.PrintableString, cbasn1.IA5String, numeric:
		return string(b), isASCII(string(b))
	case cbasn1.T61String: // in practice Latin-1
		return decodeWide(b, 1)
	case bmp:
		return decodeWide(b, 2)
	case universal:
		return decodeWide(b, 4)
	default:
		return "", false
	}
}

// decodeWide reads characters of so many octets each.
func decodeWide(b []byte, width int) (string, bool) {
	runes := make([]rune, 0, len(b)/width)
	for ; len(b) >= width; b = b[width:] {
		var r uint32
		for _, c := range b[:width] {
			r = r<<8 | uint32(c)
		}
		if r > unicode.MaxRune || !utf8.ValidRune(rune(r)) {
			return "", false
		}
		runes = append(runes, rune(r))
	}
	return string(runes), len(b) == 0
}

// addresses are the values of the emailAddress attributes. One that cannot be read is returned as
// its DER, which is no address (RFC 5280, Section 4.1.2.6: IA5String).
func (n directoryName) addresses() []string {
	var out []string
	for _, rdn := range n {
		for _, a := range rdn {
			if a.id != idEmailAddress {
				continue
			}
			if !a.ok {
				a.text = string(a.der)
			}
			out = append(out, a.text)
		}
	}
	return out
}

// canonical is one text for each relative name: equal names have equal ones, whatever the string
// type, the case of letters and the white space (RFC 5280, Section 7.1).
func (n directoryName) canonical() []string {
	out := make([]string, len(n))
	for i, rdn := range n {
		parts := make([]string, len(rdn))
		for k, a := range rdn {
			value := "#" + string(a.der)
			if a.ok {
				value = strings.ToLower(strings.Join(strings.Fields(a.text), " "))
			}
			parts[k] = fmt.Sprintf("%x=%d:%s", a.id, len(value), value)
		}
		// RFC 5280, Section 7.1: the attributes of a relative name match in any order.
		slices.SortFunc(parts, cmp.Compare[string])
		out[i] = strings.Join(parts, "+")
	}
	return out
}

// SameName reports whether two distinguished names, as DER, are the same (RFC 5280, Section 7.1).
// What cannot be read is the same only octet for octet.
func SameName(a, b []byte) bool {
	if string(a) == string(b) {
		return true
	}
	na, oka := readDirectoryName(a)
	nb, okb := readDirectoryName(b)
	return oka && okb && slices.Equal(na.canonical(), nb.canonical())
}

// directoryWithin reports whether the base is the name or above it in the directory (RFC 5280,
// Section 7.1).
func directoryWithin(name, base []byte) (bool, error) {
	n, ok := readDirectoryName(name)
	if !ok {
		return false, errUnreadableName
	}
	// Name is a CHOICE, so that the tag of a directoryName is explicit.
	b, ok := readDirectoryName(base)
	if !ok {
		return false, errUnreadableConstraint
	}
	nc, bc := n.canonical(), b.canonical()
	return len(bc) <= len(nc) && slices.Equal(bc, nc[:len(bc)]), nil
}
