package header

import (
	"strings"
	"unicode/utf8"

	"dnseal/smime/internal/entity"
)

// AddressField reports whether a field holds addresses: of RFC 5322, Sections 3.6.2 and 3.6.3, RFC
// 8098, Section 2.1, or Mail-Followup-To, which many readers act on.
func AddressField(name string) bool {
	switch strings.ToLower(name) {
	case "from", "sender", "reply-to", "to", "cc", "mail-followup-to", "disposition-notification-to":
		return true
	}
	return false
}

// wordOctets is how much encoded text goes into one encoded word: RFC 2047, Section 2, allows 75
// characters with its frame; this is short enough for the line of a long field name.
const wordOctets = 40

// EncodeWords writes text as encoded words (RFC 2047, Section 4.2). White space between them does
// not count.
func EncodeWords(text string) string {
	charset := "utf-8"
	if !utf8.ValidString(text) {
		charset = "unknown-8bit" // RFC 1428, Section 3
	}
	start := "=?" + charset + "?q?"
	var out strings.Builder
	out.WriteString(start)
	size := 0
	for len(text) > 0 {
		_, n := utf8.DecodeRuneInString(text) // a character is not split (RFC 2047, Section 5)
		q := encodeCharacter(text[:n])
		if size += len(q); size > wordOctets {
			out.WriteString("?= " + start)
			size = len(q)
		}
		out.WriteString(q)
		text = text[n:]
	}
	return out.String() + "?="
}

// encodeCharacter is the "Q" encoding of one character, as it may stand in a phrase (RFC 2047,
// Section 5, rule 3).
func encodeCharacter(s string) string {
	c := s[0]
	switch {
	case c == ' ':
		return "_"
	case '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z' || strings.IndexByte("!*+-/", c) >= 0:
		return s
	}
	var out []byte
	for i := range len(s) {
		out = append(out, '=', entity.HexDigits[s[i]>>4], entity.HexDigits[s[i]&15])
	}
	return string(out)
}
