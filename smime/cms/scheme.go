package cms

import (
	"crypto"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
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

// String is the name without the key: "ecdsa-sha256", "rsa-sha256", "rsa-pss-sha256", "ed25519"; "" for the zero value.
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

// schemeOf puts the two algorithm identifiers of a SignerInfo together. The error is a *SignatureError:
// unsupported for what is not known, weak for MD5, bad-signature where the two contradict each other.
func schemeOf(digest, signature algorithmIdentifier) (scheme, *SignatureError) {
	if digest.oid == oidMD5 || signature.oid == oidMD5WithRSA {
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
	// RFC 5754, Section 3, and RFC 4056, Section 3: both name the same digest. RFC 8419, Section 3.1: Ed25519 goes with SHA-512.
	case named != hash:
		return scheme{}, failure(CodeBadSignature, "digest algorithm %s does not go with signature algorithm %s", digest, signature)
	default:
		s.hash = named
	}
	return s, nil
}

// signatureScheme reads a signatureAlgorithm; named is the digest it brings with it, 0 for one that leaves it to digestAlgorithm.
func signatureScheme(alg algorithmIdentifier) (s scheme, named crypto.Hash, err *SignatureError) {
	switch alg.oid {
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
	// RSA: NULL, and absent is to be accepted; the others: absent (RFC 5754, Section 3.3; RFC 8419, Section 2.3).
	if s.family == familyRSA && !alg.plain() || s.family != familyRSA && alg.parameters != nil {
		return scheme{}, 0, failure(CodeUnsupported, "parameters of signature algorithm %s", alg)
	}
	return s, named, nil
}

// pssParameters is RFC 4055, Section 3.1, unpacked:
//
//	RSASSA-PSS-params ::= SEQUENCE {
//	  hashAlgorithm     [0] HashAlgorithm     DEFAULT sha1Identifier,
//	  maskGenAlgorithm  [1] MaskGenAlgorithm  DEFAULT mgf1SHA1Identifier,
//	  saltLength        [2] INTEGER           DEFAULT 20,
//	  trailerField      [3] INTEGER           DEFAULT 1 }
type pssParameters struct {
	hash       crypto.Hash
	saltLength int
}

// parsePSS reads RSASSA-PSS-params; false for what is malformed, a digest that is not known, an MGF1 with another digest than
// the hash (never seen from a peer, and crypto/rsa has none), a salt longer than any key, or another trailer.
func parsePSS(der []byte) (pssParameters, bool) {
	outer := cryptobyte.String(der)
	var s cryptobyte.String
	if !outer.ReadASN1(&s, cbasn1.SEQUENCE) || !outer.Empty() {
		return pssParameters{}, false
	}
	hash, ok1 := readPSSHash(&s)
	mask, ok2 := readPSSMask(&s)
	salt, ok3 := readPSSInteger(&s, context2, 20)
	trailer, ok4 := readPSSInteger(&s, context3, 1)
	if !ok1 || !ok2 || !ok3 || !ok4 || !s.Empty() || hash != mask || trailer != 1 || salt < 0 || salt > MaxRSABits/8 {
		return pssParameters{}, false
	}
	return pssParameters{hash, salt}, true
}

func readPSSHash(s *cryptobyte.String) (crypto.Hash, bool) {
	var field cryptobyte.String
	var present bool
	if !s.ReadOptionalASN1(&field, &present, context0) {
		return 0, false
	}
	if !present {
		return crypto.SHA1, true
	}
	return readPlainDigest(&field)
}

// readPlainDigest reads the AlgorithmIdentifier of a digest, with which s must end.
func readPlainDigest(s *cryptobyte.String) (crypto.Hash, bool) {
	var alg algorithmIdentifier
	if !readAlgorithm(s, &alg, cbasn1.SEQUENCE) || !s.Empty() || !alg.plain() {
		return 0, false
	}
	return digestOf(alg.oid)
}

func readPSSMask(s *cryptobyte.String) (crypto.Hash, bool) {
	var field cryptobyte.String
	var present bool
	if !s.ReadOptionalASN1(&field, &present, context1) {
		return 0, false
	}
	if !present {
		return crypto.SHA1, true
	}
	var alg algorithmIdentifier
	if !readAlgorithm(&field, &alg, cbasn1.SEQUENCE) || !field.Empty() || alg.oid != oidMGF1 {
		return 0, false
	}
	hash := cryptobyte.String(alg.parameters)
	return readPlainDigest(&hash)
}

func readPSSInteger(s *cryptobyte.String, tag cbasn1.Tag, def int) (int, bool) {
	var field cryptobyte.String
	var present bool
	if !s.ReadOptionalASN1(&field, &present, tag) {
		return 0, false
	}
	if !present {
		return def, true
	}
	var n int
	ok := field.ReadASN1Integer(&n) && field.Empty()
	return n, ok
}

// derNull is the parameters of algorithms that have none and write so.
var derNull = []byte{tagNull, 0}

// digestAlgorithm is the DER of the AlgorithmIdentifier; SHA-2 without parameters (RFC 5754, Section 2).
func (s scheme) digestAlgorithm() []byte {
	return tlv(tagSequence, tlv(tagOID, []byte(digestOID(s.hash))))
}

// signatureAlgorithm is the DER of the AlgorithmIdentifier.
func (s scheme) signatureAlgorithm() []byte {
	switch s.family {
	case familyECDSA:
		return tlv(tagSequence, tlv(tagOID, []byte(ecdsaOID(s.hash))))
	case familyEd25519:
		return tlv(tagSequence, tlv(tagOID, []byte(oidEd25519)))
	case familyPSS:
		return tlv(tagSequence, tlv(tagOID, []byte(oidRSAPSS)), s.pssParameters())
	default:
		// RFC 5754, Section 3.2: rsaEncryption is what every implementation takes.
		return tlv(tagSequence, tlv(tagOID, []byte(oidRSA)), derNull)
	}
}

// pssParameters is the DER of RSASSA-PSS-params (see above), where the digests do have NULL (RFC 4055, Section 2.1).
func (s scheme) pssParameters() []byte {
	hash := tlv(tagSequence, tlv(tagOID, []byte(digestOID(s.hash))), derNull)
	mask := tlv(tagSequence, tlv(tagOID, []byte(oidMGF1)), hash)
	salt := []byte{tagInteger, 1, byte(s.saltLength)}
	return tlv(tagSequence, tlv(tagContext0, hash), tlv(tagContext1, mask), tlv(tagContext2, salt))
}
