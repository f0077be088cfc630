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
// file or a program, is still valid when the file is put into a message; readers then treat its
// first lines as a header, and show the rest, or nothing.

// entityDefect says why content that is signed is no MIME entity that its signer meant for a
// message with this outer header; "" for one that is.
func entityDefect(p *entity.Part, outer []message.Field) string {
	kind, subtype, _ := strings.Cut(p.Type.Name, "/")
	if kind == "" || subtype == "" {
		return "it has no Content-Type that can be read"
	}
	// RFC 9788, Section 2.1.1: hp declares the header fields of the content.
	protected := p.Type.Has(entity.HP) || p.Type.Has("protected-headers")
	var outside entity.ByName
	if !protected {
		outside = entity.SortByName(outer)
	}
	c := &header.Comparer{Words: header.MaxWords}
	for _, f := range p.Fields {
		switch {
		case f.Name() == "":
			return "its header has a line that is not a header field"
		case protected, transit.Structural(f), f.Begins("X-"), repeats(c, f, outside):
		default:
			return "its header has " + entity.Quoted(f.Name()) + ", which differs from that of the message"
		}
	}
	return ""
}

// maxSameName is how many outer fields of one name a field of the content is compared with.
const maxSameName = 16

// repeats reports whether a field of signed content is also in the outer header: some programs sign
// whole headers, and do not declare it. What lists do to a Subject does not count.
func repeats(c *header.Comparer, f message.Field, outside entity.ByName) bool {
	at := outside.Called(f)
	return slices.ContainsFunc(at[:min(len(at), maxSameName)], func(i int) bool {
		o := outside.Fields[i]
		return c.Value(f, o) || f.Is("Subject") && c.Subject(f, o)
	})
}
