package transit

import (
	"errors"
	"fmt"

	"dnseal/smime/internal/entity"
	"dnseal/smime/message"
)

// Errors about a message that cannot be made transit-proof as it is, and about what was written.
var (
	ErrNotTransitProof = errors.New("smime: the content would not survive transit and may not be changed")
	ErrAmbiguous       = errors.New("smime: the message can be read in more than one way")
	ErrSelfCheck       = errors.New("smime: the signed message fails its self-check")
)

// ContentError says what in a message keeps it from being signed or converted. It is a fault of the
// message, which no later attempt cures.
type ContentError struct {
	// Err is ErrAmbiguous or ErrNotTransitProof.
	Err error
	// Place is where: the name of a header field, "header", "message" or "part N". Short and
	// printable.
	Place string
	// Reason is a sentence about it, for the operator.
	Reason string
}

func (e *ContentError) Error() string { return fmt.Sprintf("%v: %s: %s", e.Err, e.Place, e.Reason) }

// Unwrap returns Err.
func (e *ContentError) Unwrap() error { return e.Err }

// maxPlace is how much of the name of a field is repeated.
const maxPlace = 40

func placeOf(f message.Field) string {
	name := f.Name()
	if name == "" {
		return "header"
	}
	return name[:min(len(name), maxPlace)]
}

// HeaderFault finds the field that keeps a header from being read in the same way by all; those
// that describe the body are judged with it.
func HeaderFault(fields []message.Field) error {
	for _, f := range fields {
		// RFC 5322, Section 2.2: a field holds CR and LF only where it is folded.
		if entity.LoneCR(f.Raw) {
			return &ContentError{ErrAmbiguous, placeOf(f), "a CR that ends no line"}
		}
	}
	return nil
}

// TypeFault is the error for a root whose kind is in doubt.
func TypeFault(root *entity.Part) error {
	place := "Content-Type"
	if root.Malformed == entity.TwoEncodings {
		place = "Content-Transfer-Encoding"
	}
	return &ContentError{ErrAmbiguous, place, root.Malformed}
}
