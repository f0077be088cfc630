package smime

import (
	"slices"
	"strings"

	"dnseal/smime/internal/entity"
	"dnseal/smime/internal/header"
	"dnseal/smime/internal/transit"
	"dnseal/smime/message"
)

// RFC 8551, Section 3.1: what is signed is a MIME entity. A signature on something else, a text
// file or a program, holds just as well when the file is put into a message; readers then take its
// first lines for a header, and show the rest, or nothing.

// entityDefect says why content that is signed is no MIME entity that its signer meant for a
// message with this outer header; "" for one that is.
func entityDefect(p *entity.Part, outer []message.Field) string {
	kind, subtype, _ := strings.Cut(p.Type.Name, "/")
	if kind == "" || subtype == "" {
		return "it has no Content-Type that can be read"
	}
	protected := p.Type.Has(entity.HP) || p.Type.Has("protected-headers")
	var outside entity.ByName
	if !protected {
		outside = entity.SortByName(outer)
	}
	c := &header.Comparer{Words: header.MaxWords}
	for _, f := range p.Fields {
		switch {
		case f.Name() == "":
			return "its header has a line that is no header field"
		case protected, transit.Structural(f), f.Begins("X-"), standsIn(c, f, outside):
		default:
			return "its header has " + entity.Quoted(f.Name()) + ", which is not that of the message"
		}
	}
	return ""
}

// maxSameName is how many outer fields of one name a field of the content is compared with.
const maxSameName = 16

// standsIn reports whether a field of signed content says what the message says: some programs sign
// whole headers, and do not declare it. What lists do to a Subject does not count.
func standsIn(c *header.Comparer, f message.Field, outside entity.ByName) bool {
	at := outside.Called(f)
	return slices.ContainsFunc(at[:min(len(at), maxSameName)], func(i int) bool {
		o := outside.Fields[i]
		return c.Value(f, o) || f.Is("Subject") && c.Subject(f, o)
	})
}
