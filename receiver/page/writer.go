package page

import (
	"strconv"
	"unicode/utf8"
)

// markup is HTML. Go makes one of a constant, and of nothing else without a conversion: a test
// sees that there is none in this package.
type markup string

// writer makes a page. What strangers wrote goes through text, said and cut: as text, or as the
// value of an attribute in double quotes.
type writer struct {
	buf []byte
	ids int // given out
}

func (p *writer) put(parts ...markup) {
	for _, m := range parts {
		p.buf = append(p.buf, m...)
	}
}

// text writes a text.
func (p *writer) text(s string) { p.cut(s, len(p.buf)+most) }

// most bounds every text that has no narrower limit, in octets of the page.
const most = 8 << 10

// wrap is a text between two pieces of markup.
func (p *writer) wrap(before markup, text string, after markup) {
	p.put(before)
	p.text(text)
	p.put(after)
}

// attr writes a text where there can be no markup: in an attribute, a title, a drawing.
func (p *writer) attr(s string) { p.text(visible(s, 500)) }

// said writes what a stranger wrote, isolated from the direction of the text around it.
func (p *writer) said(s string) { p.wrap(`<bdi>`, s, `</bdi>`) }

// number writes a number.
func (p *writer) number(n int) { p.buf = strconv.AppendInt(p.buf, int64(n), 10) }

// count writes a number with its noun.
func (p *writer) count(n int, one, many markup) {
	p.grouped(int64(n))
	if n == 1 {
		p.put(` `, one)
	} else {
		p.put(` `, many)
	}
}

// grouped writes a number with its thousands apart.
func (p *writer) grouped(n int64) {
	digits := strconv.FormatInt(n, 10)
	for i, d := range []byte(digits) {
		if i > 0 && (len(digits)-i)%3 == 0 {
			p.buf = append(p.buf, ',')
		}
		p.buf = append(p.buf, d)
	}
}

// id returns a new number for an id.
func (p *writer) id() int {
	p.ids++
	return p.ids
}

// cut writes as much of a text as ends before the limit of the page's size, shows what would not be
// seen, and returns how many octets of it are left.
func (p *writer) cut(s string, limit int) (left int) {
	safe := 0 // where what is not yet written begins
	for i := 0; i < len(s); {
		if len(p.buf)+i-safe >= limit {
			p.buf = append(p.buf, s[safe:i]...)
			return len(s) - i
		}
		c := s[i]
		if c < utf8.RuneSelf && plain[c] {
			i++
			continue
		}
		r, n := rune(c), 1
		if c >= utf8.RuneSelf {
			if r, n = utf8.DecodeRuneInString(s[i:]); (r != utf8.RuneError || n > 1) && !hidden(r) {
				i += n
				continue
			}
		}
		p.buf = append(p.buf, s[safe:i]...)
		i += p.special(s[i:], r, n)
		safe = i
	}
	p.buf = append(p.buf, s[safe:]...)
	return 0
}

// plain are the ASCII characters that stand as they are.
var plain = func() (t [utf8.RuneSelf]bool) {
	for c := range t {
		t[c] = c >= ' ' && c < 0x7f || c == '\n' || c == '\t'
	}
	for _, c := range `&<>"'` {
		t[c] = false
	}
	return t
}()

// special writes the character r at the start of s, n octets long, which is not written as it is,
// and returns how much of s that was.
func (p *writer) special(s string, r rune, n int) int {
	switch r {
	case '&':
		p.put(`&amp;`)
	case '<':
		p.put(`&lt;`)
	case '>':
		p.put(`&gt;`)
	case '"':
		p.put(`&#34;`)
	case '\'':
		p.put(`&#39;`)
	case '\r':
		if len(s) > 1 && s[1] == '\n' {
			return n
		}
		return p.shown(s, r, n)
	default:
		return p.shown(s, r, n)
	}
	return n
}
