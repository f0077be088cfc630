package entity

import (
	"fmt"
)

// Limits of a message's structure. What is over one is reported as such, never cut short.
const (
	maxParts       = 2000
	maxDepth       = 24
	maxPartHeader  = 64 << 10 // of one part
	maxPartHeaders = 1 << 20  // of all parts together
	maxParameters  = 100      // of one field; a field with more can be read in more than one way
)

// LimitError says that a message is over a limit of this package.
type LimitError struct {
	// What is the limit: "parts", "depth", "header", "signatures" or "layers", and for Sign
	// "content-fields" (those that describe the body).
	What string
	// Max is its value.
	Max int
}

func (e *LimitError) Error() string {
	switch e.What {
	case "depth":
		return fmt.Sprintf("smime: parts nested deeper than %d", e.Max)
	case "header":
		return fmt.Sprintf("smime: a part header of more than %d bytes", e.Max)
	case "layers":
		return fmt.Sprintf("smime: more than %d layers of CMS", e.Max)
	}
	return fmt.Sprintf("smime: more than %d %s", e.Max, e.What)
}
