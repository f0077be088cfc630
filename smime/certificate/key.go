package certificate

import (
	"bytes"
	"crypto"
	"crypto/dsa" //nolint:staticcheck // only to know such keys
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"math/big"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// UnsupportedKeyError says that a public key is of a kind that nothing is computed with.
type UnsupportedKeyError struct {
	// Kind is the name of the curve, else the dotted OID of the algorithm.
	Kind string
}

func (e *UnsupportedKeyError) Error() string {
	return "certificate: public keys of this kind are not supported: " + e.Kind
}

var (
	errNoKey      = errors.New("certificate: no SubjectPublicKeyInfo")
	errRSAKey     = errors.New("certificate: the RSA key is malformed")
	errNotOnCurve = errors.New("certificate: the public key is no point on its curve")
)

var (
	// RFC 3279, Section 2.3.1.
	oidRSA = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 1}
	// RFC 5480, Section 2.1.1.
	oidECPublicKey = asn1.ObjectIdentifier{1, 2, 840, 10045, 2, 1}
)

// ParsePublicKey reads a DER SubjectPublicKeyInfo (RFC 5280, Section 4.1) as
// [x509.ParsePKIXPublicKey] does, and in addition what that refuses though there is no doubt about
// the key: a point on P-224, P-256, P-384 or P-521 in compressed or hybrid form, the numbers of
// these curves in place of their names, an RSA key without parameters, and a modulus without the
// octet that makes it positive. A key for ML-DSA (RFC 9881, Section 4) is a [*mldsa.PublicKey].
//
// Errors: [*UnsupportedKeyError] for a key of a kind that is not read, [*CostError] and
// [*RSAKeyError] as CheckRSA, else the reason why there is none.
func ParsePublicKey(spki []byte) (crypto.PublicKey, error) {
	if pub, err := x509.ParsePKIXPublicKey(spki); err == nil {
		return pub, nil
	}
	switch key, named := mldsaKey(spki); {
	case key != nil:
		return key, nil
	case named:
		return nil, errMLDSAKey
	}
	outer := cryptobyte.String(spki)
	var s, algorithm cryptobyte.String
	var bits []byte
	var id asn1.ObjectIdentifier
	if !outer.ReadASN1(&s, cbasn1.SEQUENCE) || !outer.Empty() || !s.ReadASN1(&algorithm, cbasn1.SEQUENCE) || !s.ReadASN1BitStringAsBytes(&bits) || !s.Empty() {
		return nil, errNoKey
	}
	if !algorithm.ReadASN1ObjectIdentifier(&id) {
		return nil, errNoKey
	}
	switch {
	case id.Equal(oidRSA):
		return parseRSA(algorithm, bits)
	case id.Equal(oidECPublicKey):
		return parseEC(algorithm, bits)
	}
	return nil, &UnsupportedKeyError{Kind: id.String()}
}

// parseRSA reads RSAPublicKey (RFC 8017, Appendix A.1.1).
func parseRSA(parameters cryptobyte.String, bits []byte) (crypto.PublicKey, error) {
	outer := cryptobyte.String(bits)
	var s, n, e cryptobyte.String
	// RFC 3279, Section 2.3.1: the parameters are NULL; some leave them out.
	null := len(parameters) == 0 || string(parameters) == "\x05\x00"
	if !null || !outer.ReadASN1(&s, cbasn1.SEQUENCE) || !outer.Empty() || !s.ReadASN1(&n, cbasn1.INTEGER) || !s.ReadASN1(&e, cbasn1.INTEGER) || !s.Empty() {
		return nil, errRSAKey
	}
	// Neither can be negative: a first bit that is set is one of the number.
	modulus, exponent := new(big.Int).SetBytes(n), new(big.Int).SetBytes(e)
	if err := CheckRSA(modulus, exponent); err != nil {
		return nil, err
	}
	return &rsa.PublicKey{N: modulus, E: int(exponent.Int64())}, nil
}

// parseEC reads ECPoint (RFC 5480, Section 2.2) on the curve that the parameters name or write out.
func parseEC(parameters cryptobyte.String, bits []byte) (crypto.PublicKey, error) {
	name := CurveName(parameters)
	curve := curves[name]
	if curve == nil {
		return nil, &UnsupportedKeyError{Kind: name}
	}
	x, y, ok := coordinates(curve, bits)
	if !ok {
		return nil, errNotOnCurve
	}
	size := (curve.Params().BitSize + 7) / 8
	point := append([]byte{4}, make([]byte, 2*size)...)
	x.FillBytes(point[1 : 1+size])
	y.FillBytes(point[1+size:])
	pub, err := ecdsa.ParseUncompressedPublicKey(curve, point)
	if err != nil {
		return nil, errNotOnCurve
	}
	return pub, nil
}

// UsualKey returns the SubjectPublicKeyInfo of cert in the form that other certificates of the same
// key have, where cert has it in another: the curve named (RFC 5480, Section 2.1.1), the point
// uncompressed, the parameters of RSA there. ok is false where its own is the usual one, or cannot
// be read.
func UsualKey(cert *x509.Certificate) (spki []byte, ok bool) {
	if cert.PublicKey == nil || CheckKey(cert.PublicKey) != nil {
		return nil, false
	}
	spki, err := x509.MarshalPKIXPublicKey(cert.PublicKey)
	return spki, err == nil && !bytes.Equal(spki, cert.RawSubjectPublicKeyInfo)
}

// hasKey reports whether cert has a key, of whatever kind.
func hasKey(cert *x509.Certificate) bool {
	if cert.PublicKey != nil {
		return true
	}
	_, err := ParsePublicKey(cert.RawSubjectPublicKeyInfo)
	_, unsupported := errors.AsType[*UnsupportedKeyError](err)
	return err == nil || unsupported
}

// writesOutCurve reports whether the key of cert has the numbers of its curve in place of the name.
func writesOutCurve(cert *x509.Certificate) bool {
	if _, ok := cert.PublicKey.(*ecdsa.PublicKey); !ok {
		return false
	}
	outer := cryptobyte.String(cert.RawSubjectPublicKeyInfo)
	var s, algorithm cryptobyte.String
	return outer.ReadASN1(&s, cbasn1.SEQUENCE) && s.ReadASN1(&algorithm, cbasn1.SEQUENCE) && algorithm.SkipASN1(cbasn1.OBJECT_IDENTIFIER) && algorithm.PeekASN1Tag(cbasn1.SEQUENCE)
}

// keyAlgorithm is the word of crypto/x509 for the kind of a key.
func keyAlgorithm(pub crypto.PublicKey) x509.PublicKeyAlgorithm {
	switch pub.(type) {
	case *rsa.PublicKey:
		return x509.RSA
	case *ecdsa.PublicKey:
		return x509.ECDSA
	case ed25519.PublicKey:
		return x509.Ed25519
	case *dsa.PublicKey:
		return x509.DSA
	case *ecdh.PublicKey: // X25519, which has no word
	}
	return x509.UnknownPublicKeyAlgorithm
}
