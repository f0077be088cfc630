package smime

import (
	"bytes"
	"slices"

	"dnseal/smime/internal/entity"
	"dnseal/smime/internal/transit"
	"dnseal/smime/message"
)

// Limits of what is restored: a header that was filled on purpose is not rewritten, and no field is
// larger than a milter can pass to every MTA.
const (
	maxRestored      = 64
	maxRestoredField = 60000
)

// RestoreHeader returns the changes that put the fields of HeaderChanges back as they were signed:
// all outer fields of those names are removed, and the signed ones are appended to the header. It
// returns nil where there is nothing to restore, where an encryption hid fields, or where a signed
// field cannot be put into a header as it is: control characters, octets above 127 that no encoded
// word can hold, lines without end. The caller has to check that the signature is valid.
func (s *Signature) RestoreHeader() []message.Change {
	// What was hidden by an encryption is not for the outer header.
	if s.protection == nil || s.HeaderState != HeaderChanged || s.HeaderProtection == ProtectionCipher {
		return nil
	}
	return s.protection.restore()
}

func (p *protection) restore() []message.Change {
	isChanged := func(f message.Field) bool { return f.Is(p.changed...) }
	changes, after := message.RemoveAll(p.outer, isChanged), slices.DeleteFunc(slices.Clone(p.outer), isChanged)
	slices.Reverse(changes) // the indexes of an MTA that counts again after each stay right
	for _, f := range p.fields {
		if !isChanged(f) || empty(f) {
			continue
		}
		signed, ok := restorable(f)
		if !ok {
			return nil
		}
		after = append(after, signed)
		changes = append(changes, message.Change{Op: message.Append, Name: signed.Name(), Value: signed.Value()})
	}
	again := &protection{kind: p.kind, fields: p.fields, outer: after, state: HeaderUnprotected}
	if again.compare(); again.state != HeaderProtected || len(changes) > maxRestored {
		return nil
	}
	return changes
}

// restorable returns a signed field in a form that survives transit.
func restorable(f message.Field) (message.Field, bool) {
	raw, err := transit.SafeField(f)
	if err != nil || len(raw) > maxRestoredField || !entity.IsASCII(string(raw)) {
		return message.Field{}, false
	}
	lines := bytes.Split(bytes.TrimSuffix(raw, []byte("\r\n")), []byte("\r\n"))
	for i, line := range lines {
		// RFC 5322, Section 2.2.3: a folded line begins with white space. Section 2.2: no controls.
		folded := i == 0 || len(line) > 0 && (line[0] == ' ' || line[0] == '\t')
		if !folded || bytes.ContainsFunc(line, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
			return message.Field{}, false
		}
	}
	return message.Field{Raw: raw}, true
}
