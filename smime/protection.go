package smime

import (
	"strings"

	"dnseal/smime/internal/entity"
	"dnseal/smime/message"
)

// HeaderProtection is a form in which signed content protects header fields.
type HeaderProtection string

// Forms of header protection.
const (
	ProtectionNone   HeaderProtection = "none"
	ProtectionClear  HeaderProtection = "clear"  // RFC 9788, Section 2.1.1: hp="clear"
	ProtectionCipher HeaderProtection = "cipher" // RFC 9788, Section 2.1.1: hp="cipher"
	ProtectionLegacy HeaderProtection = "legacy" // a form before RFC 9788
)

// protection is what signed content says about the header of the message it is in.
type protection struct {
	kind        HeaderProtection // the value of Signature.HeaderProtection
	fields      []message.Field  // the signed ones
	outer       []message.Field  // those that they are compared with
	differences []string         // the value of Signature.Differences
	changed     []string         // the value of Signature.HeaderChanges
	state       HeaderState      // the value of Signature.HeaderState
}

// readProtection looks for protected header fields in the entity inside all signatures (RFC 9788,
// Section 4.1).
func readProtection(l *layer) *protection {
	p := l.entity
	found := &protection{kind: ProtectionNone, outer: l.outer, state: HeaderUnprotected}
	switch {
	case p.Type.Has(entity.HP):
		// RFC 9788, Section 2.1.1. An unknown value is not valid, but is no reason to trust the
		// outer header.
		found.kind = ProtectionClear
		if strings.EqualFold(p.Type.Get(entity.HP), "cipher") {
			found.kind = ProtectionCipher
		}
		found.fields = p.Fields
	case p.Type.Has("protected-headers"):
		// draft-autocrypt-lamps-protected-headers: the form Enigmail and Thunderbird wrote before.
		found.kind, found.fields = ProtectionLegacy, p.Fields
	case p.Type.Is("message/rfc822", "message/global") && len(p.Kids) == 1 && !strings.EqualFold(p.Type.Get("forwarded"), "yes"):
		// RFC 8551, Section 3.1: the whole message wrapped. A forwarded one looks the same; that
		// its author is not the one of the outer header is right to report in both cases.
		found.kind, found.fields = ProtectionLegacy, p.Kids[0].Fields
	}
	if found.kind != ProtectionNone {
		found.compare()
	}
	return found
}

// apply puts what was found into a signature around the content, and into the one beside it.
func (p *protection) apply(s *Signature) {
	if s.PostQuantum != nil {
		p.apply(s.PostQuantum)
	}
	s.HeaderProtection, s.HeaderState, s.protection = p.kind, p.state, p
	if p.kind == ProtectionNone {
		return
	}
	for _, f := range p.fields {
		if !f.Is("From") {
			continue
		}
		s.ProtectedFromText = append(s.ProtectedFromText, f.Unfolded())
		as, err := message.ParseFrom(f.Value())
		s.ProtectedFrom = append(s.ProtectedFrom, as...)
		if err != nil && s.ProtectedFromErr == nil {
			s.ProtectedFromErr = err
		}
	}
	s.Differences, s.HeaderChanges = p.differences, p.changed
}
