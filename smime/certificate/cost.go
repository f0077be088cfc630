package certificate

import (
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"math"
	"math/big"
	"math/bits"
)

// What is larger than these is refused.
const (
	// MaxRSABits bounds the modulus of RSA keys.
	MaxRSABits = 8192
	// MaxRSAExponent bounds the public exponent, as crypto/rsa does.
	MaxRSAExponent = math.MaxInt32
	// MaxSignature bounds signature values, in octets: that of the largest RSA key. Those by ML-DSA
	// have the length of their parameter set (FIPS 204, Table 2) instead.
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

// RSAKeyError says that numbers make no RSA key: crypto/rsa would call every signature by it wrong.
type RSAKeyError struct {
	// Reason in words.
	Reason string
}

func (e *RSAKeyError) Error() string { return e.Reason }

// CheckKey is CheckRSA for an RSA key. Keys of other kinds, and what is no key, pass.
func CheckKey(pub crypto.PublicKey) error {
	key, ok := pub.(*rsa.PublicKey)
	if !ok || key == nil || key.N == nil {
		return nil
	}
	if bits := key.N.BitLen(); bits <= MaxRSABits && key.N.Bit(0) == 1 && key.E > 1 && key.E <= MaxRSAExponent && key.E&1 == 1 {
		return nil // without memory
	}
	return CheckRSA(key.N, big.NewInt(int64(key.E)))
}

// CheckRSA says whether an RSA key may be computed with: nil, a *CostError for one over MaxRSABits
// or MaxRSAExponent, or a *RSAKeyError for one that is none: an even modulus, or an exponent that
// is even or below 3 (RFC 8017, Section 3.1).
func CheckRSA(modulus, exponent *big.Int) error {
	switch {
	case modulus.BitLen() > MaxRSABits:
		return &CostError{What: "RSA key", Size: modulus.BitLen(), Max: MaxRSABits}
	case exponent.BitLen() > bits.Len(MaxRSAExponent):
		return &CostError{What: "RSA exponent", Size: exponent.BitLen(), Max: bits.Len(MaxRSAExponent)}
	case exponent.Sign() <= 0 || exponent.Cmp(big.NewInt(1)) == 0:
		return &RSAKeyError{fmt.Sprintf("RSA exponent %s, which is below 3", exponent)}
	case exponent.Bit(0) == 0:
		return &RSAKeyError{fmt.Sprintf("RSA exponent %s, which is even", exponent)}
	case modulus.Sign() <= 0 || modulus.Bit(0) == 0:
		return &RSAKeyError{"RSA modulus that is even or not positive"}
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
// path (RFC 5280, Section 6), as issuer or as what an issuer signed; one signed by ML-DSA (RFC
// 9881) may have a signature as long as that algorithm makes it. A signer's own certificate may
// be used for its key although nothing is computed with the signature on it: then CheckKey is
// enough.
func CheckCost(cert *x509.Certificate) error {
	if err := CheckKey(cert.PublicKey); err != nil {
		return err
	}
	return checkSignatureOn(cert)
}
