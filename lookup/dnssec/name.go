package dnssec

import (
	"errors"
	"strings"

	"github.com/miekg/dns"
)

// name is a domain name in canonical wire form (RFC 4034, Section 6.2): uncompressed, lower case,
// with the root label. All comparisons use it, so that escapes and octets above 0x7f cannot mislead
// (RFC 4343, Section 2).
type name string

const root name = "\x00"

var errName = errors.New("dnssec: not a domain name")

// parseName reads a name in presentation form; a missing final dot is added.
func parseName(s string) (name, error) {
	var buf [256]byte
	n, err := dns.PackDomainName(dns.Fqdn(s), buf[:], 0, nil, false)
	if err != nil || n > 255 {
		return "", errName
	}
	lower(buf[:n])
	return name(buf[:n]), nil
}

// lower folds ASCII letters. Label lengths are at most 63, below 'A', so whole wire names can be
// given.
func lower(b []byte) {
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
}

// String is the presentation form with final dot.
func (n name) String() string {
	if n.plain() {
		return n.dotted()
	}
	s, _, err := dns.UnpackDomainName([]byte(n), 0)
	if err != nil {
		return "?"
	}
	return s
}

// plain reports whether no octet of any label needs an escape.
func (n name) plain() bool {
	for i := 0; i < len(n) && n[i] != 0; i += int(n[i]) + 1 {
		for _, c := range []byte(n.label(uint8(i))) {
			if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' {
				return false
			}
		}
	}
	return n != root
}

// dotted is the presentation form of a plain name: dots in place of lengths.
func (n name) dotted() string {
	b := []byte(n[1:])
	for i := int(n[0]); i < len(b); {
		next := i + int(b[i]) + 1
		b[i] = '.'
		i = next
	}
	return string(b)
}

// labels counts the labels without the root.
func (n name) labels() int {
	count := 0
	for i := 0; i < len(n) && n[i] != 0; i += int(n[i]) + 1 {
		count++
	}
	return count
}

// parent drops the first label; the root is its own parent.
func (n name) parent() name {
	if n[0] == 0 {
		return n
	}
	return n[int(n[0])+1:]
}

// ancestor keeps the last count labels.
func (n name) ancestor(count int) name {
	for drop := n.labels() - count; drop > 0; drop-- {
		n = n.parent()
	}
	return n
}

// within reports whether n is z or below it, label by label.
func (n name) within(z name) bool {
	for len(n) > len(z) {
		n = n.parent()
	}
	return n == z
}

// below reports whether n is strictly below z.
func (n name) below(z name) bool { return n != z && n.within(z) }

// isWildcard reports whether the first label is "*".
func (n name) isWildcard() bool { return strings.HasPrefix(string(n), "\x01*") }

// wildcard returns "*." in front of n.
func (n name) wildcard() name { return "\x01*" + n }

// signedLabels is the highest value that the Labels field of an RRSIG over n can have: the root and
// a leading wildcard are not counted (RFC 4034, Section 3.1.3).
func (n name) signedLabels() int {
	if n.isWildcard() {
		return n.labels() - 1
	}
	return n.labels()
}

// compare orders names canonically (RFC 4034, Section 6.1): label by label from the right, as
// bytes.
func (n name) compare(m name) int {
	var a, b [128]uint8
	i, j := n.starts(&a), m.starts(&b)
	for i > 0 && j > 0 {
		i--
		j--
		if c := strings.Compare(n.label(a[i]), m.label(b[j])); c != 0 {
			return c
		}
	}
	return i - j
}

func (n name) starts(at *[128]uint8) int {
	count := 0
	for i := 0; i < len(n) && n[i] != 0; i += int(n[i]) + 1 {
		at[count] = uint8(i)
		count++
	}
	return count
}

func (n name) label(at uint8) string { return string(n[int(at)+1 : int(at)+1+int(n[at])]) }

// common returns the longest name that both n and m are within.
func (n name) common(m name) name {
	for !m.within(n) {
		n = n.parent()
	}
	return n
}

// CompareNames orders two domain names canonically (RFC 4034, Section 6.1): negative when a comes
// before b, 0 when they are equal, positive when it comes after. Case does not count. It fails when
// one is no domain name.
func CompareNames(a, b string) (int, error) {
	n, err := parseName(a)
	if err != nil {
		return 0, err
	}
	m, err := parseName(b)
	if err != nil {
		return 0, err
	}
	return n.compare(m), nil
}
