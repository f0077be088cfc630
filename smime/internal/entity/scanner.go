package entity

import (
	"strings"
)

// scanner reads the lexical elements of RFC 2045, 5.1.
type scanner struct {
	s       string
	comment bool // one was skipped
}

// consume reads c, if it comes next.
func (p *scanner) consume(c byte) bool {
	if p.s == "" || p.s[0] != c {
		return false
	}
	p.s = p.s[1:]
	return true
}

// space skips white space and comments (RFC 5322, Section 3.2.2).
func (p *scanner) space() {
	depth := 0
	for i := 0; i < len(p.s); i++ {
		switch c := p.s[i]; {
		case c == ' ' || c == '\t' || c == '\r' || c == '\n':
		case c == '(':
			depth++
			p.comment = true
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

// token reads a token, which may be empty.
func (p *scanner) token() string {
	i := 0
	for i < len(p.s) && isTokenByte(p.s[i]) {
		i++
	}
	t := p.s[:i]
	p.s = p.s[i:]
	return t
}

// mediaTypeName reads "type/subtype", or a type alone; "" when there is none. odd says that
// something stands inside the name.
func (p *scanner) mediaTypeName() (name string, odd bool) {
	start := p.s
	name = p.token()
	p.space()
	if name == "" || !p.consume('/') {
		return name, false
	}
	p.space()
	subtype := p.token()
	whole := start[:len(start)-len(p.s)]
	p.space()
	if len(whole) == len(name)+1+len(subtype) {
		return whole, false
	}
	return name + "/" + subtype, true
}

// tokenBytes are what a token consists of: RFC 2045, Section 5.1, all but space, controls and
// tspecials. Octets above 127 are let through.
var tokenBytes = func() (t [256]bool) {
	for c := range t {
		t[c] = c > ' ' && c != 0x7f && strings.IndexByte("()<>@,;:\\\"/[]?=", byte(c)) < 0
	}
	return t
}()

func isTokenByte(c byte) bool { return tokenBytes[c] }

// value reads a token or a quoted-string (RFC 2045, Section 5.1; RFC 5322, Section 3.2.4). Some
// senders leave values unquoted that need it: those end at white space or a semicolon.
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
