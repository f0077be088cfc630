package entity

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"dnseal/smime/message"
)

// joinContinuations reads parameters in the form of RFC 2231 ("name*0=", "name*="). Octets stay in
// whatever charset they are.
func (t *MediaType) joinContinuations() {
	done := ""
	for _, p := range t.Params {
		base, _, star := strings.Cut(p.Name, "*")
		if !star || base == "" || base == done {
			continue
		}
		done = base
		joined := t.extended(base)
		switch had := t.Get(base); {
		case !t.Has(base):
			t.Params = append(t.Params, Param{base, joined})
			t.odd = t.odd || base == "boundary"
		case had != joined && base != "name" && base != "filename":
			// Names come in both forms, one of them for old readers.
			t.Ambiguous = true
		}
	}
}

// extended puts the value of a parameter together (RFC 2231, Sections 3 and 4).
func (t *MediaType) extended(base string) string {
	if v, ok := t.lookup(base + "*"); ok {
		return decodeExtended(v, true)
	}
	var out strings.Builder
	for n := 0; ; n++ {
		name := base + "*" + strconv.Itoa(n)
		if v, ok := t.lookup(name); ok {
			out.WriteString(v)
		} else if v, ok := t.lookup(name + "*"); ok {
			out.WriteString(decodeExtended(v, n == 0))
		} else {
			return out.String()
		}
	}
}

// decodeExtended undoes percent encoding (RFC 2231, Section 4), after the charset and language of a
// first piece.
func decodeExtended(v string, first bool) string {
	if first {
		if parts := strings.SplitN(v, "'", 3); len(parts) == 3 {
			v = parts[2]
		}
	}
	return message.Unescape(v, '%')
}

// extendedValue is an extended-initial-value (RFC 2231, Section 7).
func extendedValue(s string) string {
	charset := "utf-8"
	if !utf8.ValidString(s) {
		charset = "unknown-8bit" // RFC 1428, Section 3
	}
	out := []byte(charset + "''")
	for i := range len(s) {
		if c := s[i]; c < 0x80 && isTokenByte(c) && c != '*' && c != '\'' && c != '%' {
			out = append(out, c)
		} else {
			out = append(out, '%', HexDigits[c>>4], HexDigits[c&15])
		}
	}
	return string(out)
}

// HexDigits are upper case, as RFC 2045, Section 6.7, requires.
const HexDigits = "0123456789ABCDEF"

// IsHex reports whether c is a hexadecimal digit, of either case.
func IsHex(c byte) bool {
	return '0' <= c && c <= '9' || 'A' <= c && c <= 'F' || 'a' <= c && c <= 'f'
}
