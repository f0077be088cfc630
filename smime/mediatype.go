package smime

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"dnseal/smime/message"
)

// mediaType is a Content-Type or Content-Disposition value taken apart
// (RFC 2045, 5.1).
type mediaType struct {
	name   string // "type/subtype", lower case; "" when the value could not be read
	params []param
	// ambiguous is set when readers may disagree on what the field says: a parameter twice, or bytes that are no parameter.
	ambiguous bool
}

type param struct{ name, value string }

// get returns the value of a parameter, or "".
func (t mediaType) get(name string) string {
	for _, p := range t.params {
		if p.name == name {
			return p.value
		}
	}
	return ""
}

// is reports whether the type is one of names.
func (t mediaType) is(names ...string) bool {
	return slices.Contains(names, t.name)
}

func (t mediaType) multipart() bool { return strings.HasPrefix(t.name, "multipart/") }

// parseMediaType reads a field's value. It is lenient: what can be read is, and ambiguous says that some could not.
func parseMediaType(value string) mediaType {
	p := scanner{s: value}
	p.space()
	typ := p.token()
	p.space()
	if typ == "" {
		return mediaType{ambiguous: true}
	}
	if p.take('/') {
		p.space()
		typ += "/" + p.token()
		p.space()
	}
	t := mediaType{name: strings.ToLower(typ)}
	for p.take(';') {
		p.space()
		name := strings.ToLower(p.token())
		p.space()
		if name == "" {
			continue // a semicolon at the end, or two
		}
		if !p.take('=') {
			t.ambiguous = true
			break
		}
		p.space()
		v, ok := p.value()
		if !ok {
			t.ambiguous = true
			break
		}
		p.space()
		if t.has(name) {
			t.ambiguous = true
			continue
		}
		t.params = append(t.params, param{name, v})
	}
	if p.s != "" {
		t.ambiguous = true
	}
	t.joinContinuations()
	return t
}

func (t mediaType) has(name string) bool {
	for _, p := range t.params {
		if p.name == name {
			return true
		}
	}
	return false
}

// joinContinuations reads parameters in the form of RFC 2231 ("name*0=", "name*="). Octets stay in whatever charset they are.
func (t *mediaType) joinContinuations() {
	for _, p := range t.params {
		base, _, star := strings.Cut(p.name, "*")
		if !star || base == "" {
			continue
		}
		joined := t.extended(base)
		switch had := t.get(base); {
		case !t.has(base):
			t.params = append(t.params, param{base, joined})
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

// scanner reads the lexical elements of RFC 2045, 5.1.
type scanner struct{ s string }

func (p *scanner) take(c byte) bool {
	if p.s == "" || p.s[0] != c {
		return false
	}
	p.s = p.s[1:]
	return true
}

// space skips white space and comments.
func (p *scanner) space() {
	depth := 0
	for i := 0; i < len(p.s); i++ {
		switch c := p.s[i]; {
		case c == ' ' || c == '\t' || c == '\r' || c == '\n':
		case c == '(':
			depth++
		case depth == 0:
			p.s = p.s[i:]
			return
		case c == ')':
			depth--
		case c == '\\':
			i++
		}
	}
	p.s = ""
}

func (p *scanner) token() string {
	i := 0
	for i < len(p.s) && isTokenByte(p.s[i]) {
		i++
	}
	t := p.s[:i]
	p.s = p.s[i:]
	return t
}

func isTokenByte(c byte) bool {
	return c > ' ' && c != 0x7f && strings.IndexByte("()<>@,;:\\\"/[]?=", c) < 0
}

// value reads a token or a quoted-string. Some senders leave values unquoted that need it: those end at white space or a semicolon.
func (p *scanner) value() (string, bool) {
	if !strings.HasPrefix(p.s, `"`) {
		i := 0
		for i < len(p.s) && strings.IndexByte("; \t\r\n", p.s[i]) < 0 {
			i++
		}
		v := p.s[:i]
		p.s = p.s[i:]
		return v, v != ""
	}
	if end := strings.IndexAny(p.s[1:], `"\`); end >= 0 && p.s[1+end] == '"' {
		v := p.s[1 : 1+end]
		p.s = p.s[end+2:]
		return v, true
	}
	var b strings.Builder
	for i := 1; i < len(p.s); i++ {
		switch c := p.s[i]; {
		case c == '"':
			p.s = p.s[i+1:]
			return b.String(), true
		case c == '\\' && i+1 < len(p.s):
			i++
			b.WriteByte(p.s[i])
		default:
			b.WriteByte(c)
		}
	}
	return "", false
}

// field returns the unfolded value of the first field called name, and how many there are.
func field(fields []message.Field, name string) (string, int) {
	value, n := "", 0
	for _, f := range fields {
		if f.Is(name) {
			if n == 0 {
				value = f.Unfolded()
			}
			n++
		}
	}
	return value, n
}

// String writes the type with its parameters, 8-bit values in the form of RFC 2231, Section 4.
func (t mediaType) String() string {
	var b strings.Builder
	b.WriteString(t.name)
	for _, p := range t.params {
		if base, _, star := strings.Cut(p.name, "*"); star && t.has(base) {
			continue // joined already
		}
		b.WriteString("; ")
		switch {
		case isASCII(p.value):
			b.WriteString(p.name + `="` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(p.value) + `"`)
		default:
			b.WriteString(p.name + "*=" + extendedValue(p.value))
		}
	}
	return b.String()
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

// without returns the type without the parameters called names.
func (t mediaType) without(names ...string) mediaType {
	kept := mediaType{name: t.name, ambiguous: t.ambiguous}
	for _, p := range t.params {
		if base, _, _ := strings.Cut(p.name, "*"); !slices.Contains(names, base) {
			kept.params = append(kept.params, p)
		}
	}
	return kept
}
