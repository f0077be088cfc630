package cms

import (
	"bytes"
	"encoding/asn1"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"dnseal/smime/cms/internal/ber"
)

// Object identifiers, as the contents octets of their DER.
const (
	// RFC 5652, Section 4.
	oidData = "\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01"
	// RFC 5652, Section 5.1.
	oidSignedData = "\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02"

	// RFC 3370, Section 2.2.
	oidMD5 = "\x2a\x86\x48\x86\xf7\x0d\x02\x05"
	// RFC 5652, Section 11.1.
	oidContentType = "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x03"
	// RFC 5652, Section 11.2.
	oidMessageDigest = "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x04"
	// RFC 5652, Section 11.3.
	oidSigningTime = "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x05"
	// RFC 8551, Section 2.5.2.
	oidSMIMECapabilities = "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x0f"
	// RFC 2634, Section 5.4.
	oidSigningCertificate = "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x02\x0c"
	// RFC 5035, Section 3.
	oidSigningCertificateV2 = "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x02\x2f"
	// RFC 6211, Section 2.
	oidAlgorithmProtection = "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x34"

	// RFC 3370, Section 2.1.
	oidSHA1 = "\x2b\x0e\x03\x02\x1a"
	// RFC 5754, Section 2.2.
	oidSHA256 = "\x60\x86\x48\x01\x65\x03\x04\x02\x01"
	// RFC 5754, Section 2.3.
	oidSHA384 = "\x60\x86\x48\x01\x65\x03\x04\x02\x02"
	// RFC 5754, Section 2.4.
	oidSHA512 = "\x60\x86\x48\x01\x65\x03\x04\x02\x03"

	// Digest algorithms that are only known by name.
	oidMD2         = "\x2a\x86\x48\x86\xf7\x0d\x02\x02"
	oidMD4         = "\x2a\x86\x48\x86\xf7\x0d\x02\x04"
	oidRIPEMD160   = "\x2b\x24\x03\x02\x01"
	oidGOST94      = "\x2a\x85\x03\x02\x02\x09"
	oidStreebog256 = "\x2a\x85\x03\x07\x01\x01\x02\x02"
	oidStreebog512 = "\x2a\x85\x03\x07\x01\x01\x02\x03"
	oidSM3         = "\x2a\x81\x1c\xcf\x55\x01\x83\x11"
	// oidNISTHash is the arc of SHA-2, SHA-3 and SHAKE, which have the numbers 1 to
	// lastNISTHash in it.
	oidNISTHash  = "\x60\x86\x48\x01\x65\x03\x04\x02"
	lastNISTHash = 18

	// Formats of revocation data (RFC 5940, Section 2).
	oidOCSPResponse = "\x2b\x06\x01\x05\x05\x07\x10\x02"
	oidSCVPResponse = "\x2b\x06\x01\x05\x05\x07\x10\x04"

	// RFC 3370, Section 3.2.
	oidRSA         = "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01"
	oidMD5WithRSA  = "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x04"
	oidSHA1WithRSA = "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x05"
	// RFC 4055, Section 2.2.
	oidMGF1 = "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x08"
	// RFC 4055, Section 3.
	oidRSAPSS = "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a"
	// RFC 5754, Section 3.2.
	oidSHA256WithRSA = "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b"
	oidSHA384WithRSA = "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0c"
	oidSHA512WithRSA = "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0d"

	// RFC 5480, Section 2.1.1.
	oidECPublicKey   = "\x2a\x86\x48\xce\x3d\x02\x01"
	oidECDSAWithSHA1 = "\x2a\x86\x48\xce\x3d\x04\x01"
	// RFC 5754, Section 3.3.
	oidECDSAWithSHA256 = "\x2a\x86\x48\xce\x3d\x04\x03\x02"
	oidECDSAWithSHA384 = "\x2a\x86\x48\xce\x3d\x04\x03\x03"
	oidECDSAWithSHA512 = "\x2a\x86\x48\xce\x3d\x04\x03\x04"
	// RFC 8410, Section 3.
	oidEd25519 = "\x2b\x65\x70"
)

// objectIdentifier is the OID with these contents octets, nil when they are none.
func objectIdentifier(contents string) asn1.ObjectIdentifier {
	switch contents {
	case oidData:
		return asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 1}
	case oidSignedData:
		return asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}
	}
	der := cryptobyte.String(ber.TLV(ber.TagOID, []byte(contents)))
	var id asn1.ObjectIdentifier
	if !der.ReadASN1ObjectIdentifier(&id) {
		return nil
	}
	return id
}

// readOID reads an OBJECT IDENTIFIER and returns its contents octets.
func readOID(b *ber.Reader, name string) (string, error) {
	at := b.Offset()
	der, err := b.Tagged(ber.TagOID, name, ber.LimitElement)
	if err != nil {
		return "", err
	}
	element := cryptobyte.String(der)
	var contents cryptobyte.String
	ok := element.ReadASN1(&contents, cbasn1.OBJECT_IDENTIFIER)
	switch id := string(contents); {
	case id == oidSignedData || id == oidData:
		return id, nil
	case ok && objectIdentifier(id) != nil:
		return id, nil
	}
	return "", &SyntaxError{Offset: at, Reason: name + ": not an OBJECT IDENTIFIER"}
}

// Context-specific tags of constructed elements, for cryptobyte.
const (
	context0 = cbasn1.Tag(ber.TagContext0)
	context1 = cbasn1.Tag(ber.TagContext1)
	context2 = cbasn1.Tag(ber.TagContext2)
	context3 = cbasn1.Tag(ber.TagContext3)
)

// algorithmIdentifier is RFC 5280, Section 4.1.1.2, unpacked:
//
//	AlgorithmIdentifier ::= SEQUENCE {
//	  algorithm   OBJECT IDENTIFIER,
//	  parameters  ANY DEFINED BY algorithm OPTIONAL }
type algorithmIdentifier struct {
	oid        []byte // contents octets
	parameters []byte // DER of one element; nil when absent
}

// readAlgorithm reads an AlgorithmIdentifier with this tag from s.
func readAlgorithm(s *cryptobyte.String, out *algorithmIdentifier, tag cbasn1.Tag) bool {
	var contents, oid, parameters cryptobyte.String
	if !s.ReadASN1(&contents, tag) || !contents.ReadASN1(&oid, cbasn1.OBJECT_IDENTIFIER) {
		return false
	}
	*out = algorithmIdentifier{oid: oid}
	if contents.Empty() {
		return true
	}
	var kind cbasn1.Tag
	if !contents.ReadAnyASN1Element(&parameters, &kind) || !contents.Empty() {
		return false
	}
	out.parameters = parameters
	return true
}

// plain says that parameters are absent or NULL, as older programs write (RFC 5754,
// Section 2: accept both).
func (a algorithmIdentifier) plain() bool {
	return len(a.parameters) == 0 || bytes.Equal(a.parameters, []byte{ber.TagNull, 0})
}

// same compares two identifiers, absent parameters and NULL being the same (RFC 6211, Section 2).
func (a algorithmIdentifier) same(b algorithmIdentifier) bool {
	return bytes.Equal(a.oid, b.oid) && (a.plain() && b.plain() || bytes.Equal(a.parameters, b.parameters))
}

// String is the name of the algorithm, for people.
func (a algorithmIdentifier) String() string { return nameOf(string(a.oid)) }

// encodeAlgorithm is the DER of an AlgorithmIdentifier; parameters are DER, nil when absent.
func encodeAlgorithm(oid string, parameters []byte) []byte {
	return ber.TLV(ber.TagSequence, ber.TLV(ber.TagOID, []byte(oid)), parameters)
}
