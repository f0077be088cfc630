package cms

import (
	"bytes"
	"strings"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"dnseal/smime/cms/internal/ber"
)

// A SignedData can carry data that no verifier reads, and some programs show or unpack it. What is
// neither certificate, nor revocation data, nor part of a signature is refused.

// isCertificate says that der has the outer form of a Certificate (RFC 5280, Section 4.1). Its
// fields are not parsed.
func isCertificate(der []byte) bool {
	outer := cryptobyte.String(der)
	var cert, tbs cryptobyte.String
	if !outer.ReadASN1(&cert, cbasn1.SEQUENCE) || !cert.ReadASN1(&tbs, cbasn1.SEQUENCE) || !cert.SkipASN1(cbasn1.SEQUENCE) ||
		!cert.SkipASN1(cbasn1.BIT_STRING) || !cert.Empty() {
		return false
	}
	// RFC 5280, Section 4.1: version, serialNumber; signature, issuer, validity, subject,
	// subjectPublicKeyInfo.
	ok := tbs.SkipOptionalASN1(context0) && tbs.SkipASN1(cbasn1.INTEGER)
	for range 5 {
		ok = ok && tbs.SkipASN1(cbasn1.SEQUENCE)
	}
	return ok
}

// readRevocation reads past RFC 5652, Section 10.2.1:
//
//	RevocationInfoChoices ::= SET OF RevocationInfoChoice
//
//	RevocationInfoChoice ::= CHOICE {
//	  crl    CertificateList,
//	  other  [1] IMPLICIT OtherRevocationInfoFormat }
//
// It is not evaluated: a key is revoked by removing its record in the DNS.
func (sd *SignedData) readRevocation(b *ber.Reader) error {
	h, err := b.Next()
	end := b.Offset() + MaxRevocationSize
	switch {
	case err != nil:
		return err
	case h.Length > MaxRevocationSize:
		return limitRevocationSize.Exceeded()
	}
	return b.Within(h, func() error {
		return b.Each(limitRevocationSize, func() error { return readRevocationChoice(b, end) })
	})
}

func readRevocationChoice(b *ber.Reader, end int64) error {
	switch tag, err := b.Peek(); {
	case err != nil:
		return err
	case tag == ber.TagSequence:
		return b.SkipUntil(end, limitRevocationSize)
	}
	return b.Inside(ber.TagContext1, "crls", func() error { return readOtherRevocation(b, end) })
}

// readOtherRevocation accepts the formats of RFC 5940, Section 2: answers by OCSP and SCVP.
func readOtherRevocation(b *ber.Reader, end int64) error {
	format, err := readOID(b, "otherRevInfoFormat")
	switch {
	case err != nil:
		return err
	// RFC 5652, Section 10.2.1: other formats may carry anything.
	case format != oidOCSPResponse && format != oidSCVPResponse:
		return b.Syntax("crls: a format that is not known")
	}
	return b.SkipUntil(end, limitRevocationSize)
}

// foreignDigest says that digestAlgorithms holds an element that is neither a known digest
// algorithm nor used by a signer.
func (sd *SignedData) foreignDigest() bool {
	for _, a := range sd.digestAlgorithms {
		if !sd.usesDigest(a) && (!a.Plain() || !knownDigest(string(a.OID))) {
			return true
		}
	}
	return false
}

func (sd *SignedData) usesDigest(a algorithmIdentifier) bool {
	for _, si := range sd.Signers {
		if bytes.Equal(si.digestAlgorithm.OID, a.OID) && bytes.Equal(si.digestAlgorithm.Parameters, a.Parameters) {
			return true
		}
	}
	return false
}

// knownDigest knows digest algorithms by name, whether or not they are computed here: MD2 to MD5,
// SHA-1, RIPEMD-160, those of FIPS 180-4 and FIPS 202, and the national ones of RFC 4357, RFC 9215
// and GM/T 0004.
func knownDigest(oid string) bool {
	switch oid {
	case oidMD2, oidMD4, oidMD5, oidSHA1, oidRIPEMD160, oidGOST94, oidStreebog256, oidStreebog512, oidSM3:
		return true
	}
	number, ok := strings.CutPrefix(oid, oidNISTHash)
	return ok && len(number) == 1 && number[0] >= 1 && number[0] <= lastNISTHash
}
