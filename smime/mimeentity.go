package smime

import (
	"slices"
	"strings"

	"dnseal/smime/message"
)

// RFC 8551, Section 3.1: what is signed is a MIME entity. A signature on something else, a text
// file or a program, holds just as well when the file is put into a message; readers then take its
// first lines for a header, and show the rest, or nothing.

// entityDefect says why content that is signed is no MIME entity that its signer meant for a
// message with this outer header; "" for one that is.
func entityDefect(p *part, outer []message.Field) string {
	kind, subtype, _ := strings.Cut(p.typ.name, "/")
	if kind == "" || subtype == "" {
		return "it has no Content-Type that can be read"
	}
	protected := p.typ.has(hp) || p.typ.has("protected-headers")
	var outside byName
	if !protected {
		outside = sortByName(outer)
	}
	c := &comparer{words: maxWords}
	for _, f := range p.fields {
		switch {
		case f.Name() == "":
			return "its header has a line that is no header field"
		case protected, structural(f), f.Begins("X-"), standsIn(c, f, outside):
		default:
			return "its header has " + quoted(f.Name()) + ", which is not that of the message"
		}
	}
	return ""
}

// maxSameName is how many outer fields of one name a field of the content is compared with.
const maxSameName = 16

// standsIn reports whether a field of signed content says what the message says: some programs sign
// whole headers, and do not declare it. What lists do to a Subject does not count.
func standsIn(c *comparer, f message.Field, outside byName) bool {
	at := outside.called(f)
	return slices.ContainsFunc(at[:min(len(at), maxSameName)], func(i int) bool {
		o := outside.fields[i]
		return c.value(f, o) || f.Is("Subject") && c.subject(f, o)
	})
}
