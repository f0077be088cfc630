package message

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// maxReading is the longest value, in octets, of which all combinations are looked at.
const maxReading = 16 << 10

// Readings returns the texts that readers may take the value of an address field for: as it stands
// and with its encoded words decoded, each of them with quoted pairs undone, without its comments,
// and without both. Compatible forms of characters stand as the plain ones (a full-width @ as @),
// those that are not seen are left out. Of a value of more than 16 KiB not all combinations are
// made. undecoded is the first encoded word that cannot be read here, or "".
func Readings(value string) (texts []string, undecoded string) {
	if readsOneWay(value) {
		return []string{value}, ""
	}
	for _, v := range unfoldings(value) {
		texts = appendNew(texts, plain(v))
		for _, r := range wordReadings {
			decoded, bad := r.decode(v)
			texts = appendNew(texts, plain(decoded))
			if undecoded == "" {
				undecoded = bad
			}
		}
	}
	for _, undo := range []func(string) string{undoPercent, undoPairs, withoutComments} {
		base := texts
		if len(value) > maxReading {
			base = texts[len(texts)-1:]
		}
		for _, t := range base {
			texts = appendNew(texts, undo(t))
		}
	}
	return texts, undecoded
}

// readsOneWay reports whether a value is made of printable ASCII with none of what the readings
// differ in: encoded words, percent signs, quoted pairs, quotes and comments.
func readsOneWay(value string) bool {
	for i := range len(value) {
		switch c := value[i]; {
		case c < ' ' || c > '~', c == '%', c == '\\', c == '"', c == '(', c == ')', c == '=':
			return false
		}
	}
	return true
}

// unfoldings are the forms of a value that differ in line ends and octets that are no UTF-8.
func unfoldings(value string) []string {
	values := []string{unfold(value, " ")}
	if len(value) > maxReading {
		return values
	}
	if strings.ContainsAny(value, "\r\n") {
		values = append(values, unfold(value, ""))
	}
	if !utf8.ValidString(value) { // some readers take them for Windows-1252, others leave them out
		if decode, _, err := Charset("windows-1252"); err == nil {
			latin, _ := decode(values[0]) // has a character for each octet
			values = append(values, latin)
		}
		values = append(values, strings.ToValidUTF8(values[0], ""))
	}
	return values
}

func appendNew(texts []string, t string) []string {
	if slices.Contains(texts, t) {
		return texts
	}
	return append(texts, t)
}

// unfold puts gap in the place of each line end and the white space that follows it (RFC 5322,
// Section 2.2.3).
func unfold(value, gap string) string {
	if !strings.ContainsAny(value, "\r\n") {
		return value
	}
	var out strings.Builder
	for i, line := range strings.FieldsFunc(value, func(r rune) bool { return r == '\r' || r == '\n' }) {
		if i > 0 {
			line = gap + strings.TrimLeft(line, " \t")
		}
		out.WriteString(line)
	}
	return out.String()
}

// plain is a text as a person sees it.
func plain(text string) string {
	seen := strings.Map(func(r rune) rune {
		switch {
		case r < utf8.RuneSelf && r > ' ' && r != 0x7f:
			return r
		// the ideographic full stop, which is a dot in a domain (RFC 3490, Section 3.1)
		case r == '\u3002':
			return '.'
		case unicode.IsSpace(r):
			return ' '
		case unicode.In(r, unicode.Cc, unicode.Cf, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector):
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
	return norm.NFKC.String(seen)
}

// undoPairs removes the backslashes of quoted pairs (RFC 5322, Section 3.2.1).
func undoPairs(text string) string { return strings.ReplaceAll(text, `\`, "") }

// undoPercent undoes the encoding of URIs (RFC 6068, Section 2).
func undoPercent(text string) string {
	if !strings.Contains(text, "%") {
		return text
	}
	return plain(Unescape(text, '%'))
}

// withoutComments removes what is in balanced parentheses, in quoted strings as well, where some
// readers see a comment and others do not.
// RFC 5322, Section 3.2.2.
func withoutComments(text string) string {
	if !strings.Contains(text, "(") {
		return text
	}
	var opened []int
	out := make([]byte, 0, len(text))
	for i := range len(text) {
		out = append(out, text[i])
		switch {
		case text[i] == '(':
			opened = append(opened, len(out)-1)
		case text[i] == ')' && len(opened) > 0:
			out = out[:opened[len(opened)-1]]
			opened = opened[:len(opened)-1]
		}
	}
	return string(out)
}
