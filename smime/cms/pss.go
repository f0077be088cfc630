package cms

import (
	"crypto"
	"fmt"
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
	hash, ok1 := readPSSAlgorithm(&s, context0, pssDefaultHash)
	mask, ok2 := readPSSAlgorithm(&s, context1, pssDefaultMask)
	salt, ok3 := readPSSInteger(&s, context2, 20)
	trailer, ok4 := readPSSInteger(&s, context3, 1)
	if !ok1 || !ok2 || !ok3 || !ok4 || !s.Empty() {
		return p, pssUnreadable
	}
	return pssOf(hash, mask, salt, trailer)
}

const pssUnreadable = "RSASSA-PSS with parameters that cannot be read"

// pssOf says whether these parameters are computed with.
func pssOf(hash, mask algorithmIdentifier, salt, trailer int) (p pssParameters, why string) {
	known, ok := plainDigest(hash)
	switch {
	case !ok:
		return p, fmt.Sprintf("RSASSA-PSS with %s", hash)
	case string(mask.oid) != oidMGF1:
		return p, fmt.Sprintf("RSASSA-PSS with the mask generation function %s", mask)
	}
	// RFC 4055, Section 2.2: the parameters of MGF1 are a HashAlgorithm.
	var inner algorithmIdentifier
	parameters := cryptobyte.String(mask.parameters)
	if !readAlgorithm(&parameters, &inner, cbasn1.SEQUENCE) || !parameters.Empty() {
		return p, pssUnreadable
	}
	masked, ok := plainDigest(inner)
	switch {
	case !ok || masked != known:
		return p, fmt.Sprintf("RSASSA-PSS with MGF1 and %s, of a digest by %s: the two must be the same", inner, hash)
	case salt < 0 || salt > MaxRSABits/8:
		return p, "RSASSA-PSS with a salt longer than any key"
	// RFC 4055, Section 3.1: trailerField is 1.
	case trailer != 1:
		return p, fmt.Sprintf("RSASSA-PSS with trailer field %d", trailer)
	}
	return pssParameters{known, salt}, ""
}

// plainDigest is the digest algorithm of an identifier without parameters.
func plainDigest(alg algorithmIdentifier) (crypto.Hash, bool) {
	if !alg.plain() {
		return 0, false
	}
	return digestOf(alg.oid)
}

// RFC 4055, Section 3.1: DEFAULT sha1Identifier and DEFAULT mgf1SHA1Identifier.
var (
	pssDefaultHash = algorithmIdentifier{oid: []byte(oidSHA1)}
	pssDefaultMask = algorithmIdentifier{oid: []byte(oidMGF1), parameters: encodeAlgorithm(oidSHA1, nil)}
)

func readPSSAlgorithm(s *cryptobyte.String, tag cbasn1.Tag, def algorithmIdentifier) (algorithmIdentifier, bool) {
	var field cryptobyte.String
	var present bool
	ok := s.ReadOptionalASN1(&field, &present, tag)
	if !present {
		return def, ok
	}
	var alg algorithmIdentifier
	ok = readAlgorithm(&field, &alg, cbasn1.SEQUENCE) && field.Empty()
	return alg, ok
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
