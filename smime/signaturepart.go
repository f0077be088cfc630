package smime

import (
	"cmp"
	"iter"
	"mime"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Some readers list the signature part of a multipart/signed as an attachment, or take it for one
// when anything about it is not as they know it. So it has to be nothing else: type, protocol and
// names are those of a signature.

// signatureDefect says why the second part of the multipart/signed p may be taken for something
// else than a signature.
func signatureDefect(p *part) string {
	sig := p.kids[1]
	if !isSignature(sig.typ.name) {
		return "the second part of multipart/signed is " + quoted(sig.typ.name)
	}
	// RFC 1847, Section 2.1, asks for the parameter. Where it is missing the type of the part
	// says the same.
	if protocol := strings.ToLower(p.typ.get("protocol")); p.typ.has("protocol") && !isSignature(protocol) {
		return "multipart/signed by protocol " + quoted(protocol)
	}
	if reason := ambiguity(sig, false); reason != "" {
		return "signature part: " + reason
	}
	return nameDefect(sig, "signature part", ".p7s")
}

// isSignature knows the media types of a detached signature (RFC 8551, Section 3.10; with x- before
// RFC 2311).
func isSignature(name string) bool {
	return name == "application/pkcs7-signature" || name == "application/x-pkcs7-signature"
}

// nameDefect wants every name that a part with a signature has to end in one of endings (RFC 8551,
// Section 3.2.1). what it is called in a reason.
func nameDefect(p *part, what string, endings ...string) string {
	value, n := field(p.fields, "Content-Disposition")
	disposition := parseMediaType(value)
	if n > 1 || n == 1 && disposition.ambiguous {
		return what + ": a Content-Disposition field that can be read in more than one way"
	}
	return cmp.Or(p.typ.nameDefect(what, endings), disposition.nameDefect(what, endings))
}

func (t mediaType) nameDefect(what string, endings []string) string {
	for _, name := range []string{"name", "filename"} {
		for value := range t.values(name) {
			if !endsIn(value, endings) {
				return "the " + what + " has the name " + quoted(value)
			}
		}
		if !t.readable(name) {
			return "the " + what + " has a name in a charset of its own"
		}
	}
	return ""
}

// values are what a parameter may be read as: as it stands, and put together from the pieces of RFC
// 2231.
func (t mediaType) values(name string) iter.Seq[string] {
	return func(yield func(string) bool) {
		pieces := false
		for _, p := range t.params {
			base, _, star := strings.Cut(p.name, "*")
			pieces = pieces || base == name && star
			if base == name && !star && !yield(p.value) {
				return
			}
		}
		if pieces {
			yield(t.extended(name))
		}
	}
}

// readable reports whether the extended form of a parameter, if there is one, is in a charset in
// which ASCII is ASCII.
func (t mediaType) readable(name string) bool {
	for _, p := range t.params {
		if p.name != name+"*" && p.name != name+"*0*" {
			continue
		}
		charset, _, ok := strings.Cut(p.value, "'")
		if ok && !slices.Contains([]string{"", "us-ascii", "utf-8", "iso-8859-1"}, strings.ToLower(charset)) {
			return false
		}
	}
	return true
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
