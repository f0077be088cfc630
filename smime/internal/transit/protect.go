package transit

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"dnseal/smime/internal/entity"
	"dnseal/smime/internal/header"
	"dnseal/smime/message"
)

// Protectable reports whether a field is repeated inside the signed content (RFC 9788, Section 2.2:
// all but the structural ones). Left out is what the way adds or removes, and what recipients are
// not to see.
func Protectable(f message.Field) bool {
	return f.Name() != "" && !Structural(f) && !f.Begins("Resent-") && !f.Begins("ARC-") && !f.Begins("X-Dnseal-") &&
		!f.Is("Bcc", "Received", "Return-Path", "Authentication-Results", "DKIM-Signature", "DomainKey-Signature",
			"Received-SPF", "Delivered-To", "X-Original-To", "HP-Outer")
}

// Structural is RFC 9788, Section 1.4: what describes the body.
func Structural(f message.Field) bool { return f.Is("MIME-Version") || f.Begins("Content-") }

// Protection is a form of header protection that is written: the value of the parameter hp (RFC
// 9788, Section 2.1.1).
type Protection string

// Forms.
const (
	ProtectNone   Protection = ""
	ProtectClear  Protection = "clear"
	ProtectCipher Protection = "cipher"
)

// EntityHeader makes the header of the signed entity (RFC 8551, Section 3.1): the Content- fields
// of the root, and copies of its other fields where they are to be protected. charset is for a
// message without Content-Type. What cannot be made transit-proof is kept as it is and noted in pl.
func (pl *Planner) EntityHeader(root *entity.Part, charset string, protect Protection) []byte {
	h, fields := make([]byte, 0, 1024), root.Fields
	_, typed := entity.Field(fields, "Content-Type")
	if typed == 0 {
		h = append(h, contentType(entity.MediaType{Name: "text/plain", Params: []entity.Param{{Name: "charset", Value: charset}}}, protect)...)
	}
	for _, f := range fields {
		switch {
		case f.Is("Content-Type"):
			h = append(h, pl.rootType(f, root.Type, protect)...)
		case !f.Begins("Content-"), f.Is("Content-Length"), f.Is("Content-Transfer-Encoding") && pl.Steps.encoding(root) != root.CTE:
		default:
			h = append(h, pl.rootField(f, SafeField)...)
		}
	}
	h = pl.Steps.appendEncoding(h, root)
	if protect != ProtectNone {
		h = pl.appendCopies(h, fields)
	}
	if protect == ProtectCipher {
		h = appendOuter(h, fields)
	}
	return append(h, '\r', '\n')
}

// appendCopies adds the protected copies of fields. A field without a value has none: readers show
// nothing of it.
func (pl *Planner) appendCopies(h []byte, fields []message.Field) []byte {
	partly := partlyEmpty(fields)
	for _, f := range fields {
		switch {
		case !Protectable(f):
		case partly == nil || !partly[strings.ToLower(f.Name())]:
			h = append(h, pl.protected(f)...)
		case f.Is(header.Shown...):
			pl.blockAt(placeOf(f), "one without a value next to another of its name")
			h = append(h, f.Raw...)
		default:
			pl.Unprotected = append(pl.Unprotected, placeOf(f))
		}
	}
	return h
}

// partlyEmpty finds the names, in lower case, of which some fields have a value and some have none.
// Without copies of the latter all of them would count as changed, and in no form such a copy
// survives.
func partlyEmpty(fields []message.Field) map[string]bool {
	if !slices.ContainsFunc(fields, WithoutValue) {
		return nil
	}
	const empty, full = 1, 2
	found, partly := map[string]int{}, map[string]bool{}
	for _, f := range fields {
		name, kind := strings.ToLower(f.Name()), full
		if WithoutValue(f) {
			kind = empty
		}
		found[name] |= kind
		partly[name] = found[name] == empty|full
	}
	return partly
}

func (pl *Planner) rootField(f message.Field, safe func(message.Field) ([]byte, error)) []byte {
	raw, err := safe(f)
	if err != nil {
		pl.blockAt(placeOf(f), "%v", err)
		return f.Raw
	}
	return raw
}

// protected is the copy of a field. One that cannot be made transit-proof is left unprotected, but
// where readers show it, or act on it: without a copy those would count as changed (RFC 9788,
// Section 4.2).
func (pl *Planner) protected(f message.Field) []byte {
	if f.Is(header.Shown...) {
		return pl.rootField(f, CopyOfField)
	}
	raw, err := CopyOfField(f)
	if err != nil {
		pl.Unprotected = append(pl.Unprotected, placeOf(f))
		return nil
	}
	return raw
}

// rootType is the Content-Type of the signed entity: as it stands, but that it says what we say
// about header protection, and nothing that somebody wrote there before.
func (pl *Planner) rootType(f message.Field, t entity.MediaType, protect Protection) []byte {
	f = oneSpace(f)
	if rewritten(f.Raw) {
		pl.blockAt(placeOf(f), "%v", errControl)
	}
	if t.Has(entity.HP) || t.Has("protected-headers") || fieldHazards(f.Raw)&entity.Breaking != 0 {
		return contentType(t.Without(entity.HP, "protected-headers"), protect)
	}
	if protect == ProtectNone {
		return f.Raw
	}
	raw := slices.Concat(bytes.TrimRight(f.Raw, "; \t\r\n"), []byte(";\r\n hp=\""+string(protect)+"\"\r\n"))
	if again := entity.ParseMediaType(message.Field{Raw: raw}.Unfolded()); again.Ambiguous || again.Name != t.Name || again.Get(entity.HP) != string(protect) {
		return contentType(t, protect) // a comment that does not end, or the like
	}
	return raw
}

func contentType(t entity.MediaType, protect Protection) []byte {
	if protect != ProtectNone {
		// RFC 9788, Section 2.1.1.
		t.Params = append(t.Params, entity.Param{Name: entity.HP, Value: string(protect)})
	}
	raw, err := entity.Fold("Content-Type", t.String())
	if err != nil {
		return fmt.Appendf(nil, "Content-Type: %s\r\n", t)
	}
	return raw
}
