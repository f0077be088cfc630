package ber

import "fmt"

// SyntaxError says that the input is no SignedData at all: truncated, malformed, or followed by
// something.
type SyntaxError struct {
	// Offset is where in the input, in octets.
	Offset int64
	// Reason in words.
	Reason string
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("cms: malformed at octet %d: %s", e.Offset, e.Reason)
}

// LimitError says that the input is over one of the limits of package cms.
type LimitError struct {
	// What is one of depth, certificates, signers, attributes, digest-algorithms, certificate-size,
	// signer-size, unsigned-size, revocation-size, element-size; in encrypted content also
	// recipients, recipient-size, recipients-size, originator-size, attributes-size, content-size.
	What string
	// Limit is the largest number or size that is accepted.
	Limit int
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("cms: over the limit of %d for %s", e.Limit, e.What)
}

// Limit is a bound with the name that LimitError reports.
type Limit struct {
	What string
	Max  int
}

// Exceeded returns the *LimitError of l.
func (l Limit) Exceeded() error { return &LimitError{What: l.What, Limit: l.Max} }

const (
	// MaxDepth is how deep elements may nest, the outermost being the first.
	MaxDepth = 32
	// MaxElement is for version numbers, object and algorithm identifiers, in octets.
	MaxElement = 4 << 10
)

// The limits that concern all structures.
var (
	LimitDepth   = Limit{"depth", MaxDepth}
	LimitElement = Limit{"element-size", MaxElement}
)
