package smime

import (
	"context"

	"dnseal/smime/message"
)

// Explanation is what Explain found out about a signature that does not hold.
type Explanation struct {
	// Part is the part number of the signature.
	Part string
	// Change is a stable word for the transformation that, undone, makes the digest fit; "" when none does.
	Change string
	// Sentence says it for people.
	Sentence string
}

// Explain tries the known transformations of mail systems on every signature whose digest does not fit.
// Diagnosis only. Errors: as Verify.
func Explain(ctx context.Context, m *message.Message) ([]Explanation, error) {
	return nil, nil
}
