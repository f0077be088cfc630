package smime

import (
	"errors"

	"dnseal/smime/internal/entity"
	"dnseal/smime/internal/transit"
)

// Errors of Sign.
var (
	ErrAlreadySecured = errors.New("smime: the message is signed or encrypted already")
	// ErrNotTransitProof is the Err of a *ContentError when the content cannot be made
	// transit-proof.
	ErrNotTransitProof = transit.ErrNotTransitProof
	// ErrAmbiguous is the Err of a *ContentError when readers may understand the message in
	// different ways: what would be signed is not certain.
	ErrAmbiguous = transit.ErrAmbiguous
	// ErrSelfCheck says that a verifier would not accept the signed message: a defect of the key
	// or of this program. Nothing was changed.
	ErrSelfCheck = transit.ErrSelfCheck
)

// ContentError says what in a message keeps it from being signed or converted. It is a fault of the
// message, which no later attempt cures.
type ContentError = transit.ContentError

// LimitError says that a message is over a limit of this package.
type LimitError = entity.LimitError
