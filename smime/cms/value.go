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

// fits says whether a signature of this scheme can be by pub.
func (s scheme) fits(pub crypto.PublicKey) *SignatureError {
	if !supportedKey(pub) {
		return failure(CodeUnsupported, "public key algorithm")
	}
	switch pub := pub.(type) {
	case *rsa.PublicKey:
		if s.family == familyRSA || s.family == familyPSS {
			return rsaSize(pub)
		}
	case *PSSPublicKey:
		if s.family == familyPSS && pub.allows(s) {
			return rsaSize(pub.PublicKey)
		}
	case *ecdsa.PublicKey:
		if s.family == familyECDSA {
			return nil
		}
	case ed25519.PublicKey:
		switch {
		case s.family != familyEd25519:
		case smallOrder(pub):
			return failure(CodeWeak, "an Ed25519 key of small order, which fits any message")
		default:
			return nil
		}
	}
	return failure(CodeBadSignature, "%s with a key that is not for it", s)
}

// allows says whether the key's parameters are met (RFC 4055, Section 3.3).
func (k *PSSPublicKey) allows(s scheme) bool {
	return k.Hash == 0 || k.Hash == s.hash && k.MinSaltLength <= s.saltLength
}

func rsaSize(pub *rsa.PublicKey) *SignatureError {
	if err := certificate.CheckKey(pub); err != nil {
		return failure(CodeUnsupported, "%v", err)
	}
	if bits := pub.N.BitLen(); bits < hopelessRSABits {
		return failure(CodeWeak, "RSA key of %d bits", bits)
	}
	return nil
}

// input turns what is signed into what the key's algorithm takes: its digest, for Ed25519 (RFC
// 8419, Section 3.1) the message itself.
func (s scheme) input(message []byte) []byte {
	if s.family == familyEd25519 {
		return message
	}
	return digest(s.hash, message)
}

// verify checks a signature value under a key that fits.
func (s scheme) verify(pub crypto.PublicKey, input, signature []byte) bool {
	switch pub := pub.(type) {
	case *rsa.PublicKey:
		return s.verifyRSA(pub, input, signature)
	case *PSSPublicKey:
		return s.verifyRSA(pub.PublicKey, input, signature)
	case *ecdsa.PublicKey:
		return ecdsa.VerifyASN1(pub, input, signature)
	case ed25519.PublicKey:
		return ed25519.Verify(pub, input, signature)
	}
	return false
}

func (s scheme) verifyRSA(pub *rsa.PublicKey, input, signature []byte) bool {
	if s.family == familyRSA {
		return rsa.VerifyPKCS1v15(pub, s.hash, input, signature) == nil
	}
	// A salt length of 0 is PSSSaltLengthAuto to crypto/rsa: any length, which is no weaker.
	return rsa.VerifyPSS(pub, s.hash, input, signature, &rsa.PSSOptions{SaltLength: s.saltLength}) == nil
}

// weakness says whether a right signature proves nothing today (RFC 8551, Section 2.1 and Section
// 2.2).
func (s scheme) weakness(pub crypto.PublicKey) *SignatureError {
	if s.hash == crypto.SHA1 {
		return failure(CodeWeak, "SHA-1")
	}
	if key, ok := pub.(*PSSPublicKey); ok {
		pub = key.PublicKey
	}
	if key, ok := pub.(*rsa.PublicKey); ok && key.N.BitLen() < MinRSABits {
		return failure(CodeWeak, "RSA key of %d bits", key.N.BitLen())
	}
	return nil
}
