package receiver

import (
	"mime"
	"strings"

	"dnseal/smime/message"
)

// misleading returns an address that a From field shows beside its own, in a display name or a comment, or "".
// Many readers show nothing but the display name, so that it is what a person takes for the author.
func misleading(m *message.Message, from message.Address) string {
	for _, f := range m.Fields("From") {
		for word := range strings.FieldsFuncSeq(shownText(f.Unfolded()), isDelimiter) {
			if !strings.Contains(word, "@") {
				continue
			}
			a, err := message.ParseAddress(strings.Trim(word, "."))
			if err == nil && (a.Domain != from.Domain || !strings.EqualFold(a.Local, from.Local)) {
				return a.String()
			}
		}
	}
	return ""
}

// commercialAts are look-alikes of the sign (Unicode: full-width and small).
var commercialAts = strings.NewReplacer("\uff20", "@", "\ufe6b", "@")

// shownText decodes a field as readers do (RFC 2047), and turns look-alikes of the commercial at into it.
func shownText(value string) string {
	d := mime.WordDecoder{}
	if decoded, err := d.DecodeHeader(value); err == nil {
		value = decoded
	}
	return commercialAts.Replace(strings.ToValidUTF8(value, "?"))
}

func isDelimiter(r rune) bool { return r <= ' ' || strings.ContainsRune(`"'<>()[],;:\`, r) }
