package entity

import (
	"bytes"
	"strings"
)

// Readers differ in how they read a message. What claims to be signed has to look the same in all
// of them: a text that only some of them show was not signed for the others.

// Ambiguity says why readers may take an entity for something else than Verify does, or "". mailbox
// says that it is a whole message, whose first line may be that of a mailbox in mbox form (RFC
// 4155).
func Ambiguity(p *Part, mailbox bool) string {
	if p.Malformed != "" {
		return p.Malformed
	}
	for i, f := range p.Fields {
		name := len(f.Name())
		switch {
		case LoneCR(f.Raw):
			// RFC 5322, Section 2.2: a field holds CR and LF only where it is folded. For some a
			// line ends here.
			return "a CR in the header that ends no line"
		case bytes.IndexByte(f.Raw, 0) >= 0:
			// RFC 5322, Section 4.1: obsolete. For some a value ends here.
			return "a NUL in the header"
		case name > 0 && f.Raw[name] != ':' && (f.Is("Content-Type") || f.Is("Content-Transfer-Encoding")):
			// RFC 5322, Section 4.5.1, is obsolete: for some that is another field.
			return "white space before the colon of " + f.Name()
		case name > 0 || mailbox && i == 0: // of a message, only that line can be without a name
		default:
			// RFC 5322, Section 2.2: a field has a name and a colon. For some the body begins here.
			return "a line in the header that is no header field"
		}
	}
	switch cte, _ := Field(p.Fields, "Content-Transfer-Encoding"); {
	case strings.Contains(cte, "("):
		// RFC 5322, Section 3.2.2: comments may stand in structured fields; some read none here.
		return "a comment in Content-Transfer-Encoding"
	case p.Type.odd:
		return "a Content-Type field that some readers do not understand"
	}
	return ""
}

// LoneCR reports whether a CR in raw is not before an LF.
func LoneCR(raw []byte) bool {
	for {
		i := bytes.IndexByte(raw, '\r')
		if i < 0 {
			return false
		}
		if raw = raw[i+1:]; len(raw) == 0 || raw[0] != '\n' {
			return true
		}
	}
}

// commonBoundary reports whether all readers make the same of a boundary parameter that stands
// there as raw: RFC 2046, Section 5.1.1, with the characters that are seen in practice.
func commonBoundary(raw, boundary string) bool {
	const most = 70
	switch {
	case len(boundary) > most:
	// a backslash, which some take for a character of its own
	case raw != boundary && raw != `"`+boundary+`"`:
	// RFC 2045, Section 5.1: to be quoted
	case raw == boundary && strings.ContainsAny(raw, `()<>@,:/[]?=`):
	// some split there, or take brackets away
	case strings.ContainsAny(boundary, `"\;<>`), strings.HasPrefix(boundary, "'"):
	// some decode RFC 2047 everywhere
	case strings.Contains(boundary, "=?") && strings.Contains(boundary, "?="):
	// white space of a fold, which some make one space of (RFC 5322, Section 2.2.3, keeps it)
	case strings.HasPrefix(boundary, " "), strings.HasSuffix(boundary, " "), strings.Contains(boundary, "  "):
	case strings.ContainsFunc(boundary, func(r rune) bool { return r < ' ' || r > '~' }):
	default:
		return true
	}
	return false
}

// DelimiterCounter counts what it is written: the places where some reader sees the beginning of a
// delimiter line. Lines end in CR LF, and for some in either of the two alone.
type DelimiterCounter struct {
	Delimiter []byte
	last      []byte // what was written last, as much as one needs that begins there
	N         int
}

func (c *DelimiterCounter) Write(p []byte) (int, error) {
	if c.last == nil {
		// what is written begins with a line
		c.last = append(make([]byte, 0, 2*len(c.Delimiter)+1), '\n')
	}
	head := append(c.last, p[:min(len(p), len(c.Delimiter))]...)
	c.count(head, len(c.last)+1)
	c.count(p, len(p))
	keep := p
	if len(p) < len(c.Delimiter) {
		keep = head
	}
	c.last = append(c.last[:0], keep[max(0, len(keep)-len(c.Delimiter)):]...)
	return len(p), nil
}

// count counts those in text that begin before end, but for the first octet, of which it is not
// known what stands before it.
func (c *DelimiterCounter) count(text []byte, end int) {
	for at := 1; ; at++ {
		i := bytes.Index(text[min(at, len(text)):], c.Delimiter)
		if i < 0 {
			return
		}
		if at += i; at >= end {
			return
		}
		if text[at-1] == '\n' || text[at-1] == '\r' {
			c.N++
		}
	}
}
