package header

import (
	"slices"
	"strings"

	"dnseal/smime/message"
)

// mailbox is one element of an address list (RFC 5322, Section 3.4): a mailbox, or the name of a
// group with its colon, or its semicolon.
type mailbox struct {
	name    string // as it is shown: without quotes; encoded words as they stand
	address string // between the angle brackets, or all there is; empty for a group
}

// mailboxes compares address lists (RFC 5322, Section 3.4): the same mailboxes with the same names
// in the same order, however they are written.
func (c *Comparer) mailboxes(was, is, charset string) bool {
	return slices.EqualFunc(mailboxes(was), mailboxes(is), func(a, b mailbox) bool {
		return sameAddress(a.address, b.address) && (a.name == b.name || c.shownName(a, "") == c.shownName(b, charset))
	})
}

// sameAddress compares two addresses. White space may stand around their parts (RFC 5322, Section
// 4.4). In a quoted local part it is part of the address, and within a word there are readers for
// whom the address ends, or begins, there.
func sameAddress(a, b string) bool {
	a, b = strings.Join(strings.Fields(a), " "), strings.Join(strings.Fields(b), " ")
	if a == b {
		return true
	}
	was, err := message.ParseAddress(a)
	if err != nil {
		return false
	}
	is, err := message.ParseAddress(b)
	return err == nil && was == is
}

// shownName is the name without white space; none where it only repeats the address, as some
// programs have it.
func (c *Comparer) shownName(m mailbox, charset string) string {
	name := c.plain(m.name, charset)
	if strings.EqualFold(name, WithoutSpace(m.address)) {
		return ""
	}
	return name
}

// mailboxes takes an address list apart, also one that is not well-formed: what is left open, and
// what stands where nothing should, becomes part of an address, so that it is like no other.
func mailboxes(v string) []mailbox {
	var out []mailbox
	s := mailboxScanner{rest: v}
	for s.rest != "" {
		c := s.rest[0]
		switch {
		case !s.angle && (c == ',' || c == ';' || c == ':'):
			s.rest = s.rest[1:]
			out = s.end(out, c)
		default:
			s.token(c)
		}
	}
	return s.end(out, ',')
}

// mailboxScanner collects one element.
type mailboxScanner struct {
	rest          string
	angle, closed bool
	phrase        strings.Builder // the words in front of the angle brackets as they are shown
	written       strings.Builder // the same as they are written
	comment       strings.Builder
	address       strings.Builder // between the brackets
}

// token reads one token.
func (s *mailboxScanner) token(c byte) {
	switch {
	case c == '"':
		raw, text := s.until('"')
		s.add(raw, text)
	case c == '(':
		_, text := s.until(')')
		s.comment.WriteString(text)
		s.add(" ", " ") // RFC 5322, Section 3.2.2: a comment parts words, as white space does
	case c == '[':
		raw, _ := s.until(']')
		s.add(raw, raw)
	case c == '<' && !s.angle && !s.closed:
		s.rest, s.angle = s.rest[1:], true
	case c == '>' && s.angle:
		s.rest, s.angle, s.closed = s.rest[1:], false, true
	default:
		n := strings.IndexAny(s.rest[1:], `"([<>,;:`) + 1
		if n == 0 {
			n = len(s.rest)
		}
		s.add(s.rest[:n], s.rest[:n])
		s.rest = s.rest[n:]
	}
}

func (s *mailboxScanner) add(written, text string) {
	if s.angle || s.closed && WithoutSpace(written) != "" {
		s.address.WriteString(written)
		return
	}
	s.phrase.WriteString(text)
	s.written.WriteString(written)
}

// until reads a quoted-string, comment or domain-literal (RFC 5322, Sections 3.2.4, 3.2.2 and
// 3.4.1) up to its end: as it is written, and its text with quoted pairs undone.
func (s *mailboxScanner) until(end byte) (raw, text string) {
	var b strings.Builder
	depth := 0
	for i := 0; i < len(s.rest); i++ {
		c := s.rest[i]
		switch {
		case c == '\\' && i+1 < len(s.rest):
			i++
			b.WriteByte(s.rest[i])
			continue
		case c == end && i > 0:
			depth--
		case i == 0 || c == '(' && end == ')':
			depth++
		}
		if depth == 0 {
			raw, s.rest = s.rest[:i+1], s.rest[i+1:]
			return raw, b.String()
		}
		if i > 0 {
			b.WriteByte(c)
		}
	}
	raw, s.rest = s.rest, ""
	return raw + "\x00", b.String() + "\x00"
}

// end appends the element that a separator ends, if there is any, and begins the next one.
func (s *mailboxScanner) end(out []mailbox, separator byte) []mailbox {
	m := mailbox{name: s.phrase.String(), address: s.address.String()}
	comment := s.comment.String()
	switch {
	case separator == ':':
		m = mailbox{name: s.phrase.String() + comment + ":", address: m.address}
	case s.angle:
		m.address += "<"
	case !s.closed:
		// RFC 5322, Section 3.4: older programs write the name of a bare address as a
		// comment.
		m = mailbox{name: comment, address: s.written.String()}
	case comment != "":
		m.name += "(" + comment + ")"
	}
	if WithoutSpace(m.name+m.address) != "" || s.closed {
		out = append(out, m)
	}
	if separator == ';' {
		out = append(out, mailbox{name: ";"})
	}
	*s = mailboxScanner{rest: s.rest}
	return out
}
