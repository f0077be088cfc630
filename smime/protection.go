package smime

import (
	"bytes"
	"mime"
	"slices"
	"strings"

	"dnseal/smime/message"
)

// protection is what signed content says about the header of the message it is in.
type protection struct {
	kind        string // the value of Signature.HeaderProtection
	fields      []message.Field
	differences []string // the value of Signature.Differences
}

// readProtection looks for protected header fields in the entity inside all signatures (RFC 9788, Section 4.1).
func readProtection(l *layer) *protection {
	p := l.entity
	found := &protection{kind: "none"}
	switch {
	case p.typ.has(hp):
		// RFC 9788, Section 2.1.1. An unknown value is none of the RFC, but it is no reason to believe the outer header.
		found.kind = "clear"
		if strings.EqualFold(p.typ.get(hp), "cipher") {
			found.kind = "cipher"
		}
		found.fields = p.fields
	case p.typ.has("protected-headers"):
		// draft-autocrypt-lamps-protected-headers: the form Enigmail and Thunderbird wrote before.
		found.kind, found.fields = "legacy", p.fields
	case p.typ.is("message/rfc822", "message/global") && len(p.kids) == 1 && !strings.EqualFold(p.typ.get("forwarded"), "yes"):
		// RFC 8551, Section 3.1: the whole message wrapped. One that is only forwarded looks the same; to be told that it is by somebody else
		// than the outer header says is right in both cases.
		found.kind, found.fields = "legacy", p.kids[0].fields
	}
	if found.kind != "none" {
		found.compare(l.outer)
	}
	return found
}

// apply puts what was found into a signature around the content.
func (p *protection) apply(s *Signature) {
	s.HeaderProtection = p.kind
	if p.kind == "none" {
		return
	}
	for _, f := range p.fields {
		if !f.Is("From") {
			continue
		}
		s.ProtectedFromText = append(s.ProtectedFromText, f.Unfolded())
		as, err := message.ParseAddressList(f.Value())
		s.ProtectedFrom = append(s.ProtectedFrom, as...)
		if err != nil && s.ProtectedFromErr == nil {
			s.ProtectedFromErr = err
		}
	}
	s.Differences = p.differences
}

// shown are the fields that readers are shown, or answer to: where the header is protected, one that stands only outside is
// nobody's word (RFC 9788, Section 4.2).
var shown = []string{"From", "Sender", "Reply-To", "To", "Cc", "Subject", "Date"}

// compare finds the protected fields whose outer value is another.
func (p *protection) compare(outer []message.Field) {
	inside, outside := sortByName(p.fields), sortByName(outer)
	same := func(i, o int) bool { return sameValue(p.fields[i], outer[o]) }
	for i, f := range p.fields {
		if inside.first(f) == i && protectable(f) && !slices.EqualFunc(inside.called(f), outside.called(f), same) {
			p.differences = append(p.differences, f.Name())
		}
	}
	for _, name := range shown {
		called := func(f message.Field) bool { return f.Is(name) }
		if p.kind != "legacy" && !slices.ContainsFunc(p.fields, called) && slices.ContainsFunc(outer, called) {
			p.differences = append(p.differences, name)
		}
	}
}

// sameValue compares two fields as a reader is shown them.
func sameValue(a, b message.Field) bool {
	return bytes.Equal(a.RawValue(), b.RawValue()) || normal(a) == normal(b)
}

// normal is a value unfolded, with its encoded words decoded and runs of white space as one space.
func normal(f message.Field) string {
	v := f.Unfolded()
	if strings.Contains(v, "=?") {
		if decoded, err := new(mime.WordDecoder).DecodeHeader(v); err == nil {
			v = decoded
		}
	}
	if addressField(f.Name()) {
		v = strings.NewReplacer(`"`, "", `\`, "").Replace(v) // a quoted name is the same name
	}
	return strings.Join(strings.Fields(v), " ")
}
