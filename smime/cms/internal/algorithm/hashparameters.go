package algorithm

import (
	"crypto"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"dnseal/smime/cms/internal/ber"
)

// HashParameters begin the parameters of RSASSA-PSS and of RSAES-OAEP (RFC 4055, Sections 3.1 and
// 4.1):
//
//	hashAlgorithm     [0] HashAlgorithm     DEFAULT sha1Identifier,
//	maskGenAlgorithm  [1] MaskGenAlgorithm  DEFAULT mgf1SHA1Identifier
type HashParameters struct {
	Hash, Mask Identifier
}

// Context-specific tags of constructed elements.
const (
	context0 = cbasn1.Tag(ber.TagContext0)
	context1 = cbasn1.Tag(ber.TagContext1)
)

// RFC 4055, Section 3.1: DEFAULT sha1Identifier and DEFAULT mgf1SHA1Identifier.
var (
	defaultHash = Identifier{OID: []byte(OIDSHA1)}
	defaultMask = Identifier{OID: []byte(OIDMGF1), Parameters: Encode(OIDSHA1, nil)}
)

// ReadHashParameters reads them from the contents s of the SEQUENCE, and leaves what follows them.
func ReadHashParameters(s *cryptobyte.String) (p HashParameters, ok bool) {
	var ok1, ok2 bool
	p.Hash, ok1 = readOptional(s, context0, defaultHash)
	p.Mask, ok2 = readOptional(s, context1, defaultMask)
	return p, ok1 && ok2
}

func readOptional(s *cryptobyte.String, tag cbasn1.Tag, def Identifier) (Identifier, bool) {
	var field cryptobyte.String
	var present bool
	ok := s.ReadOptionalASN1(&field, &present, tag)
	if !present {
		return def, ok
	}
	var alg Identifier
	ok = Read(&field, &alg, cbasn1.SEQUENCE) && field.Empty()
	return alg, ok
}

// MaskHash is the HashAlgorithm in the parameters of MGF1 (RFC 4055, Section 2.2); false where they
// are not one.
func (p HashParameters) MaskHash() (inner Identifier, ok bool) {
	parameters := cryptobyte.String(p.Mask.Parameters)
	ok = Read(&parameters, &inner, cbasn1.SEQUENCE) && parameters.Empty()
	return inner, ok
}

// EncodeHashParameters is the DER of the two fields for one digest, which has NULL there (RFC 4055,
// Section 2.1).
func EncodeHashParameters(h crypto.Hash) []byte {
	hash := Encode(RowOf(h).OID, ber.Null)
	mask := Encode(OIDMGF1, hash)
	return append(ber.TLV(ber.TagContext0, hash), ber.TLV(ber.TagContext1, mask)...)
}
