package cms

import (
	"crypto"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"dnseal/smime/cms/internal/ber"
)

// SignerInfo is RFC 5652, Section 5.3. Its fields are claims of the sender until Verify
// returned nil.
type SignerInfo struct {
	// RawIssuer (the DER of a Name) and Serial (the contents octets of an INTEGER), or
	// SubjectKeyID, name the certificate.
	RawIssuer    []byte
	Serial       []byte
	SubjectKeyID []byte
	// Algorithm names digest and signature, as far as they are known without the key:
	// "ecdsa-sha256", "rsa-sha256", "rsa-pss-sha256", "ed25519"; one that is not computed here has
	// its [AlgorithmName]. AlgorithmWith adds the curve.
	Algorithm string
	// DigestAlgorithm is the digest of the content, 0 when it is unknown; MessageDigest its signed
	// value, nil without signed attributes.
	DigestAlgorithm crypto.Hash
	MessageDigest   []byte
	// SignedAttributes says whether there are any. RFC 5652 allows none for id-data; a signature
	// that is to be relied on should have them (Section 5.3; only with them are digest algorithm
	// and certificate bound to it).
	SignedAttributes bool
	// SigningTime is the claimed time (zero: none).
	SigningTime time.Time
	// Capabilities is the DER of SMIMECapabilities (RFC 8551, Section 2.5.2), nil when absent,
	// malformed or there twice.
	Capabilities []byte

	contentType        string // eContentType of the SignedData
	digestAlgorithm    algorithmIdentifier
	signatureAlgorithm algorithmIdentifier
	scheme             scheme
	schemeErr          *SignatureError
	// DER of signedAttrs in the order received, with the tag of a SET; nil when absent
	rawAttributes []byte
	attributes    attributes
	attributesErr *SignatureError
	signature     []byte
	// contents of unsignedAttrs; nil when absent
	rawUnsigned []byte
	offset      int64 // in the input
	// what PostQuantum returns
	postQuantum    *SignedData
	postQuantumErr error
}

// AlgorithmWith is Algorithm with the curve of pub, the signer's key: "ecdsa-p256-sha256".
func (si *SignerInfo) AlgorithmWith(pub crypto.PublicKey) string {
	kind := kindOf(pub)
	if kind == nil || kind.family != familyECDSA || si.scheme.family != familyECDSA {
		return si.Algorithm
	}
	return "ecdsa-" + kind.name + "-" + digestRowOf(si.scheme.hash).Name
}

// parseSignerInfo reads RFC 5652, Section 5.3:
//
//	SignerInfo ::= SEQUENCE {
//	  version             CMSVersion,
//	  sid                 SignerIdentifier,
//	  digestAlgorithm     DigestAlgorithmIdentifier,
//	  signedAttrs         [0] IMPLICIT SignedAttributes OPTIONAL,
//	  signatureAlgorithm  SignatureAlgorithmIdentifier,
//	  signature           SignatureValue,
//	  unsignedAttrs       [1] IMPLICIT UnsignedAttributes OPTIONAL }
//
// Unsigned attributes prove nothing, because anyone can add them: they are read only for who wants
// them (Unsigned), and nothing in them makes the rest malformed. at is the offset of der in the
// input.
func parseSignerInfo(der []byte, at int64) (*SignerInfo, error) {
	si := &SignerInfo{offset: at}
	outer := cryptobyte.String(der)
	var s, attrs, signature, unsigned cryptobyte.String
	field := ""
	switch {
	case !outer.ReadASN1(&s, cbasn1.SEQUENCE) || !s.SkipASN1(cbasn1.INTEGER):
		field = "version"
	case !si.readIdentifier(&s):
		field = "sid"
	case !readAlgorithm(&s, &si.digestAlgorithm, cbasn1.SEQUENCE):
		field = "digestAlgorithm"
	case !s.ReadOptionalASN1(&attrs, &si.SignedAttributes, context0):
		field = "signedAttrs"
	case !readAlgorithm(&s, &si.signatureAlgorithm, cbasn1.SEQUENCE):
		field = "signatureAlgorithm"
	case !s.ReadASN1(&signature, cbasn1.OCTET_STRING):
		field = "signature"
	case !s.ReadOptionalASN1(&unsigned, nil, context1) || !s.Empty():
		field = "unsignedAttrs"
	}
	if field != "" {
		return nil, &SyntaxError{Offset: at, Reason: "SignerInfo: " + field}
	}
	si.signature, si.rawUnsigned = signature, unsigned
	si.resolveAlgorithms()
	return si, si.readSignedAttributes(attrs)
}

// readIdentifier reads
//
//	SignerIdentifier ::= CHOICE {
//	  issuerAndSerialNumber  IssuerAndSerialNumber,
//	  subjectKeyIdentifier   [0] SubjectKeyIdentifier }
//
//	IssuerAndSerialNumber ::= SEQUENCE {
//	  issuer        Name,
//	  serialNumber  CertificateSerialNumber }
func (si *SignerInfo) readIdentifier(s *cryptobyte.String) bool {
	var id, issuer, serial cryptobyte.String
	// RFC 5652, Section 5.3: subjectKeyIdentifier is [0] IMPLICIT.
	if s.PeekASN1Tag(cbasn1.Tag(ber.TagImplicitOctet)) {
		ok := s.ReadASN1(&id, cbasn1.Tag(ber.TagImplicitOctet))
		si.SubjectKeyID = id
		return ok && len(id) > 0
	}
	ok := s.ReadASN1(&id, cbasn1.SEQUENCE) && id.ReadASN1Element(&issuer, cbasn1.SEQUENCE) &&
		id.ReadASN1(&serial, cbasn1.INTEGER) && id.Empty()
	si.RawIssuer, si.Serial = issuer, serial
	return ok && len(serial) > 0
}

// resolveAlgorithms sets the fields that depend on both algorithm identifiers.
func (si *SignerInfo) resolveAlgorithms() {
	si.DigestAlgorithm, _ = digestOf(si.digestAlgorithm.OID)
	si.scheme, si.schemeErr = schemeOf(si.digestAlgorithm, si.signatureAlgorithm)
	// RFC 9882, Section 3.3: without signed attributes the digest algorithm is to be ignored.
	if s, named, err := signatureScheme(si.signatureAlgorithm); err == nil && named == 0 && familyTable[s.family].pure && !si.SignedAttributes {
		s.hash = crypto.SHA512
		si.scheme, si.schemeErr = s, nil
	}
	si.Algorithm = si.scheme.String()
	if si.Algorithm == "" {
		si.Algorithm = si.signatureAlgorithm.String()
	}
}

// readSignedAttributes reads the signed attributes. Verify reports contents that are wrong; the
// error is about their number.
func (si *SignerInfo) readSignedAttributes(contents []byte) error {
	if !si.SignedAttributes {
		return nil
	}
	// RFC 5652, Section 5.4: hashed is the SET, not the [0] it travels as.
	si.rawAttributes = ber.TLV(ber.TagSet, contents)
	var err error
	si.attributes, si.attributesErr, err = parseAttributes(contents)
	si.MessageDigest = si.attributes.messageDigest
	si.SigningTime = si.attributes.signingTime
	si.Capabilities = si.attributes.capabilities
	return err
}
