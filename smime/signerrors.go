package smime

import (
	"errors"
	"fmt"

	"dnseal/smime/message"
)

// Errors of Sign.
var (
	ErrAlreadySecured = errors.New("smime: the message is signed or encrypted already")
	// ErrNotTransitProof is what a *ContentError is about when the content cannot be made
	// transit-proof.
	ErrNotTransitProof = errors.New("smime: the content would not survive transit and may not be changed")
	// ErrAmbiguous is what a *ContentError is about when readers may understand the message in
	// different ways: what would be signed is not certain.
	ErrAmbiguous = errors.New("smime: the message can be read in more than one way")
	// ErrSelfCheck says that what was made is not what a verifier would accept: a defect of the
	// key or of this program. Nothing was changed.
	ErrSelfCheck = errors.New("smime: the signed message does not stand up to its self-check")
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

// headerFault finds the field that keeps a header from being read in the same way by all; those
// that describe the body are judged with it.
func headerFault(fields []message.Field) error {
	for _, f := range fields {
		if loneCR(f.Raw) {
			return &ContentError{ErrAmbiguous, placeOf(f), "a CR that ends no line"}
		}
	}
	return nil
}

// typeFault is the error for a root whose kind is in doubt.
func typeFault(root *part) error {
	place := "Content-Type"
	if root.malformed == twoEncodings {
		place = "Content-Transfer-Encoding"
	}
	return &ContentError{ErrAmbiguous, place, root.malformed}
}
