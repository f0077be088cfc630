package cms

import (
	"crypto"
	"fmt"
	"math/big"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"dnseal/smime/cms/internal/algorithm"
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

// parsePSS reads RSASSA-PSS-params; why, "" for those that are computed with, says what cannot be
// done with the others: what is malformed, a digest that is not known, an MGF1 with another digest
// than the hash (crypto/rsa has none), a salt longer than any key, or another trailer.
func parsePSS(der []byte) (p pssParameters, why string) {
	outer := cryptobyte.String(der)
	var s cryptobyte.String
	if der == nil {
		return p, "RSASSA-PSS without parameters"
	}
	if !outer.ReadASN1(&s, cbasn1.SEQUENCE) || !outer.Empty() {
		return p, pssUnreadable
	}
	digests, ok1 := algorithm.ReadHashParameters(&s)
	salt, ok2 := readPSSInteger(&s, context2, 20)
	trailer, ok3 := readPSSInteger(&s, context3, 1)
	if !ok1 || !ok2 || !ok3 || !s.Empty() {
		return p, pssUnreadable
	}
	return pssOf(digests, salt, trailer)
}

const pssUnreadable = "RSASSA-PSS with parameters that cannot be read"

// pssOf says whether these parameters are computed with.
func pssOf(digests algorithm.HashParameters, salt, trailer int) (p pssParameters, why string) {
	known, ok := algorithm.PlainDigest(digests.Hash)
	switch {
	case !ok:
		return p, fmt.Sprintf("RSASSA-PSS with %s", digests.Hash)
	case string(digests.Mask.OID) != oidMGF1:
		return p, fmt.Sprintf("RSASSA-PSS with the mask generation function %s", digests.Mask)
	}
	inner, ok := digests.MaskHash()
	if !ok {
		return p, pssUnreadable
	}
	masked, ok := algorithm.PlainDigest(inner)
	switch {
	case !ok || masked != known:
		return p, fmt.Sprintf("RSASSA-PSS with MGF1 and %s, of a digest by %s: the two must be the same", inner, digests.Hash)
	case salt < 0 || salt > MaxRSABits/8:
		return p, "RSASSA-PSS with a salt longer than any key"
	// RFC 4055, Section 3.1: trailerField is 1.
	case trailer != 1:
		return p, fmt.Sprintf("RSASSA-PSS with trailer field %d", trailer)
	}
	return pssParameters{known, salt}, ""
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
	salt := integer(big.NewInt(int64(s.saltLength)))
	return ber.TLV(ber.TagSequence, algorithm.EncodeHashParameters(s.hash), ber.TLV(ber.TagContext2, salt))
}
