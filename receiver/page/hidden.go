package page

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// names of characters that do not show, as a reader of Unicode's charts knows them.
var names = map[rune]string{
	0x00: "NUL", 0x07: "BEL", 0x08: "BS", 0x0b: "VT", 0x0c: "FF", 0x0d: "CR", 0x1b: "ESC", 0x7f: "DEL", 0x85: "NEL", 0x9b: "CSI",
	0xad: "SHY", 0x61c: "ALM", 0x200b: "ZWSP", 0x200e: "LRM", 0x200f: "RLM", 0x2028: "LSEP", 0x2029: "PSEP",
	0x202a: "LRE", 0x202b: "RLE", 0x202c: "PDF", 0x202d: "LRO", 0x202e: "RLO", 0x2060: "WJ",
	0x2066: "LRI", 0x2067: "RLI", 0x2068: "FSI", 0x2069: "PDI", 0xfeff: "BOM",
}

// hidden reports whether a character is shown by its name: it would not be seen, or would change
// what is around it. Joiners and variation selectors stay, which some languages and emoji need.
func hidden(r rune) bool {
	switch {
	case r < 0xa0:
		return r < ' ' && r != '\n' && r != '\t' || r >= 0x7f
	case r < 0x34f:
		return r == 0xad
	case r == 0x200c, r == 0x200d:
		return false
	case r >= 0x2000 && r < 0x2070:
		return r > 0x200a && r < 0x2010 || r > 0x2027 && r < 0x202f || r > 0x205f
	case r == 0x34f, r == 0x61c, r == 0x115f, r == 0x1160, r == 0x17b4, r == 0x17b5, r == 0x180e, r == 0x3164, r == 0xfeff, r == 0xffa0:
		return true
	case r >= 0xe000 && r < 0xf900, r >= 0xf0000: // private use: anything
		return true
	case r >= 0xfff0 && r < 0xfffc, r >= 0xe0000 && r < 0xe0100, r >= 0x1d173 && r < 0x1d17b:
		return true
	}
	return r&0xfffe == 0xfffe || r >= 0xfdd0 && r < 0xfdf0 // no characters: Unicode, Section 23.7
}

// shown writes the name of a character, once for as many of it as follow each other, and returns
// how long they are. Octets that are no UTF-8 are shown as they are.
func (p *writer) shown(s string, r rune, n int) int {
	run := 1
	for len(s) >= (run+1)*n && s[run*n:(run+1)*n] == s[:n] {
		run++
	}
	p.put(`<span class="ctl">`)
	p.buf = append(p.buf, nameOf(r, s[0])...)
	if run > 1 {
		p.put(`×`)
		p.grouped(int64(run))
	}
	p.put(`</span>`)
	return run * n
}

// nameOf is the name of a character that is hidden, or of an octet that is none.
func nameOf(r rune, first byte) string {
	switch {
	case r == utf8.RuneError:
		return fmt.Sprintf("0x%02X", first)
	case names[r] != "":
		return names[r]
	}
	return fmt.Sprintf("U+%04X", r)
}

// visible is a text for places that hold nothing but text, cut to a number of characters.
func visible(s string, most int) string {
	if len(s) <= most && isPlain(s) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if most--; most < 0 {
			b.WriteString("…")
			break
		}
		switch {
		case unicode.IsSpace(r):
			b.WriteByte(' ')
		case hidden(r) || r == utf8.RuneError:
			b.WriteRune(utf8.RuneError)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// isPlain reports whether all of a text is ASCII that shows.
func isPlain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}
