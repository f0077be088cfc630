package smime

import (
	"cmp"
	"mime"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"dnseal/smime/internal/entity"
)

// Some readers list the signature part of a multipart/signed as an attachment, always or when
// anything about it is unusual. So it has to be nothing else: type, protocol and names are those of
// a signature.

// signatureDefect says why readers may treat the second part of the multipart/signed p as something
// else than a signature (RFC 8551, Section 3.5.3.1).
func signatureDefect(p *entity.Part) string {
	sig := p.Kids[1]
	if !entity.IsSignature(sig.Type.Name) {
		return "the second part of multipart/signed is " + entity.Quoted(sig.Type.Name)
	}
	// RFC 1847, Section 2.1, requires the parameter. Where it is missing the type of the part says
	// the same.
	if protocol := strings.ToLower(p.Type.Get("protocol")); p.Type.Has("protocol") && !entity.IsSignature(protocol) {
		return "multipart/signed with protocol " + entity.Quoted(protocol)
	}
	if reason := entity.Ambiguity(sig, false); reason != "" {
		return "signature part: " + reason
	}
	return nameDefect(sig, "signature part", ".p7s")
}

// nameDefect checks that every name of a part with a signature ends in one of endings (RFC 8551,
// Section 3.2.1). what names the part in a reason.
func nameDefect(p *entity.Part, what string, endings ...string) string {
	value, n := entity.Field(p.Fields, "Content-Disposition") // RFC 2183, Section 2.3: filename
	disposition := entity.ParseMediaType(value)
	if n > 1 || n == 1 && disposition.Ambiguous {
		return what + ": a Content-Disposition field that can be read in more than one way"
	}
	return cmp.Or(typeNameDefect(p.Type, what, endings), typeNameDefect(disposition, what, endings))
}

func typeNameDefect(t entity.MediaType, what string, endings []string) string {
	for _, name := range []string{"name", "filename"} {
		for value := range t.Values(name) {
			if !endsIn(value, endings) {
				return "the " + what + " has the name " + entity.Quoted(value)
			}
		}
		if !t.Readable(name) {
			return "the " + what + " has a name in a charset of its own"
		}
	}
	return ""
}

// endsIn says that a name ends in one of endings for every reader.
func endsIn(value string, endings []string) bool {
	name, ok := decodeName(value)
	return ok && slices.ContainsFunc(endings, func(e string) bool { return strings.HasSuffix(strings.ToLower(name), e) })
}

// decodeName decodes encoded words, which some programs write in names although RFC 2047, Section
// 5, forbids it. It returns false for what readers show in different ways: unknown charsets,
// control characters, those that change the direction of writing, and those that end or escape
// something in a header.
func decodeName(raw string) (string, bool) {
	name, err := raw, error(nil)
	if strings.Contains(raw, "=?") {
		name, err = new(mime.WordDecoder).DecodeHeader(raw)
	}
	if err != nil || !utf8.ValidString(name) || strings.ContainsAny(name, `"\;%`) {
		return "", false
	}
	return name, !strings.ContainsFunc(name, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) })
}
