package main

import (
	"fmt"
	"io"
)

// tell writes a line for people: advice, progress, a step of the demo. If nobody can read it any more there is nobody to
// tell that either. Results (messages, reports, records) are written with their errors checked.
func tell(w io.Writer, format string, args ...any) {
	_, _ = fmt.Fprintf(w, format+"\n", args...)
}
