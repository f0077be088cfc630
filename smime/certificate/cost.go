package certificate

import (
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"math"
	"math/bits"
)

// What is larger than these is refused.
const (
	// MaxRSABits bounds the modulus of RSA keys.
	MaxRSABits = 8192
	// MaxRSAExponent bounds the public exponent, as crypto/rsa does.
	MaxRSAExponent = math.MaxInt32
	// MaxSignature bounds signature values, in octets: that of the largest RSA key.
	MaxSignature = MaxRSABits / 8
)

// CostError says that a key or a signature value is larger than anything is computed with.
type CostError struct {
	// What it is: "RSA key", "RSA exponent" or "signature".
	What string
	// Size and Max, in bits; for a signature in octets.
	Size, Max int
}

func (e *CostError) Error() string {
	unit := "bits"
	if e.What == "signature" {
		unit = "octets"
	}
	return fmt.Sprintf("%s of %d %s, at most %d are computed with", e.What, e.Size, unit, e.Max)
}

// CheckKey says whether pub may be computed with: nil, or a *CostError for an RSA key over
// MaxRSABits or MaxRSAExponent. Keys of other kinds, and what is no key, pass.
func CheckKey(pub crypto.PublicKey) error {
	key, ok := pub.(*rsa.PublicKey)
	switch {
	case !ok || key == nil || key.N == nil:
		return nil
	case key.N.BitLen() > MaxRSABits:
		return &CostError{What: "RSA key", Size: key.N.BitLen(), Max: MaxRSABits}
	case key.E > MaxRSAExponent:
		return &CostError{What: "RSA exponent", Size: bits.Len(uint(key.E)), Max: bits.Len(MaxRSAExponent)}
	}
	return nil
}

// CheckSignature says whether a signature value may be computed with: nil, or a *CostError for one
// over MaxSignature.
func CheckSignature(value []byte) error {
	if len(value) > MaxSignature {
		return &CostError{What: "signature", Size: len(value), Max: MaxSignature}
	}
	return nil
}

// CheckCost is CheckKey and CheckSignature for a certificate that is to be part of a certification
// path (RFC 5280, Section 6), as issuer or as what an issuer signed. A signer's own certificate may
// be used for its key although nothing is computed with the signature on it: then CheckKey is
// enough.
func CheckCost(cert *x509.Certificate) error {
	if err := CheckKey(cert.PublicKey); err != nil {
		return err
	}
	return CheckSignature(cert.Signature)
}
