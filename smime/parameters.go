package smime

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// joinContinuations reads parameters in the form of RFC 2231 ("name*0=", "name*="). Octets stay in
// whatever charset they are.
func (t *mediaType) joinContinuations() {
	done := ""
	for _, p := range t.params {
		base, _, star := strings.Cut(p.name, "*")
		if !star || base == "" || base == done {
			continue
		}
		done = base
		joined := t.extended(base)
		switch had := t.get(base); {
		case !t.has(base):
			t.params = append(t.params, param{base, joined})
			t.odd = t.odd || base == "boundary"
		case had != joined && base != "name" && base != "filename":
			// Names come in both forms, one of them for old readers.
			t.ambiguous = true
		}
	}
}

// extended puts the value of a parameter together (RFC 2231, Sections 3 and 4).
func (t *mediaType) extended(base string) string {
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

func (t *mediaType) lookup(name string) (string, bool) { return t.get(name), t.has(name) }

// decodeExtended undoes percent encoding, behind the charset and language of a first piece.
func decodeExtended(v string, first bool) string {
	if first {
		if parts := strings.SplitN(v, "'", 3); len(parts) == 3 {
			v = parts[2]
		}
	}
	out := make([]byte, 0, len(v))
	for i := 0; i < len(v); i++ {
		if v[i] == '%' && i+2 < len(v) && isHex(v[i+1]) && isHex(v[i+2]) {
			out = append(out, unhex(v[i+1])<<4|unhex(v[i+2]))
			i += 2
			continue
		}
		out = append(out, v[i])
	}
	return string(out)
}

func unhex(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c&^0x20 - 'A' + 10
}

// extendedValue is RFC 2231's extended-initial-value.
func extendedValue(s string) string {
	charset := "utf-8"
	if !utf8.ValidString(s) {
		charset = "unknown-8bit"
	}
	out := []byte(charset + "''")
	for i := range len(s) {
		if c := s[i]; c < 0x80 && isTokenByte(c) && c != '*' && c != '\'' && c != '%' {
			out = append(out, c)
		} else {
			out = append(out, '%', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	return string(out)
}

const hexDigits = "0123456789ABCDEF"

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'A' <= c && c <= 'F' || 'a' <= c && c <= 'f'
}
