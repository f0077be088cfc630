package cms

import (
	"fmt"
	"time"

	"golang.org/x/crypto/cryptobyte"
)

// The attributes that are the same for everybody.
var (
	contentTypeAttribute  = attribute(oidContentType, tlv(tagOID, []byte(oidData)))
	capabilitiesAttribute = attribute(oidSMIMECapabilities, capabilities)
)

// signedAttributes returns the DER of the SET (see parseAttributes).
func (s *signer) signedAttributes(digest []byte, at time.Time) ([]byte, error) {
	signingTime, err := encodeTime(at)
	if err != nil {
		return nil, err
	}
	protection := tlv(tagSequence, s.digestAlgorithm(), retag(s.signatureAlgorithm(), tagContext1))
	attrs := [][]byte{
		contentTypeAttribute,
		attribute(oidMessageDigest, tlv(tagOctetString, digest)),
		attribute(oidSigningTime, signingTime),
		attribute(oidAlgorithmProtection, protection),
		capabilitiesAttribute,
	}
	if s.certificate != nil {
		attrs = append(attrs, attribute(oidSigningCertificateV2, signingCertificateV2(s.certificate)))
	}
	return setOf(tagSet, attrs), nil
}

func attribute(oid string, value []byte) []byte {
	return tlv(tagSequence, tlv(tagOID, []byte(oid)), tlv(tagSet, value))
}

// retag returns der under another tag of one octet.
func retag(der []byte, tag byte) []byte {
	der[0] = tag
	return der
}

// encodeTime is RFC 5652, Section 11.3: UTCTime from 1950 to 2049, else GeneralizedTime, both in UTC with whole seconds.
func encodeTime(t time.Time) ([]byte, error) {
	b := cryptobyte.NewBuilder(nil)
	if t = t.UTC(); t.Year() >= 1950 && t.Year() < 2050 {
		b.AddASN1UTCTime(t)
	} else {
		b.AddASN1GeneralizedTime(t)
	}
	der, err := b.Bytes()
	if err != nil {
		return nil, fmt.Errorf("cms: signing time: %w", err)
	}
	return der, nil
}
