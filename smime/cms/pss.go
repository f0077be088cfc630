package cms

import (
	"crypto"
	"math/big"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"dnseal/smime/cms/internal/ber"
)

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

// parsePSS reads RSASSA-PSS-params; false for what is malformed, a digest that is not known, an
// MGF1 with another digest than the hash (never seen from a peer, and crypto/rsa has none), a salt
// longer than any key, or another trailer.
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
	// RFC 4055, Section 3.1: trailerField is 1.
	if !ok1 || !ok2 || !ok3 || !ok4 || !s.Empty() || hash != mask || trailer != 1 || salt < 0 || salt > MaxRSABits/8 {
		return pssParameters{}, false
	}
	return pssParameters{hash, salt}, true
}

func readPSSHash(s *cryptobyte.String) (crypto.Hash, bool) {
	var field cryptobyte.String
	var present bool
	ok := s.ReadOptionalASN1(&field, &present, context0)
	// RFC 4055, Section 3.1: DEFAULT sha1Identifier.
	if !present {
		return crypto.SHA1, ok
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
	ok := s.ReadOptionalASN1(&field, &present, context1)
	// RFC 4055, Section 3.1: DEFAULT mgf1SHA1Identifier.
	if !present {
		return crypto.SHA1, ok
	}
	var alg algorithmIdentifier
	if !readAlgorithm(&field, &alg, cbasn1.SEQUENCE) || !field.Empty() || string(alg.oid) != oidMGF1 {
		return 0, false
	}
	// RFC 4055, Section 2.2: the parameters of MGF1 are a HashAlgorithm.
	hash := cryptobyte.String(alg.parameters)
	return readPlainDigest(&hash)
}

func readPSSInteger(s *cryptobyte.String, tag cbasn1.Tag, def int) (int, bool) {
	var field cryptobyte.String
	var present bool
	ok := s.ReadOptionalASN1(&field, &present, tag)
	if !present {
		return def, ok
	}
	var n int
	ok = field.ReadASN1Integer(&n) && field.Empty()
	return n, ok
}

// pssParameters is the DER of RSASSA-PSS-params (see above), where the digests do have NULL (RFC
// 4055, Section 2.1).
func (s scheme) pssParameters() []byte {
	hash := encodeAlgorithm(digestRowOf(s.hash).oid, ber.Null)
	mask := encodeAlgorithm(oidMGF1, hash)
	salt := integer(big.NewInt(int64(s.saltLength)))
	return ber.TLV(ber.TagSequence, ber.TLV(ber.TagContext0, hash), ber.TLV(ber.TagContext1, mask), ber.TLV(ber.TagContext2, salt))
}
