package cms

import (
	"slices"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// attributes are the values of the signed attributes of one signer.
type attributes struct {
	contentType   string // contents octets of the OID
	messageDigest []byte
	signingTime   time.Time
	capabilities  []byte
	protection    *algorithmProtection
	// of signingCertificate and signingCertificateV2, the signer's own
	certificates []certificateID
}

// parseAttributes reads the contents of
//
//	SignedAttributes ::= SET SIZE (1..MAX) OF Attribute
//
// The *SignatureError is about their contents, the error about their number.
func parseAttributes(contents []byte) (a attributes, wrong *SignatureError, err error) {
	seen := make([]string, 0, 8)
	s := cryptobyte.String(contents)
	for n := 0; !s.Empty(); n++ {
		if n == MaxAttributes {
			return a, nil, limitAttributes.Exceeded()
		}
		if wrong = a.readAttribute(&s, &seen); wrong != nil {
			return a, wrong, nil
		}
	}
	// RFC 5652, Section 5.3: both must be there. This also refuses an empty set.
	switch {
	case !slices.Contains(seen, oidContentType):
		wrong = failure(CodeBadAttributes, "the signed attributes have no contentType")
	case !slices.Contains(seen, oidMessageDigest):
		wrong = failure(CodeBadAttributes, "the signed attributes have no messageDigest")
	}
	return a, wrong, nil
}

// readAttribute reads one attribute from s:
//
//	Attribute ::= SEQUENCE {
//	  attrType    OBJECT IDENTIFIER,
//	  attrValues  SET OF AttributeValue }
//
// Those that decide occur at most once, with one value: RFC 5652, Section 11; RFC 5035, Section 3;
// RFC 6211, Section 2. seen collects their types. The values of others are not read.
// SMIMECapabilities are a hint for replies: what is wrong with them makes them unknown, and says
// nothing about the signature.
func (a *attributes) readAttribute(s *cryptobyte.String, seen *[]string) *SignatureError {
	var attr, id, values, value cryptobyte.String
	if !s.ReadASN1(&attr, cbasn1.SEQUENCE) || !attr.ReadASN1(&id, cbasn1.OBJECT_IDENTIFIER) ||
		!attr.ReadASN1(&values, cbasn1.SET) || !attr.Empty() {
		return failure(CodeBadAttributes, "a signed attribute is malformed")
	}
	name := decisive(id)
	switch {
	case string(id) == oidSMIMECapabilities:
		a.readCapabilities(values, seen)
		return nil
	case name == "":
		return nil
	}
	// RFC 5652, Sections 11.1 to 11.3: one instance, with one value.
	if slices.Contains(*seen, name) {
		return failure(CodeBadAttributes, "the signed attribute %s is there twice", nameOf(name))
	}
	*seen = append(*seen, name)
	var tag cbasn1.Tag
	if !values.ReadAnyASN1Element(&value, &tag) || !values.Empty() {
		return failure(CodeBadAttributes, "the signed attribute %s has not exactly one value", nameOf(name))
	}
	if !a.readValue(name, &value) || !value.Empty() {
		return failure(CodeBadAttributes, "the signed attribute %s is malformed", nameOf(name))
	}
	return nil
}

// decisive returns the type of an attribute if it is one of those that readValue reads, else "".
func decisive(id []byte) string {
	for _, known := range [...]string{
		oidContentType, oidMessageDigest, oidSigningTime,
		oidSigningCertificate, oidSigningCertificateV2, oidAlgorithmProtection,
	} {
		if string(id) == known {
			return known
		}
	}
	return ""
}

// readValue reads the value of an attribute that decides.
func (a *attributes) readValue(name string, value *cryptobyte.String) bool {
	switch name {
	// RFC 5652, Section 11.1.
	case oidContentType:
		return a.readContentType(value)
	// RFC 5652, Section 11.2.
	case oidMessageDigest:
		return a.readMessageDigest(value)
	// RFC 5652, Section 11.3.
	case oidSigningTime:
		return a.readSigningTime(value)
	// RFC 2634, Section 5.4.
	case oidSigningCertificate:
		return a.readSigningCertificate(value)
	// RFC 5035, Section 3.
	case oidSigningCertificateV2:
		return a.readSigningCertificateV2(value)
	// RFC 6211, Section 2.
	case oidAlgorithmProtection:
		return a.readAlgorithmProtection(value)
	}
	return false
}

// readContentType reads RFC 5652, Section 11.1:
//
//	ContentType ::= OBJECT IDENTIFIER
func (a *attributes) readContentType(value *cryptobyte.String) bool {
	var id cryptobyte.String
	ok := value.ReadASN1(&id, cbasn1.OBJECT_IDENTIFIER)
	a.contentType = string(id)
	return ok
}

// readMessageDigest reads RFC 5652, Section 11.2:
//
//	MessageDigest ::= OCTET STRING
func (a *attributes) readMessageDigest(value *cryptobyte.String) bool {
	var digest cryptobyte.String
	ok := value.ReadASN1(&digest, cbasn1.OCTET_STRING)
	a.messageDigest = digest
	return ok
}

// readSigningTime reads RFC 5652, Section 11.3:
//
//	SigningTime ::= Time
//
//	Time ::= CHOICE {
//	  utcTime          UTCTime,
//	  generalizedTime  GeneralizedTime }
func (a *attributes) readSigningTime(value *cryptobyte.String) bool {
	// RFC 5652, Section 11.3: UTCTime from 1950 to 2049. Both are read for any year.
	if value.PeekASN1Tag(cbasn1.UTCTime) {
		return value.ReadASN1UTCTime(&a.signingTime)
	}
	return value.ReadASN1GeneralizedTime(&a.signingTime)
}

// readCapabilities reads RFC 8551, Section 2.5.2, which is returned as received:
//
//	SMIMECapabilities ::= SEQUENCE OF SMIMECapability
//
// What is malformed, or there twice, is none.
func (a *attributes) readCapabilities(values cryptobyte.String, seen *[]string) {
	var capabilities cryptobyte.String
	// RFC 8551, Section 2.5.2: one instance, with one value.
	ok := values.ReadASN1Element(&capabilities, cbasn1.SEQUENCE) && values.Empty()
	if ok = ok && !slices.Contains(*seen, oidSMIMECapabilities); ok {
		a.capabilities = capabilities
	} else {
		a.capabilities = nil
	}
	*seen = append(*seen, oidSMIMECapabilities)
}

// algorithmProtection is RFC 6211, Section 2, for signatures:
//
//	CMSAlgorithmProtection ::= SEQUENCE {
//	  digestAlgorithm     DigestAlgorithmIdentifier,
//	  signatureAlgorithm  [1] SignatureAlgorithmIdentifier OPTIONAL,
//	  macAlgorithm        [2] MessageAuthenticationCodeAlgorithm OPTIONAL }
type algorithmProtection struct {
	digest, signature algorithmIdentifier
}

func (a *attributes) readAlgorithmProtection(value *cryptobyte.String) bool {
	a.protection = new(algorithmProtection)
	var s cryptobyte.String
	// RFC 6211, Section 2: a SignedData has signatureAlgorithm and no macAlgorithm.
	return value.ReadASN1(&s, cbasn1.SEQUENCE) &&
		readAlgorithm(&s, &a.protection.digest, cbasn1.SEQUENCE) &&
		readAlgorithm(&s, &a.protection.signature, context1) && s.Empty()
}
