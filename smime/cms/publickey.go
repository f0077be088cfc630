package cms

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"
	"slices"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"dnseal/smime/certificate"
)

// ErrUnsupportedKey says that nothing can be verified, signed or encrypted with a key of this kind
// or size.
var ErrUnsupportedKey = errors.New("cms: public key algorithm is not supported")

// PSSPublicKey is an RSA key whose SubjectPublicKeyInfo says that it is for RSASSA-PSS only (RFC
// 4055, Section 1.2).
type PSSPublicKey struct {
	*rsa.PublicKey
	// Hash and MinSaltLength restrict its signatures; Hash 0: any.
	Hash          crypto.Hash
	MinSaltLength int

	parameters []byte // DER, as they were read
}

// Equal says whether x is the same key: a *PSSPublicKey, or the *rsa.PublicKey in it.
func (k *PSSPublicKey) Equal(x crypto.PublicKey) bool {
	if other, ok := x.(*PSSPublicKey); ok {
		x = other.PublicKey
	}
	return k.PublicKey.Equal(x)
}

// PublicKey returns the key of cert, also where crypto/x509 does not understand it. Errors: as
// ParsePublicKey.
func PublicKey(cert *x509.Certificate) (crypto.PublicKey, error) {
	if kindOf(cert.PublicKey) != nil {
		return cert.PublicKey, nil
	}
	return ParsePublicKey(cert.RawSubjectPublicKeyInfo)
}

// ParsePublicKey reads a DER SubjectPublicKeyInfo. The result is a *rsa.PublicKey, a *PSSPublicKey,
// a *ecdsa.PublicKey (P-256, P-384 or P-521), an ed25519.PublicKey or a [*mldsa.PublicKey]; or a
// key that can only be encrypted to and under which Verify accepts no signature: a *ecdh.PublicKey
// (X25519), a *mlkem.EncapsulationKey768 or a *mlkem.EncapsulationKey1024. Errors:
// ErrUnsupportedKey for another kind, with its name, a [*certificate.CostError] for an RSA key
// larger than is computed with, else the reason why spki is malformed.
func ParsePublicKey(spki []byte) (crypto.PublicKey, error) {
	alg, bits, ok := splitSPKI(spki)
	if !ok {
		return nil, errors.New("cms: malformed SubjectPublicKeyInfo")
	}
	// RFC 4055, Section 1.2: a key for RSASSA-PSS only, which crypto/x509 does not read.
	if string(alg.OID) == oidRSAPSS {
		return parsePSSKey(alg.Parameters, bits)
	}
	if !slices.ContainsFunc(keyTable[:], func(k keyRow) bool { return k.oid == string(alg.OID) }) {
		return nil, fmt.Errorf("%w: %s", ErrUnsupportedKey, alg)
	}
	switch string(alg.OID) {
	// RFC 9881, Section 2: parameters are absent.
	case oidMLDSA44, oidMLDSA65, oidMLDSA87:
		if alg.Parameters != nil {
			return nil, fmt.Errorf("%w: %s with parameters", ErrUnsupportedKey, alg)
		}
	// crypto/x509 does not read ML-KEM.
	case oidMLKEM768, oidMLKEM1024:
		return parseMLKEM(alg, bits)
	// RFC 8410, Section 3: without parameters.
	case oidX25519:
		if alg.Parameters == nil {
			return parseX25519(bits)
		}
	case oidRSA:
		if err := checkRSASize(bits); err != nil {
			return nil, fmt.Errorf("cms: %w", err)
		}
	}
	pub, err := certificate.ParsePublicKey(spki)
	_, unsupported := errors.AsType[*certificate.UnsupportedKeyError](err)
	if unsupported || err == nil && kindOf(pub) == nil {
		return nil, fmt.Errorf("%w: %s", ErrUnsupportedKey, certificate.CurveName(alg.Parameters))
	}
	if err != nil {
		return nil, fmt.Errorf("cms: %w", err)
	}
	return pub, nil
}

// MarshalPublicKey returns the DER SubjectPublicKeyInfo of a key that ParsePublicKey returns: of a
// *PSSPublicKey, which crypto/x509 does not write, octet for octet as it was read. The error is
// that of crypto/x509 for a key of another kind.
func MarshalPublicKey(pub crypto.PublicKey) ([]byte, error) {
	if spki, ok := marshalMLKEM(pub); ok {
		return spki, nil
	}
	if spki, ok := marshalMLDSA(pub); ok {
		return spki, nil
	}
	key, ok := pub.(*PSSPublicKey)
	if !ok {
		return x509.MarshalPKIXPublicKey(pub)
	}
	parameters := key.parameters
	if parameters == nil && key.Hash != 0 {
		parameters = scheme{family: familyPSS, hash: key.Hash, saltLength: key.MinSaltLength}.pssParameters()
	}
	return encodeSPKI(encodeAlgorithm(oidRSAPSS, parameters), x509.MarshalPKCS1PublicKey(key.PublicKey)), nil
}

// checkRSASize says of a key (RFC 8017, Appendix A.1.1) what crypto/x509 would refuse without
// saying how large it is. What is no such key passes.
//
//	RSAPublicKey ::= SEQUENCE {
//	  modulus         INTEGER,
//	  publicExponent  INTEGER }
func checkRSASize(bits []byte) error {
	outer := cryptobyte.String(bits)
	var s, modulus, exponent cryptobyte.String
	if !outer.ReadASN1(&s, cbasn1.SEQUENCE) || !s.ReadASN1(&modulus, cbasn1.INTEGER) || !s.ReadASN1(&exponent, cbasn1.INTEGER) {
		return nil
	}
	// Neither can be negative.
	return certificate.CheckRSA(new(big.Int).SetBytes(modulus), new(big.Int).SetBytes(exponent))
}

// SubjectKeyID returns the SubjectKeyIdentifier of a key by method 1 of RFC 5280, Section 4.2.1.2:
// the SHA-1 of the bits of the key. The error says that spki, a DER SubjectPublicKeyInfo, is
// malformed.
func SubjectKeyID(spki []byte) ([]byte, error) {
	_, bits, ok := splitSPKI(spki)
	if !ok {
		return nil, errors.New("cms: malformed SubjectPublicKeyInfo")
	}
	id := sha1.Sum(bits)
	return id[:], nil
}

// splitSPKI takes RFC 5280, Section 4.1, apart:
//
//	SubjectPublicKeyInfo ::= SEQUENCE {
//	  algorithm         AlgorithmIdentifier,
//	  subjectPublicKey  BIT STRING }
func splitSPKI(spki []byte) (alg algorithmIdentifier, bits []byte, ok bool) {
	outer := cryptobyte.String(spki)
	var s cryptobyte.String
	if !outer.ReadASN1(&s, cbasn1.SEQUENCE) || !outer.Empty() {
		return alg, nil, false
	}
	ok = readAlgorithm(&s, &alg, cbasn1.SEQUENCE) && s.ReadASN1BitStringAsBytes(&bits) && s.Empty()
	return alg, bits, ok
}

// parsePSSKey reads the key of RFC 4055, Section 3.1: without parameters any will do.
func parsePSSKey(parameters, bits []byte) (crypto.PublicKey, error) {
	if err := checkRSASize(bits); err != nil {
		return nil, fmt.Errorf("cms: %w", err)
	}
	pub, err := x509.ParsePKCS1PublicKey(bits)
	if err != nil {
		return nil, fmt.Errorf("cms: RSASSA-PSS key: %w", err)
	}
	key := &PSSPublicKey{PublicKey: pub}
	// RFC 4055, Section 3.1: without parameters the key is not restricted.
	if parameters == nil {
		return key, nil
	}
	p, why := parsePSS(parameters)
	if why != "" {
		return nil, fmt.Errorf("%w: %s", ErrUnsupportedKey, why)
	}
	key.Hash, key.MinSaltLength, key.parameters = p.hash, p.saltLength, parameters
	return key, nil
}
