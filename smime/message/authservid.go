package message

import (
	"errors"
	"regexp"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

var errNoID = errors.New("message: no authserv-id")

// authservID reads the first word of the value of an Authentication-Results field. before is what
// precedes it.
//
//	authres-payload = [CFWS] authserv-id [ CFWS authres-version ] ( no-result / 1*resinfo ) [CFWS]
//
// RFC 8601, Section 2.2. The id is a token or a quoted-string (RFC 2045, Section 5.1), here also of
// 8-bit octets.
func authservID(value string) (before, id string, err error) {
	rest, err := skipComments(value)
	if err != nil || rest == "" {
		return "", "", errNoID
	}
	before = value[:len(value)-len(rest)]
	if rest[0] == '"' {
		id, rest, err = unquoteID(rest)
	} else {
		n := 0
		for n < len(rest) && isTokenByte(rest[n]) {
			n++
		}
		id, rest = rest[:n], rest[n:]
	}
	// A quoted name may have white space at its ends, which readers trim.
	if id = strings.TrimSpace(id); err != nil || !isToken(id) {
		return "", "", errNoID
	}
	if rest, err = skipComments(rest); err != nil {
		return "", "", errNoID
	}
	// RFC 8601, Section 2.6: the version.
	rest = strings.TrimLeft(rest, "0123456789")
	if rest, err = skipComments(rest); err != nil || rest != "" && rest[0] != ';' {
		return "", "", errNoID
	}
	return before, id, nil
}

// comments follows a text through its comments, which nest.
// RFC 5322, Section 3.2.2.
type comments struct {
	depth  int
	quoted bool // the next octet is the second of a quoted pair
}

// holds reports whether c, the next octet, belongs to a comment.
func (s *comments) holds(c byte) bool {
	switch {
	case s.quoted:
		s.quoted = false
	// RFC 5322, Section 3.2.1.
	case c == '\\' && s.depth > 0:
		s.quoted = true
	case c == '(':
		s.depth++
	case c == ')' && s.depth > 0:
		s.depth--
	default:
		return s.depth > 0
	}
	return true
}

// skipComments skips white space, line ends and comments.
func skipComments(s string) (string, error) {
	var in comments
	for i := range len(s) {
		if !in.holds(s[i]) && strings.IndexByte(" \t\r\n", s[i]) < 0 {
			return s[i:], nil
		}
	}
	if in.depth > 0 {
		return "", errNoID
	}
	return "", nil
}

// uncommented is a text without its comments.
func uncommented(text string) string {
	var in comments
	var out strings.Builder
	for i := range len(text) {
		if !in.holds(text[i]) {
			out.WriteByte(text[i])
		}
	}
	return out.String()
}

// unquoteID reads a quoted-string at the start of s.
// RFC 5322, Section 3.2.4.
func unquoteID(s string) (value, rest string, err error) {
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			return b.String(), s[i+1:], nil
		case c == '\\' && i+1 < len(s):
			i++
			b.WriteByte(s[i])
		case c == '\r' || c == '\n':
			// RFC 5322, Section 2.2.3: line ends of folding are not part of the value.
		default:
			b.WriteByte(c)
		}
	}
	return "", "", errNoID
}

// isTokenByte: RFC 2045, Section 5.1, and the octets of RFC 6532.
func isTokenByte(c byte) bool {
	return c > ' ' && c != 0x7f && strings.IndexByte(`()<>@,;:\"/[]?=`, c) < 0
}

func isToken(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return r < utf8.RuneSelf && !isTokenByte(byte(r)) })
}

// foldID is the form in which two authserv-ids are compared: lower case, without dots or other
// signs at its ends, labels in Unicode.
func foldID(id string) string { return strings.TrimFunc(bareText(plain(id)), isSign) }

var aLabel = regexp.MustCompile(`xn--[a-z0-9-]+`)

// bareText is a text without what readers leave out differently: white space, quotes, backslashes,
// control characters. Letters are lower case, A-labels in Unicode.
func bareText(text string) string {
	text = strings.ToLower(strings.Map(func(r rune) rune {
		if r <= ' ' || r == '"' || r == '\\' || r == 0x7f {
			return -1
		}
		return r
	}, text))
	return aLabel.ReplaceAllStringFunc(text, unicodeLabel)
}

// unicodeLabel undoes an A-label, rightly made or not (RFC 5891).
func unicodeLabel(label string) string {
	if u, err := idna.Punycode.ToUnicode(label); err == nil {
		return strings.ToLower(plain(u))
	}
	return strings.TrimSuffix(strings.TrimPrefix(label, "xn--"), "-") // of ASCII alone
}
