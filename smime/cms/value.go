package cms

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"

	"dnseal/smime/certificate"
)

// hopelessRSABits is the modulus below which crypto/rsa does not even compute.
const hopelessRSABits = 1024

// checkKey says whether a signature of this scheme can be by pub.
func (s scheme) checkKey(pub crypto.PublicKey) *SignatureError {
	kind := kindOf(pub)
	switch {
	case kind == nil:
		return failure(CodeUnsupported, "public key algorithm")
	// A key that is only encrypted to.
	case kind.family == familyNone:
		return failure(CodeUnsupported, "the public key algorithm %s does not sign", nameOf(kind.oid))
	}
	belongs := kind.family == s.family
	switch pub := pub.(type) {
	// RFC 4055, Section 1.2: a key with the OID rsaEncryption is for both schemes.
	case *rsa.PublicKey:
		belongs = belongs || s.family == familyPSS
	case *PSSPublicKey:
		belongs = belongs && pub.allows(s)
	}
	switch {
	case !belongs:
		return failure(CodeBadSignature, "%s with a key that is not for it", s)
	case kind.check == nil:
		return nil
	}
	return kind.check(pub)
}

// allows says whether the key's parameters are met (RFC 4055, Section 3.3).
func (k *PSSPublicKey) allows(s scheme) bool {
	return k.Hash == 0 || k.Hash == s.hash && k.MinSaltLength <= s.saltLength
}

// rsaKey is the RSA key in pub, nil for a key of another kind.
func rsaKey(pub crypto.PublicKey) *rsa.PublicKey {
	switch pub := pub.(type) {
	case *rsa.PublicKey:
		return pub
	case *PSSPublicKey:
		return pub.PublicKey
	}
	return nil
}

func checkRSA(pub crypto.PublicKey) *SignatureError {
	key := rsaKey(pub)
	if err := certificate.CheckKey(key); err != nil {
		return failure(CodeUnsupported, "%v", err)
	}
	if bits := key.N.BitLen(); bits < hopelessRSABits {
		return failure(CodeWeak, "RSA key of %d bits", bits)
	}
	return nil
}

func checkEd25519(pub crypto.PublicKey) *SignatureError {
	// RFC 8032, Section 8.8.
	if key, ok := pub.(ed25519.PublicKey); ok && smallOrder(key) {
		return failure(CodeWeak, "an Ed25519 key of small order, whose signatures hold for any message")
	}
	return nil
}

// input turns what is signed into what the key's algorithm signs: the message itself or its digest.
func (s scheme) input(message []byte) []byte {
	// RFC 8419, Section 3.1: no digest of the signed attributes.
	if familyTable[s.family].pure {
		return message
	}
	return digest(s.hash, message)
}

// verify checks a signature value under a key that passed checkKey.
func (s scheme) verify(pub crypto.PublicKey, input, signature []byte) bool {
	return familyTable[s.family].verify(s, pub, input, signature)
}

func verifyPKCS1(s scheme, pub crypto.PublicKey, input, signature []byte) bool {
	return rsa.VerifyPKCS1v15(rsaKey(pub), s.hash, input, signature) == nil
}

func verifyPSS(s scheme, pub crypto.PublicKey, input, signature []byte) bool {
	// A salt length of 0 is PSSSaltLengthAuto to crypto/rsa: any length, which is no weaker.
	return rsa.VerifyPSS(rsaKey(pub), s.hash, input, signature, &rsa.PSSOptions{SaltLength: s.saltLength}) == nil
}

func verifyECDSA(_ scheme, pub crypto.PublicKey, input, signature []byte) bool {
	key, ok := pub.(*ecdsa.PublicKey)
	return ok && ecdsa.VerifyASN1(key, input, signature)
}

func verifyEd25519(_ scheme, pub crypto.PublicKey, input, signature []byte) bool {
	key, ok := pub.(ed25519.PublicKey)
	return ok && ed25519.Verify(key, input, signature)
}

// CheckStrength says of a key that ParsePublicKey returned why right signatures by it prove nothing
// today: an error whose Code is CodeWeak (an RSA key below MinRSABits, an Ed25519 key of small
// order), or CodeUnsupported where it is too large to compute with. It says of no other key
// anything.
func CheckStrength(pub crypto.PublicKey) error {
	err := checkEd25519(pub)
	if key := rsaKey(pub); key != nil {
		if err = checkRSA(pub); err == nil {
			err = scheme{}.weakness(pub)
		}
	}
	if err != nil {
		return err
	}
	return nil
}

// weakness says whether a right signature proves nothing today.
func (s scheme) weakness(pub crypto.PublicKey) *SignatureError {
	// RFC 8551, Section 2.1.
	if s.hash == crypto.SHA1 || s.content == crypto.SHA1 {
		return failure(CodeWeak, "SHA-1")
	}
	// RFC 8551, Section 2.2.
	if key := rsaKey(pub); key != nil && key.N.BitLen() < MinRSABits {
		return failure(CodeWeak, "RSA key of %d bits", key.N.BitLen())
	}
	return nil
}
