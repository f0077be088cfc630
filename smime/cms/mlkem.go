package cms

import (
	"crypto"
	"crypto/ecdh"
	"crypto/mlkem"
	"fmt"

	"dnseal/smime/cms/internal/ber"
)

// parseMLKEM reads the key of RFC 9935, Section 4: the encapsulation key of FIPS 203 is in the BIT
// STRING as it is, and there are no parameters.
func parseMLKEM(alg algorithmIdentifier, bits []byte) (pub crypto.PublicKey, err error) {
	if alg.Parameters != nil {
		return nil, fmt.Errorf("cms: %s key with parameters", alg)
	}
	if string(alg.OID) == oidMLKEM768 {
		pub, err = mlkem.NewEncapsulationKey768(bits)
	} else {
		pub, err = mlkem.NewEncapsulationKey1024(bits)
	}
	if err != nil {
		return nil, fmt.Errorf("cms: %s key: %w", alg, err)
	}
	return pub, nil
}

// parseX25519 reads the key of RFC 8410, Section 4: 32 octets.
func parseX25519(bits []byte) (crypto.PublicKey, error) {
	pub, err := ecdh.X25519().NewPublicKey(bits)
	if err != nil {
		return nil, fmt.Errorf("cms: X25519 key: %w", err)
	}
	return pub, nil
}

// marshalMLKEM returns the DER SubjectPublicKeyInfo; false for a key of another kind.
func marshalMLKEM(pub crypto.PublicKey) ([]byte, bool) {
	switch key := pub.(type) {
	case *mlkem.EncapsulationKey768:
		return encodeSPKI(encodeAlgorithm(oidMLKEM768, nil), key.Bytes()), true
	case *mlkem.EncapsulationKey1024:
		return encodeSPKI(encodeAlgorithm(oidMLKEM1024, nil), key.Bytes()), true
	}
	return nil, false
}

// encodeSPKI is the DER of SubjectPublicKeyInfo (see splitSPKI). No bit is unused.
func encodeSPKI(algorithm, bits []byte) []byte {
	return ber.TLV(ber.TagSequence, algorithm, ber.TLV(ber.TagBitString, []byte{0}, bits))
}
