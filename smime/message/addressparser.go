package message

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// addressParser reads RFC 5322, 3.4 with the UTF-8 of RFC 6532. It looks at each byte once; rest is
// what is left.
type addressParser struct {
	rest string
}

// list reads address-list, with the empty elements of obs-addr-list (4.4).
// RFC 5322, Section 3.4.
func (p *addressParser) list() ([]Address, error) {
	var out []Address
	for {
		if err := p.skipCFWS(); err != nil {
			return out, err
		}
		switch {
		case p.rest == "":
			return out, nil
		case p.accept(','):
			continue
		}
		as, err := p.address()
		if err == nil {
			err = p.separator()
		}
		if err != nil {
			return out, err
		}
		out = append(out, as...)
	}
}

// separator asks for a comma or the end.
// RFC 5322, Section 4.4: elements of a list can be empty.
func (p *addressParser) separator() error {
	if err := p.skipCFWS(); err != nil {
		return err
	}
	if p.rest == "" || p.rest[0] == ',' {
		return nil
	}
	return fmt.Errorf("unexpected %q", clip(p.rest))
}

// address (RFC 5322, Section 3.4) is a mailbox or a group, which only shows after the first words.
func (p *addressParser) address() ([]Address, error) {
	words, err := p.words()
	if err != nil {
		return nil, err
	}
	switch {
	case p.accept('@'):
		a, err := p.domainAfter(words)
		return one(a, err)
	case p.accept('<'):
		a, err := p.angle()
		return one(a, err)
	case p.accept(':') && words.text != "":
		return p.group()
	}
	return nil, fmt.Errorf("no address at %q", clip(p.rest))
}

func one(a Address, err error) ([]Address, error) {
	if err != nil {
		return nil, err
	}
	return []Address{a}, nil
}

// group reads what stands between the colon and the semicolon.
// RFC 5322, Section 3.4.
func (p *addressParser) group() ([]Address, error) {
	var out []Address
	for {
		if err := p.skipCFWS(); err != nil {
			return out, err
		}
		switch {
		case p.accept(';'):
			return out, nil
		case p.accept(','):
			continue
		case p.rest == "":
			return out, errors.New("group without its semicolon")
		}
		a, err := p.mailbox()
		if err != nil {
			return out, err
		}
		out = append(out, a)
	}
}

// mailbox is an address that is no group.
// RFC 5322, Section 3.4.
func (p *addressParser) mailbox() (Address, error) {
	words, err := p.words()
	if err != nil {
		return Address{}, err
	}
	switch {
	case p.accept('@'):
		return p.domainAfter(words)
	case p.accept('<'):
		return p.angle()
	}
	return Address{}, fmt.Errorf("no address at %q", clip(p.rest))
}

// angle reads the rest of angle-addr. A source route (obs-route) is refused: it is obsolete since
// RFC 2821.
// RFC 5322, Section 4.4: an obsolete route can come first.
func (p *addressParser) angle() (Address, error) {
	a, err := p.addrSpec()
	if err != nil {
		return Address{}, err
	}
	if !p.accept('>') {
		return Address{}, fmt.Errorf("no '>' at %q", clip(p.rest))
	}
	return a, nil
}

// addrSpec: RFC 5322, Section 3.4.1.
func (p *addressParser) addrSpec() (Address, error) {
	words, err := p.words()
	if err != nil {
		return Address{}, err
	}
	if !p.accept('@') {
		return Address{}, errors.New("no '@'")
	}
	return p.domainAfter(words)
}

// domainAfter reads the domain and makes the address.
// RFC 5322, Section 3.4.1.
func (p *addressParser) domainAfter(local phrase) (Address, error) {
	if !local.local {
		return Address{}, fmt.Errorf("local part %q is not quoted", clip(local.text))
	}
	if err := p.skipCFWS(); err != nil {
		return Address{}, err
	}
	var domain string
	if strings.HasPrefix(p.rest, "[") {
		d, err := p.literal()
		if err != nil {
			return Address{}, err
		}
		domain = d
	} else {
		d, err := p.words()
		if err != nil {
			return Address{}, err
		}
		if !d.local || d.quoted {
			return Address{}, errors.New("malformed domain")
		}
		domain = d.text
	}
	if err := p.skipCFWS(); err != nil {
		return Address{}, err
	}
	return newAddress(local.text, domain)
}

// literal reads a domain-literal such as [192.0.2.1].
// RFC 5322, Section 3.4.1.
func (p *addressParser) literal() (string, error) {
	end := strings.IndexByte(p.rest, ']')
	if end < 0 {
		return "", errors.New("address literal without its bracket")
	}
	lit := p.rest[:end+1]
	for i := 1; i < end; i++ {
		if b := lit[i]; b <= ' ' || b >= 0x7f || b == '[' || b == '\\' {
			return "", errors.New("malformed address literal")
		}
	}
	p.rest = p.rest[end+1:]
	return lit, nil
}

// phrase is a run of words: a display name, a local part or a domain.
type phrase struct {
	text   string // the words unquoted, with their dots
	local  bool   // words with dots between them: can be a local part
	quoted bool   // some word was a quoted-string
}

// words reads atoms, quoted strings and dots with CFWS between them. Dots may be doubled and be at
// the ends: RFC 5322, Section 3.2.3 has them between atoms only, but telephone companies and
// firmware wrote such local parts, and all programs accept them unchanged.
func (p *addressParser) words() (phrase, error) {
	ph := phrase{local: true}
	var room [64]byte
	text := room[:0]
	afterWord, hasWord := false, false
	for {
		if err := p.skipCFWS(); err != nil {
			return ph, err
		}
		var word string
		switch n := atomLen(p.rest); {
		case n > 0:
			word, p.rest = p.rest[:n], p.rest[n:]
		case strings.HasPrefix(p.rest, `"`):
			w, err := p.quotedString()
			if err != nil {
				return ph, err
			}
			word, ph.quoted = w, true
		case p.accept('.'):
			text = append(text, '.')
			afterWord = false
			continue
		default:
			ph.local = ph.local && hasWord
			ph.text = string(text)
			return ph, nil
		}
		if afterWord {
			ph.local = false // two words without a dot
		}
		text = append(text, word...)
		afterWord, hasWord = true, true
	}
}

// quotedString reads and unquotes a quoted-string.
// RFC 5322, Section 3.2.4.
func (p *addressParser) quotedString() (string, error) {
	var b strings.Builder
	s := p.rest
	for i := 1; i < len(s); {
		c := s[i]
		switch {
		case c == '"':
			p.rest = s[i+1:]
			return b.String(), nil
		case c == '\\' && i+1 < len(s):
			i++
		case c == '\r' && strings.HasPrefix(s[i:], "\r\n"):
			i += 2 // folding (RFC 5322, Section 2.2.3): the white space after it stays
			continue
		}
		n, err := textLen(s[i:])
		if err != nil {
			return "", err
		}
		b.WriteString(s[i : i+n])
		i += n
	}
	return "", errors.New("quoted string without its end")
}

// textLen is the length of the character at the start of s, which may be any but a control
// character.
// RFC 6532, Section 3.1.
func textLen(s string) (int, error) {
	if c := s[0]; c < utf8.RuneSelf {
		if c < ' ' && c != '\t' || c == 0x7f {
			return 0, fmt.Errorf("control character %#02x", c)
		}
		return 1, nil
	}
	r, n := utf8.DecodeRuneInString(s)
	if r == utf8.RuneError && n <= 1 || r >= 0x80 && r < 0xa0 {
		return 0, errors.New("not UTF-8")
	}
	return n, nil
}

// atomLen is the length of the atext at the start of s.
// RFC 5322, Section 3.2.3; RFC 6532, Section 3.2.
func atomLen(s string) int {
	i := 0
	for i < len(s) {
		c := s[i]
		if c < utf8.RuneSelf {
			if c <= ' ' || c == 0x7f || strings.IndexByte("()<>[]:;@\\,.\"", c) >= 0 {
				break
			}
			i++
			continue
		}
		n, err := textLen(s[i:])
		if err != nil {
			break
		}
		i += n
	}
	return i
}

func (p *addressParser) accept(c byte) bool {
	if p.rest == "" || p.rest[0] != c {
		return false
	}
	p.rest = p.rest[1:]
	return true
}

// skipCFWS skips white space, line ends of folding, and nested comments.
// RFC 5322, Section 3.2.2.
func (p *addressParser) skipCFWS() error {
	s := p.rest
	depth := 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case isWSP(c):
		case c == '\n' && i+1 < len(s) && isWSP(s[i+1]): // folding, also in Unix form
		case c == '\r' && strings.HasPrefix(s[i:], "\r\n"):
		case c == '(':
			depth++
		case depth == 0:
			p.rest = s[i:]
			return nil
		case c == ')':
			depth--
		case c == '\\' && i+1 < len(s):
			n, err := textLen(s[i+1:]) // RFC 5322, 3.2.1: a quoted pair holds no control octet
			if err != nil {
				return err
			}
			i += n
		default:
			n, err := textLen(s[i:])
			if err != nil {
				return err
			}
			i += n - 1
		}
	}
	p.rest = ""
	if depth > 0 {
		return errors.New("comment without its end")
	}
	return nil
}
