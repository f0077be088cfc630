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

// Some readers list the signature part of a multipart/signed as an attachment, or take it for one
// when anything about it is not as they know it. So it has to be nothing else: type, protocol and
// names are those of a signature.

// signatureDefect says why the second part of the multipart/signed p may be taken for something
// else than a signature.
func signatureDefect(p *entity.Part) string {
	sig := p.Kids[1]
	if !entity.IsSignature(sig.Type.Name) {
		return "the second part of multipart/signed is " + entity.Quoted(sig.Type.Name)
	}
	// RFC 1847, Section 2.1, asks for the parameter. Where it is missing the type of the part
	// says the same.
	if protocol := strings.ToLower(p.Type.Get("protocol")); p.Type.Has("protocol") && !entity.IsSignature(protocol) {
		return "multipart/signed by protocol " + entity.Quoted(protocol)
	}
	if reason := entity.Ambiguity(sig, false); reason != "" {
		return "signature part: " + reason
	}
	return nameDefect(sig, "signature part", ".p7s")
}

// nameDefect wants every name that a part with a signature has to end in one of endings (RFC 8551,
// Section 3.2.1). what it is called in a reason.
func nameDefect(p *entity.Part, what string, endings ...string) string {
	value, n := entity.Field(p.Fields, "Content-Disposition")
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

// decodeName undoes encoded words (RFC 2047), which some write in names although its Section 5
// forbids it. false is for what readers show in ways of their own: unknown charsets, control
// characters, those that turn the direction of writing, and those that end or escape something in a
// header.
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
