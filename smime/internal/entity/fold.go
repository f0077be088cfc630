package entity

import (
	"errors"
	"strings"
)

// ErrNoFold says that a field cannot be folded to lines of 998 octets.
var ErrNoFold = errors.New("a line of more than 998 octets that cannot be folded")

// maxFolded is the longest line that is made: some systems break longer ones, although SMTP carries
// up to MaxOctets.
const maxFolded = 989

// Fold makes a field of lines of at most 76 columns, where there is white space to break them at
// (RFC 5322, Section 2.2.3); as much of it as there was stays.
func Fold(name, value string) ([]byte, error) {
	out := make([]byte, 0, len(name)+len(value)+32)
	out = append(append(out, name...), ':')
	if len(out) > maxFolded {
		return nil, ErrNoFold
	}
	start, gap := 0, 1
	for rest := strings.TrimLeft(value, " \t"); rest != ""; {
		n := strings.IndexAny(rest, " \t")
		if n < 0 {
			n = len(rest)
		}
		if len(out)-start+gap+n > MaxColumns && len(out) > len(name)+1 {
			out = append(out, '\r', '\n')
			start = len(out)
		}
		for range gap {
			out = append(out, ' ')
		}
		out = append(out, rest[:n]...)
		if len(out)-start > maxFolded {
			return nil, ErrNoFold
		}
		word := strings.TrimLeft(rest[n:], " \t")
		gap, rest = len(rest)-n-len(word), word
	}
	return append(out, '\r', '\n'), nil
}
