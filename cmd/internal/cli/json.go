package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// WriteJSON prints one JSON object on a line.
func WriteJSON(w io.Writer, v any) error {
	e := json.NewEncoder(JSON{w})
	e.SetEscapeHTML(false) // <, > and & are safe on a terminal, and in every Message-ID
	return e.Encode(v)
}

// JSON writes JSON in which nothing a stranger wrote can mislead: characters that a terminal
// obeys, that turn the direction of writing, that end a line or that are not seen come out as
// escapes (RFC 8259, Section 7). They only occur in strings. Each Write is given whole values.
type JSON struct{ W io.Writer }

// Write implements [io.Writer].
func (p JSON) Write(text []byte) (int, error) {
	if _, err := p.W.Write(escaped(text)); err != nil {
		return 0, err
	}
	return len(text), nil
}

func escaped(text []byte) []byte {
	out := make([]byte, 0, len(text)+64)
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRune(text[i:])
		if visible(r) {
			out = append(out, text[i:i+n]...)
		} else {
			for _, u := range utf16.AppendRune(nil, r) {
				out = fmt.Appendf(out, `\u%04x`, u)
			}
		}
		i += n
	}
	return out
}

// visible reports whether a character of JSON is shown as one. The encoder has escaped controls
// below U+0020 already.
func visible(r rune) bool {
	if r < 0x7f {
		return true
	}
	return unicode.IsPrint(r) && !unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}
