package certificate

import (
	"bytes"
	"crypto/x509"
	"errors"

	"filippo.io/mldsa"
	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// crypto/x509 neither reads keys for ML-DSA nor checks signatures by it: in a certificate that it
// parsed both are unknown.

// mldsaSet is one of the parameter sets of ML-DSA (FIPS 204, Section 4).
type mldsaSet struct {
	// algorithm is the DER of its AlgorithmIdentifier, of keys and of signatures. RFC 9881,
	// Section 2: parameters are absent.
	algorithm  string
	parameters mldsa.Parameters
}

// mldsaSets: the OIDs are of RFC 9881, Section 2.
var mldsaSets = [...]mldsaSet{
	{"\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x03\x11", mldsa.MLDSA44()},
	{"\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x03\x12", mldsa.MLDSA65()},
	{"\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x03\x13", mldsa.MLDSA87()},
}

var errMLDSAKey = errors.New("certificate: the ML-DSA key is malformed")

// mldsaOf is the set with this AlgorithmIdentifier, nil for another algorithm.
func mldsaOf(algorithm []byte) *mldsaSet {
	for i := range mldsaSets {
		if string(algorithm) == mldsaSets[i].algorithm {
			return &mldsaSets[i]
		}
	}
	return nil
}

// mldsaKey reads a SubjectPublicKeyInfo with a key for ML-DSA (RFC 9881, Section 4); named says
// that it names that algorithm, and the key is nil where it is none.
func mldsaKey(spki []byte) (key *mldsa.PublicKey, named bool) {
	outer := cryptobyte.String(spki)
	var s, algorithm cryptobyte.String
	if !outer.ReadASN1(&s, cbasn1.SEQUENCE) || !s.ReadASN1Element(&algorithm, cbasn1.SEQUENCE) {
		return nil, false
	}
	set := mldsaOf(algorithm)
	var bits []byte
	if set == nil || !s.ReadASN1BitStringAsBytes(&bits) || !s.Empty() || !outer.Empty() {
		return nil, set != nil
	}
	key, err := mldsa.NewPublicKey(set.parameters, bits)
	if err != nil {
		return nil, true
	}
	return key, true
}

// signedByMLDSA is the parameter set by which cert is signed (RFC 9881, Section 3), nil where that
// is another algorithm, or the part that is signed names another.
func signedByMLDSA(cert *x509.Certificate) *mldsaSet {
	// Almost every certificate is signed by something that crypto/x509 knows.
	if cert.SignatureAlgorithm != x509.UnknownSignatureAlgorithm {
		return nil
	}
	outer := cryptobyte.String(cert.Raw)
	var s, tbs, inside, outside cryptobyte.String
	var value []byte
	// RFC 5280, Section 4.1.1.2: both identifiers are the same.
	ok := outer.ReadASN1(&s, cbasn1.SEQUENCE) && s.ReadASN1(&tbs, cbasn1.SEQUENCE) && s.ReadASN1Element(&outside, cbasn1.SEQUENCE) &&
		s.ReadASN1BitStringAsBytes(&value) && tbs.SkipOptionalASN1(constructed0) && tbs.SkipASN1(cbasn1.INTEGER) &&
		tbs.ReadASN1Element(&inside, cbasn1.SEQUENCE)
	if !ok || !bytes.Equal(inside, outside) || !bytes.Equal(value, cert.Signature) {
		return nil
	}
	return mldsaOf(outside)
}

// holds reports whether the key of issuer, which is for this set, signed cert.
func (set *mldsaSet) holds(cert, issuer *x509.Certificate) bool {
	key, _ := mldsaKey(issuer.RawSubjectPublicKeyInfo)
	return key != nil && key.Parameters() == set.parameters &&
		mldsa.Verify(key, cert.RawTBSCertificate, cert.Signature, nil) == nil
}

// checkSignatureOn is CheckSignature for the signature on a certificate: one by ML-DSA is as long
// as its parameter set says.
func checkSignatureOn(cert *x509.Certificate) error {
	set := signedByMLDSA(cert)
	if set == nil {
		return CheckSignature(cert.Signature)
	}
	if size := set.parameters.SignatureSize(); len(cert.Signature) > size {
		return &CostError{What: "signature", Size: len(cert.Signature), Max: size}
	}
	return nil
}

// hasMLDSAKey reports whether the key of cert is one for ML-DSA.
func hasMLDSAKey(cert *x509.Certificate) bool {
	key, _ := mldsaKey(cert.RawSubjectPublicKeyInfo)
	return key != nil
}
