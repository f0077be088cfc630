package lookup

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// WriteTree draws the chain of trust of the result for people; now is for the time left.
func (r *Result) WriteTree(w io.Writer, now time.Time) error {
	var b strings.Builder
	for _, link := range r.Answer.Links {
		fmt.Fprintf(&b, "%s %s\n", link.Zone, link.Status)
	}
	fmt.Fprintf(&b, "%s %s: %s", r.Name, r.Type, r.Status)
	if r.Reason != "" {
		fmt.Fprintf(&b, " (%s)", r.Reason)
	}
	b.WriteByte('\n')
	_, err := io.WriteString(w, b.String())
	return err
}
