package cms

import (
	"bytes"
	"fmt"
	"time"

	"dnseal/smime/cms/internal/ber"
)

// The attributes that are the same for all signers.
var (
	contentTypeAttribute  = attribute(oidContentType, ber.TLV(ber.TagOID, []byte(oidData)))
	capabilitiesAttribute = attribute(oidSMIMECapabilities, encodeCapabilities())
)

// algorithmProtection is the attribute of RFC 6211, Section 2 (see readAlgorithmProtection).
func (s *signer) algorithmProtection() []byte {
	return attribute(oidAlgorithmProtection, ber.TLV(ber.TagSequence, s.digestAlgorithm, retag(bytes.Clone(s.signatureAlgorithm), ber.TagContext1)))
}

// signedAttributes returns the DER of the SET (see parseAttributes).
func (s *signer) signedAttributes(digest []byte, opts *SignOptions) ([]byte, error) {
	attrs := append(make([][]byte, 0, 8), s.attributes...)
	// RFC 5652, Sections 11.2 and 11.3.
	attrs = append(attrs, attribute(oidMessageDigest, ber.TLV(ber.TagOctetString, digest)))
	if !opts.NoTime {
		signingTime, err := encodeTime(opts.Time)
		if err != nil {
			return nil, err
		}
		attrs = append(attrs, attribute(oidSigningTime, signingTime))
	}
	// RFC 5652, Section 5.3: SignedAttributes are DER even where the rest is BER.
	return ber.SetOf(ber.TagSet, attrs), nil
}

func attribute(oid string, value []byte) []byte {
	return ber.TLV(ber.TagSequence, ber.TLV(ber.TagOID, []byte(oid)), ber.TLV(ber.TagSet, value))
}

// retag returns der under another tag of one octet.
func retag(der []byte, tag byte) []byte {
	der[0] = tag
	return der
}

// encodeTime is RFC 5652, Section 11.3: UTCTime from 1950 to 2049, else GeneralizedTime, both in
// UTC with whole seconds.
func encodeTime(t time.Time) ([]byte, error) {
	t = t.UTC()
	switch year := t.Year(); {
	case year >= 1950 && year < 2050:
		return ber.TLV(ber.TagUTCTime, t.AppendFormat(nil, "060102150405Z")), nil
	case year >= 0 && year < 10000:
		return ber.TLV(ber.TagGeneralizedTime, t.AppendFormat(nil, "20060102150405Z")), nil
	default:
		return nil, fmt.Errorf("cms: signing time: the year %d cannot be written", year)
	}
}

// encodeCapabilities is the value of the SMIMECapabilities attribute, RFC 8551, Section 2.5.2:
//
//	SMIMECapabilities ::= SEQUENCE OF SMIMECapability
//
//	SMIMECapability ::= SEQUENCE {
//	  capabilityID  OBJECT IDENTIFIER,
//	  parameters    ANY DEFINED BY capabilityID OPTIONAL }
//
// It names the signature algorithms that are verified here, the preferred first, each written as
// its AlgorithmIdentifier would be. No cipher is among them, because the signer may
// be unable to decrypt.
func encodeCapabilities() []byte {
	var out []byte
	for _, row := range signatureTable {
		if row.announced {
			out = append(out, encodeAlgorithm(row.oid, scheme{}.parameters(row.parameters))...)
		}
	}
	return ber.TLV(ber.TagSequence, out)
}
