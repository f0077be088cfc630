package cms

import (
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// attributes is what the signed attributes of one signer say.
type attributes struct {
	contentType   string // contents octets of the OID
	messageDigest []byte
	signingTime   time.Time
	capabilities  []byte
	protection    *algorithmProtection
	certificates  []certificateID // of signingCertificate and signingCertificateV2, the signer's own
}

// attributeReaders read the value of each attribute that is understood. All of them occur at most once, with one value:
// RFC 5652, Section 11; RFC 8551, Section 2.5; RFC 5035, Section 3; RFC 6211, Section 2. Others may say what they like.
var attributeReaders = map[string]func(a *attributes, value *cryptobyte.String) bool{
	oidContentType:          (*attributes).readContentType,
	oidMessageDigest:        (*attributes).readMessageDigest,
	oidSigningTime:          (*attributes).readSigningTime,
	oidSMIMECapabilities:    (*attributes).readCapabilities,
	oidSigningCertificate:   (*attributes).readSigningCertificate,
	oidSigningCertificateV2: (*attributes).readSigningCertificateV2,
	oidAlgorithmProtection:  (*attributes).readAlgorithmProtection,
}

// parseAttributes reads the contents of
//
//	SignedAttributes ::= SET SIZE (1..MAX) OF Attribute
//
//	Attribute ::= SEQUENCE {
//	  attrType    OBJECT IDENTIFIER,
//	  attrValues  SET OF AttributeValue }
//
// The *SignatureError is about what they say, the error about their number.
func parseAttributes(contents []byte) (a attributes, wrong *SignatureError, err error) {
	seen := make(map[string]bool, len(attributeReaders))
	s := cryptobyte.String(contents)
	for n := 0; !s.Empty(); n++ {
		if n == MaxAttributes {
			return a, nil, limitAttributes.exceeded()
		}
		if w := a.readAttribute(&s, seen); w != nil {
			return a, w, nil
		}
	}
	// RFC 5652, Section 5.3: both must be there. This also refuses an empty set.
	switch {
	case !seen[oidContentType]:
		wrong = failure(CodeBadAttributes, "the signed attributes have no contentType")
	case !seen[oidMessageDigest]:
		wrong = failure(CodeBadAttributes, "the signed attributes have no messageDigest")
	}
	return a, wrong, nil
}

// readAttribute reads one Attribute from s; seen are the types that were understood before.
func (a *attributes) readAttribute(s *cryptobyte.String, seen map[string]bool) *SignatureError {
	var attr, id, values, value cryptobyte.String
	if !s.ReadASN1(&attr, cbasn1.SEQUENCE) || !attr.ReadASN1(&id, cbasn1.OBJECT_IDENTIFIER) ||
		!attr.ReadASN1(&values, cbasn1.SET) || !attr.Empty() {
		return failure(CodeBadAttributes, "a signed attribute is malformed")
	}
	read := attributeReaders[string(id)]
	if read == nil {
		return nil
	}
	name := algorithmIdentifier{oid: string(id)}
	if seen[string(id)] {
		return failure(CodeBadAttributes, "the signed attribute %s is there twice", name)
	}
	seen[string(id)] = true
	var tag cbasn1.Tag
	if !values.ReadAnyASN1Element(&value, &tag) || !values.Empty() {
		return failure(CodeBadAttributes, "the signed attribute %s has not exactly one value", name)
	}
	if !read(a, &value) || !value.Empty() {
		return failure(CodeBadAttributes, "the signed attribute %s is malformed", name)
	}
	return nil
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
	if value.PeekASN1Tag(cbasn1.UTCTime) {
		return value.ReadASN1UTCTime(&a.signingTime)
	}
	return value.ReadASN1GeneralizedTime(&a.signingTime)
}

// readCapabilities reads RFC 8551, Section 2.5.2, which is handed out as it stands:
//
//	SMIMECapabilities ::= SEQUENCE OF SMIMECapability
func (a *attributes) readCapabilities(value *cryptobyte.String) bool {
	var capabilities cryptobyte.String
	ok := value.ReadASN1Element(&capabilities, cbasn1.SEQUENCE)
	a.capabilities = capabilities
	return ok
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
	return value.ReadASN1(&s, cbasn1.SEQUENCE) &&
		readAlgorithm(&s, &a.protection.digest, cbasn1.SEQUENCE) &&
		readAlgorithm(&s, &a.protection.signature, context1) && s.Empty()
}
