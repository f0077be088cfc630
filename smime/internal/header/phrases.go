package header

import (
	"strings"

	"dnseal/smime/internal/entity"
)

// phraseEncoder writes a structured field with its 8-bit text as encoded words, where these may
// stand: in phrases and comments (RFC 2047, Section 5).
type phraseEncoder struct {
	value string
	out   strings.Builder
	start int // of what is not written yet
}

// EncodePhrases encodes the display names and comments of a structured field. 8-bit text in an
// address or another token stays.
func EncodePhrases(value string) string {
	e := phraseEncoder{value: encodeComments(value)}
	quoted, angle, depth := false, false, 0
	for i := 0; i < len(e.value); i++ {
		switch c := e.value[i]; {
		case c == '\\' && (quoted || depth > 0):
			i++
		case c == '"' && depth == 0:
			quoted = !quoted
		case quoted:
		case c == '(':
			depth++
		case depth > 0:
			if c == ')' {
				depth--
			}
		case angle:
			if angle = c != '>'; !angle {
				e.literal(i + 1)
			}
		case c == '<':
			e.phrase(i)
			angle = true
		case c == ',' || c == ':' || c == ';':
			e.phrase(i)
			e.literal(i + 1)
		}
	}
	if angle {
		e.literal(len(e.value))
	}
	e.phrase(len(e.value))
	return e.out.String()
}

// literal writes everything before end as it stands.
func (e *phraseEncoder) literal(end int) {
	e.out.WriteString(e.value[e.start:end])
	e.start = end
}

// phrase writes what stands before end, which is a phrase or an address without one, between
// comments.
func (e *phraseEncoder) phrase(end int) {
	text := e.value[e.start:end]
	if entity.IsASCII(text) || strings.Contains(text, "@") {
		e.literal(end)
		return
	}
	for text != "" {
		n := strings.IndexByte(text, '(')
		if n < 0 || strings.HasPrefix(strings.TrimSpace(text), `"`) {
			n = len(text)
		}
		e.out.WriteString(encodePhrase(text[:n]))
		text = text[n:]
		n = commentLength(text)
		e.out.WriteString(text[:n])
		text = text[n:]
	}
	e.start = end
}

// encodePhrase encodes a phrase, with the quotes of a quoted-string and its quoted pairs undone
// (RFC 2047, Section 5, rule 3: no encoded word stands in quotes).
func encodePhrase(phrase string) string {
	if entity.IsASCII(phrase) {
		return phrase
	}
	text := strings.TrimSpace(phrase)
	if n := len(text); n > 1 && text[0] == '"' && text[n-1] == '"' {
		text = strings.NewReplacer(`\\`, `\`, `\"`, `"`).Replace(text[1 : n-1])
	}
	return " " + EncodeWords(text) + " "
}

// commentLength is the length of the comment that s begins with, or 0.
func commentLength(s string) int {
	depth := 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return i + 1
			}
		}
		if depth == 0 {
			return 0
		}
	}
	return len(s)
}

// encodeComments encodes the 8-bit text of comments (RFC 2047, Section 5, rule 2).
func encodeComments(value string) string {
	var out strings.Builder
	quoted, depth, start := false, 0, 0
	for i := 0; i < len(value); i++ {
		switch c := value[i]; {
		case c == '\\' && (quoted || depth > 0):
			i++
		case c == '"' && depth == 0:
			quoted = !quoted
		case quoted:
		case c == '(' || c == ')' && depth > 0:
			text := value[start:i]
			if depth > 0 && !entity.IsASCII(text) {
				text = EncodeWords(strings.ReplaceAll(strings.TrimSpace(text), `\`, ""))
			}
			out.WriteString(text)
			out.WriteByte(c)
			start = i + 1
			if depth++; c == ')' {
				depth -= 2
			}
		}
	}
	return out.String() + value[start:]
}
