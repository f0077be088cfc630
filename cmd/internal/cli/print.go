package cli

import (
	"fmt"
	"io"
	"strings"
)

// Print writes a line for people: advice, progress, a step of the demo. A failure to write it is
// ignored: there is no other place to report it. Results (messages, reports, records) are written
// with their errors checked.
func Print(w io.Writer, format string, args ...any) {
	_, _ = fmt.Fprintf(w, format+"\n", args...)
}

// Printable is text with a question mark in place of each character that a terminal obeys, that
// turns the direction of writing, that ends a line or that is not seen.
func Printable(text string) string {
	return strings.Map(func(r rune) rune {
		if visible(r) && r >= ' ' {
			return r
		}
		return '?'
	}, strings.ToValidUTF8(text, "?"))
}
