package main

import (
	"bytes"
	"fmt"
	"io"
	"regexp"
)

// tell writes a line for people: advice, progress, a step of the demo. If nobody can read it any
// more there is nobody to tell that either. Results (messages, reports, records) are written with
// their errors checked.
func tell(w io.Writer, format string, args ...any) {
	_, _ = fmt.Fprintf(w, format+"\n", args...)
}

// longHex is a digest; the demo shows only how it begins.
var longHex = regexp.MustCompile(`([0-9a-f]{8})[0-9a-f]{32,}`)

// indented writes every line three columns further right, as the demo's steps are, with digests cut
// short.
type indented struct{ w io.Writer }

func (i indented) Write(p []byte) (int, error) {
	for line := range bytes.Lines(p) {
		indent := "   "
		if len(bytes.TrimSpace(line)) == 0 {
			indent = ""
		}
		if _, err := io.WriteString(i.w, indent+longHex.ReplaceAllString(string(line), "$1…")); err != nil {
			return 0, err
		}
	}
	return len(p), nil
}
