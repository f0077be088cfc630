package cms

import (
	"crypto"

	"filippo.io/mldsa"
)

// isMLDSA recognises the keys of a parameter set.
func isMLDSA(parameters mldsa.Parameters) func(crypto.PublicKey) bool {
	return func(pub crypto.PublicKey) bool {
		key, ok := pub.(*mldsa.PublicKey)
		return ok && key != nil && key.Parameters() == parameters
	}
}

// verifyMLDSA is FIPS 204, Section 5.3. RFC 9882, Section 3.2: the context is empty.
func verifyMLDSA(_ scheme, pub crypto.PublicKey, input, signature []byte) bool {
	key, ok := pub.(*mldsa.PublicKey)
	return ok && mldsa.Verify(key, input, signature, nil) == nil
}

// marshalMLDSA is MarshalPublicKey for ML-DSA keys (RFC 9881, Section 4).
func marshalMLDSA(pub crypto.PublicKey) ([]byte, bool) {
	key, ok := pub.(*mldsa.PublicKey)
	if !ok || key == nil {
		return nil, false
	}
	return encodeSPKI(encodeAlgorithm(kindOf(key).oid, nil), key.Bytes()), true
}

// PostQuantum says of a key that it signs, and by an algorithm that a computer which breaks RSA and
// elliptic curves does not break: ML-DSA (FIPS 204).
func PostQuantum(pub crypto.PublicKey) bool {
	kind := kindOf(pub)
	return kind != nil && familyTable[kind.family].postQuantum
}
