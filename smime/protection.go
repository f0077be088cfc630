package smime

import (
	"mime"
	"slices"
	"strings"

	"dnseal/smime/message"
)

// protection is what signed content says about the header of the message it is in.
type protection struct {
	kind   string // the value of Signature.HeaderProtection
	fields []message.Field
	outer  []message.Field
}

// readProtection looks for protected header fields in the entity inside all signatures (RFC 9788, Section 4.1).
func readProtection(l *layer) *protection {
	p := l.entity
	found := &protection{kind: "none", outer: l.outer}
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
		as, err := message.ParseAddressList(f.Value())
		s.ProtectedFrom = append(s.ProtectedFrom, as...)
		if err != nil && s.ProtectedFromErr == nil {
			s.ProtectedFromErr = err
		}
	}
	s.Differences = p.differences()
}

// shown are the fields that readers are shown, or answer to: where the header is protected, one that stands only outside is
// nobody's word (RFC 9788, Section 4.2).
var shown = []string{"From", "Sender", "Reply-To", "To", "Cc", "Subject", "Date"}

// differences compares the protected fields with the outer header.
func (p *protection) differences() []string {
	var differ, done []string
	for _, f := range p.fields {
		name := f.Name()
		lower := strings.ToLower(name)
		if !protectable(f) || slices.Contains(done, lower) {
			continue
		}
		done = append(done, lower)
		if !sameValues(p.fields, p.outer, name) {
			differ = append(differ, name)
		}
	}
	for _, name := range shown {
		if _, outside := field(p.outer, name); outside > 0 && p.kind != "legacy" && !slices.Contains(done, strings.ToLower(name)) {
			differ = append(differ, name)
		}
	}
	return differ
}

// sameValues compares all fields called name of two headers, as a reader is shown them.
func sameValues(a, b []message.Field, name string) bool {
	next := func(fields []message.Field) (message.Field, []message.Field, bool) {
		for i, f := range fields {
			if f.Is(name) {
				return f, fields[i+1:], true
			}
		}
		return message.Field{}, nil, false
	}
	for {
		fa, restA, okA := next(a)
		fb, restB, okB := next(b)
		if !okA || !okB {
			return okA == okB
		}
		if fa.Value() != fb.Value() && normal(fa) != normal(fb) {
			return false
		}
		a, b = restA, restB
	}
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
