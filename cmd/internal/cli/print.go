package cli

import (
	"fmt"
	"io"
)

// Print writes a line for people: advice, progress, a step of the demo. A failure to write it is
// ignored: there is no other place to report it. Results (messages, reports, records) are written
// with their errors checked.
func Print(w io.Writer, format string, args ...any) {
	_, _ = fmt.Fprintf(w, format+"\n", args...)
}
