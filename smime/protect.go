package smime

import (
	"fmt"
	"strings"

	"dnseal/smime/message"
)

// protectable reports whether a field is repeated inside the signed content (RFC 9788, Section 2.2: all but the structural
// ones). Left out is what the way adds or removes, and what recipients are not to see.
func protectable(f message.Field) bool {
	name := strings.ToLower(f.Name())
	switch name {
	case "", "bcc", "received", "return-path", "authentication-results", "dkim-signature", "domainkey-signature",
		"received-spf", "delivered-to", "x-original-to", "hp-outer":
		return false
	}
	for _, prefix := range []string{"resent-", "arc-", "x-dnseal-"} {
		if strings.HasPrefix(name, prefix) {
			return false
		}
	}
	return !structural(name)
}

// structural is RFC 9788, Section 1.4: what describes the body. name is in lower case.
func structural(name string) bool {
	return name == "mime-version" || strings.HasPrefix(name, "content-")
}

// entityHeader makes the header of the signed entity: the Content- fields of the message, and copies of its other fields where
// they are to be protected. charset is for a message without Content-Type. What cannot be made transit-proof is kept as it
// is and noted in pl.
func (pl *planner) entityHeader(fields []message.Field, root *part, charset string, protect bool) []byte {
	h := make([]byte, 0, 1024)
	_, typed := field(fields, "Content-Type")
	if typed == 0 {
		h = append(h, contentType(mediaType{name: "text/plain", params: []param{{"charset", charset}}}, protect)...)
	}
	for _, f := range fields {
		switch name := strings.ToLower(f.Name()); {
		case name == "content-type":
			h = append(h, pl.rootType(f, root.typ, protect)...)
		case name == "content-transfer-encoding" && root.encoding() != root.cte || name == "content-length" || !strings.HasPrefix(name, "content-"):
		default:
			h = append(h, pl.rootField(f, safeField)...)
		}
	}
	h = root.appendEncoding(h)
	if protect {
		for _, f := range fields {
			if protectable(f) {
				h = append(h, pl.rootField(f, copyOfField)...)
			}
		}
	}
	return append(h, '\r', '\n')
}

func (pl *planner) rootField(f message.Field, safe func(message.Field) ([]byte, error)) []byte {
	raw, err := safe(f)
	if err != nil {
		pl.block(&part{}, "%s field: %v", f.Name(), err)
		return f.Raw
	}
	return raw
}

// hp marks a payload with protected header fields (RFC 9788, Section 2.1.1).
const hp = "hp"

// rootType is the Content-Type of the signed entity: as it stands, but that it says what we say about header protection, and nothing that somebody
// wrote there before.
func (pl *planner) rootType(f message.Field, t mediaType, protect bool) []byte {
	if t.has(hp) || t.has("protected-headers") || fieldHazards(f.Raw)&breaking != 0 {
		return contentType(t.without(hp, "protected-headers"), protect)
	}
	if !protect {
		return f.Raw
	}
	value := strings.TrimRight(f.Value(), "; \t\r\n")
	raw := fmt.Appendf(nil, "%s:%s;\r\n hp=\"clear\"\r\n", f.Name(), value)
	fields, _ := message.ParseHeader(raw)
	if again := parseMediaType(fields[0].Unfolded()); again.ambiguous || again.name != t.name || again.get(hp) != "clear" {
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
