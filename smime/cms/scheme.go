package cms

import (
	"crypto"

	"dnseal/smime/cms/internal/ber"
)

// family is a kind of signature algorithm. The zero value is none.
type family uint8

const (
	familyRSA family = iota + 1
	familyPSS
	familyECDSA
	familyEd25519
)

// scheme is what digestAlgorithm and signatureAlgorithm of one SignerInfo say together.
type scheme struct {
	family     family
	hash       crypto.Hash // of content and signed attributes; for Ed25519 of the content only
	saltLength int         // PSS
}

// String is the name without the key: "ecdsa-sha256", "rsa-sha256", "rsa-pss-sha256", "ed25519"; ""
// for the zero value.
func (s scheme) String() string {
	switch s.family {
	case familyRSA:
		return "rsa-" + digestName(s.hash)
	case familyPSS:
		return "rsa-pss-" + digestName(s.hash)
	case familyECDSA:
		return "ecdsa-" + digestName(s.hash)
	case familyEd25519:
		return "ed25519"
	default:
		return ""
	}
}

// schemeOf puts the two algorithm identifiers of a SignerInfo together. The error is a
// *SignatureError: unsupported for what is not known, weak for MD5, bad-signature where the two
// contradict each other.
func schemeOf(digest, signature algorithmIdentifier) (scheme, *SignatureError) {
	if string(digest.oid) == oidMD5 || string(signature.oid) == oidMD5WithRSA {
		return scheme{}, failure(CodeWeak, "MD5")
	}
	hash, ok := digestOf(digest.oid)
	if !ok {
		return scheme{}, failure(CodeUnsupported, "digest algorithm %s", digest)
	}
	if !digest.plain() {
		return scheme{}, failure(CodeUnsupported, "parameters of digest algorithm %s", digest)
	}
	s, named, err := signatureScheme(signature)
	switch {
	case err != nil:
		return scheme{}, err
	case named == 0:
		s.hash = hash
	// RFC 5754, Section 3, and RFC 4056, Section 3: both name the same digest. RFC 8419, Section
	// 3.1: Ed25519 goes with SHA-512.
	case named != hash:
		return scheme{}, failure(CodeBadSignature, "digest algorithm %s does not go with signature algorithm %s", digest, signature)
	default:
		s.hash = named
	}
	return s, nil
}

// signatureScheme reads a signatureAlgorithm; named is the digest it brings with it, 0 for one that
// leaves it to digestAlgorithm.
func signatureScheme(alg algorithmIdentifier) (s scheme, named crypto.Hash, err *SignatureError) {
	switch string(alg.oid) {
	// RFC 3370, Section 3.2; RFC 5754, Section 3.2.
	case oidRSA:
		s.family = familyRSA
	case oidSHA1WithRSA:
		s.family, named = familyRSA, crypto.SHA1
	case oidSHA256WithRSA:
		s.family, named = familyRSA, crypto.SHA256
	case oidSHA384WithRSA:
		s.family, named = familyRSA, crypto.SHA384
	case oidSHA512WithRSA:
		s.family, named = familyRSA, crypto.SHA512
	// RFC 5754, Section 3.3.
	case oidECDSAWithSHA1:
		s.family, named = familyECDSA, crypto.SHA1
	case oidECDSAWithSHA256:
		s.family, named = familyECDSA, crypto.SHA256
	case oidECDSAWithSHA384:
		s.family, named = familyECDSA, crypto.SHA384
	case oidECDSAWithSHA512:
		s.family, named = familyECDSA, crypto.SHA512
	// RFC 5754, Section 3.3, does not allow this, but Windows names the algorithm of the key here.
	// What the parameters say is in the key too.
	case oidECPublicKey:
		return scheme{family: familyECDSA}, 0, nil
	// RFC 8419, Section 2.3.
	case oidEd25519:
		s.family, named = familyEd25519, crypto.SHA512
	// RFC 4056, Section 3.
	case oidRSAPSS:
		p, ok := parsePSS(alg.parameters)
		if !ok {
			return scheme{}, 0, failure(CodeUnsupported, "parameters of RSASSA-PSS")
		}
		return scheme{family: familyPSS, saltLength: p.saltLength}, p.hash, nil
	default:
		return scheme{}, 0, failure(CodeUnsupported, "signature algorithm %s", alg)
	}
	// RSA: NULL, and absent is to be accepted; the others: absent (RFC 5754, Section 3.3; RFC 8419,
	// Section 2.3).
	if s.family == familyRSA && !alg.plain() || s.family != familyRSA && alg.parameters != nil {
		return scheme{}, 0, failure(CodeUnsupported, "parameters of signature algorithm %s", alg)
	}
	return s, named, nil
}

// digestAlgorithm is the DER of the AlgorithmIdentifier; SHA-2 without parameters (RFC 5754,
// Section 2).
func (s scheme) digestAlgorithm() []byte {
	return ber.TLV(ber.TagSequence, ber.TLV(ber.TagOID, []byte(digestOID(s.hash))))
}

// signatureAlgorithm is the DER of the AlgorithmIdentifier.
func (s scheme) signatureAlgorithm() []byte {
	switch s.family {
	case familyECDSA:
		return ber.TLV(ber.TagSequence, ber.TLV(ber.TagOID, []byte(ecdsaOID(s.hash))))
	case familyEd25519:
		return ber.TLV(ber.TagSequence, ber.TLV(ber.TagOID, []byte(oidEd25519)))
	case familyPSS:
		return ber.TLV(ber.TagSequence, ber.TLV(ber.TagOID, []byte(oidRSAPSS)), s.pssParameters())
	default:
		// RFC 5754, Section 3.2: rsaEncryption is what every implementation takes.
		return ber.TLV(ber.TagSequence, ber.TLV(ber.TagOID, []byte(oidRSA)), ber.Null)
	}
}
