package timestamp

import (
	"bytes"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// Tags of optional elements of SignedData and SignerInfo (RFC 5652, Sections 5.1 and 5.3).
const (
	tag0 = cbasn1.Tag(0xa0)
	tag1 = cbasn1.Tag(0xa1)
)

// sparse reports whether a token is in the form that strip gives it.
func sparse(token []byte) bool {
	stripped, ok := strip(token)
	return ok && bytes.Equal(stripped, token)
}

// strip takes from a token in DER what no signature covers: revocation lists, unsigned attributes,
// digest algorithms that the signer does not use; versions become those of RFC 5652. The
// certificates stay.
func strip(token []byte) ([]byte, bool) {
	s := cryptobyte.String(token)
	var info, contentType, explicit, data, content, certs, signers cryptobyte.String
	ok := s.ReadASN1(&info, cbasn1.SEQUENCE) && s.Empty() && info.ReadASN1Element(&contentType, cbasn1.OBJECT_IDENTIFIER) &&
		info.ReadASN1(&explicit, tag0) && info.Empty() && explicit.ReadASN1(&data, cbasn1.SEQUENCE) && explicit.Empty() &&
		data.SkipASN1(cbasn1.INTEGER) && data.SkipASN1(cbasn1.SET) && data.ReadASN1Element(&content, cbasn1.SEQUENCE) &&
		data.ReadASN1Element(&certs, tag0) && data.SkipOptionalASN1(tag1) && data.ReadASN1(&signers, cbasn1.SET) && data.Empty()
	if !ok {
		return nil, false
	}
	signer, digestAlgorithm, ok := stripSigner(&signers)
	if !ok || !signers.Empty() {
		return nil, false
	}
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddBytes(contentType)
		b.AddASN1(tag0, func(b *cryptobyte.Builder) {
			b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
				// RFC 5652, Section 5.1: 3 where the content is not id-data.
				b.AddASN1Int64(3)
				b.AddASN1(cbasn1.SET, func(b *cryptobyte.Builder) { b.AddBytes(digestAlgorithm) })
				b.AddBytes(content)
				b.AddBytes(certs)
				b.AddASN1(cbasn1.SET, func(b *cryptobyte.Builder) { b.AddBytes(signer) })
			})
		})
	})
	der, err := b.Bytes()
	return der, err == nil
}

// stripSigner reads a SignerInfo and returns it without unsigned attributes, and its digest
// algorithm.
func stripSigner(s *cryptobyte.String) (der, digestAlgorithm []byte, ok bool) {
	var info, sid, digest, signed, algorithm, value cryptobyte.String
	var tag cbasn1.Tag
	ok = s.ReadASN1(&info, cbasn1.SEQUENCE) && info.SkipASN1(cbasn1.INTEGER) && info.ReadAnyASN1Element(&sid, &tag) &&
		info.ReadASN1Element(&digest, cbasn1.SEQUENCE) && info.ReadASN1Element(&signed, tag0) &&
		info.ReadASN1Element(&algorithm, cbasn1.SEQUENCE) && info.ReadASN1Element(&value, cbasn1.OCTET_STRING) &&
		info.SkipOptionalASN1(tag1) && info.Empty()
	// RFC 5652, Section 5.3: 1 with issuerAndSerialNumber, 3 with subjectKeyIdentifier.
	version := int64(3)
	if tag == cbasn1.SEQUENCE {
		version = 1
	}
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1Int64(version)
		for _, part := range []cryptobyte.String{sid, digest, signed, algorithm, value} {
			b.AddBytes(part)
		}
	})
	der, err := b.Bytes()
	return der, digest, ok && err == nil
}
