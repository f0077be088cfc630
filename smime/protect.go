package smime

import (
	"bytes"
	"fmt"
	"slices"

	"dnseal/smime/message"
)

// protectable reports whether a field is repeated inside the signed content (RFC 9788, Section 2.2:
// all but the structural ones). Left out is what the way adds or removes, and what recipients are
// not to see.
func protectable(f message.Field) bool {
	return f.Name() != "" && !structural(f) && !f.Begins("Resent-") && !f.Begins("ARC-") && !f.Begins("X-Dnseal-") &&
		!f.Is("Bcc", "Received", "Return-Path", "Authentication-Results", "DKIM-Signature", "DomainKey-Signature",
			"Received-SPF", "Delivered-To", "X-Original-To", "HP-Outer")
}

// structural is RFC 9788, Section 1.4: what describes the body.
func structural(f message.Field) bool { return f.Is("MIME-Version") || f.Begins("Content-") }

// entityHeader makes the header of the signed entity: the Content- fields of the root, and copies
// of its other fields where they are to be protected. charset is for a message without
// Content-Type. What cannot be made transit-proof is kept as it is and noted in pl.
func (pl *planner) entityHeader(root *part, charset string, protect bool) []byte {
	h, fields := make([]byte, 0, 1024), root.fields
	_, typed := field(fields, "Content-Type")
	if typed == 0 {
		h = append(h, contentType(mediaType{name: "text/plain", params: []param{{"charset", charset}}}, protect)...)
	}
	for _, f := range fields {
		switch {
		case f.Is("Content-Type"):
			h = append(h, pl.rootType(f, root.typ, protect)...)
		case !f.Begins("Content-"), f.Is("Content-Length"), f.Is("Content-Transfer-Encoding") && pl.steps.encoding(root) != root.cte:
		default:
			h = append(h, pl.rootField(f, safeField)...)
		}
	}
	h = pl.steps.appendEncoding(h, root)
	if protect {
		for _, f := range fields {
			if protectable(f) {
				h = append(h, pl.protected(f)...)
			}
		}
	}
	return append(h, '\r', '\n')
}

func (pl *planner) rootField(f message.Field, safe func(message.Field) ([]byte, error)) []byte {
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
func (pl *planner) protected(f message.Field) []byte {
	if f.Is(shown...) {
		return pl.rootField(f, copyOfField)
	}
	raw, err := copyOfField(f)
	if err != nil {
		pl.unprotected = append(pl.unprotected, placeOf(f))
		return nil
	}
	return raw
}

// rootType is the Content-Type of the signed entity: as it stands, but that it says what we say
// about header protection, and nothing that somebody wrote there before.
func (pl *planner) rootType(f message.Field, t mediaType, protect bool) []byte {
	if t.has(hp) || t.has("protected-headers") || fieldHazards(f.Raw)&breaking != 0 {
		return contentType(t.without(hp, "protected-headers"), protect)
	}
	if !protect {
		return f.Raw
	}
	raw := slices.Concat(bytes.TrimRight(f.Raw, "; \t\r\n"), []byte(";\r\n hp=\"clear\"\r\n"))
	if again := parseMediaType(message.Field{Raw: raw}.Unfolded()); again.ambiguous || again.name != t.name || again.get(hp) != "clear" {
		return contentType(t, protect) // a comment that does not end, or the like
	}
	return raw
}

func contentType(t mediaType, protect bool) []byte {
	if protect {
		t.params = append(t.params, param{hp, "clear"})
	}
	raw, err := fold("Content-Type", t.String())
	if err != nil {
		return fmt.Appendf(nil, "Content-Type: %s\r\n", t)
	}
	return raw
}
