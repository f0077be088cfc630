package certificate

import (
	"context"
	"crypto/x509"
)

// Possession is what a certificate's own signature shows about its applicant. The zero value is
// PossessionUnknown.
type Possession uint8

// Possessions.
const (
	// PossessionUnknown: the signature cannot be checked under the certificate's key: an
	// algorithm that is not supported, or too large a key.
	PossessionUnknown Possession = iota
	// PossessionShown: the certificate is signed by its own key: the owner of the key
	// put these names next to it.
	PossessionShown
	// PossessionDenied: it is not. In a certificate that names itself as issuer that is a
	// contradiction; any other is a statement of its issuer about the key of another.
	PossessionDenied
)

// PossessionOf checks the signature on cert under its own key. Errors: [ErrWork], and that of ctx.
func PossessionOf(ctx context.Context, cert *x509.Certificate, work *Work) (Possession, error) {
	if work == nil {
		work = &Work{}
	}
	switch cert.SignatureAlgorithm {
	case x509.UnknownSignatureAlgorithm:
		if signedByMLDSA(cert) == nil {
			return PossessionUnknown, nil
		}
	case x509.MD2WithRSA, x509.MD5WithRSA, x509.DSAWithSHA1, x509.DSAWithSHA256:
		return PossessionUnknown, nil
	default:
	}
	if cert.PublicKey == nil && !hasMLDSAKey(cert) || CheckCost(cert) != nil {
		return PossessionUnknown, nil
	}
	// SHA-1 does here: to put another name next to a key that signs takes a second preimage,
	// not a collision.
	holds, err := work.signed(ctx, cert, cert)
	switch {
	case err != nil:
		return PossessionUnknown, err
	case holds:
		return PossessionShown, nil
	}
	return PossessionDenied, nil
}

// SelfIssued reports whether cert names itself as issuer (RFC 5280, Section 3.2).
func SelfIssued(cert *x509.Certificate) bool { return SameName(cert.RawSubject, cert.RawIssuer) }
