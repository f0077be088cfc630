package cms

import (
	"encoding/asn1"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"dnseal/smime/cms/internal/algorithm"
	"dnseal/smime/cms/internal/ber"
)

// Object identifiers, as the contents octets of their DER.
const (
	oidData       = algorithm.OIDData
	oidSignedData = algorithm.OIDSignedData
	oidSHA1       = algorithm.OIDSHA1
	oidSHA256     = algorithm.OIDSHA256
	oidSHA384     = algorithm.OIDSHA384
	oidSHA512     = algorithm.OIDSHA512
	oidMGF1       = algorithm.OIDMGF1

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
	oidX25519  = "\x2b\x65\x6e"
	oidEd25519 = "\x2b\x65\x70"
	// RFC 9882, Section 2.
	oidMLDSA44 = "\x60\x86\x48\x01\x65\x03\x04\x03\x11"
	oidMLDSA65 = "\x60\x86\x48\x01\x65\x03\x04\x03\x12"
	oidMLDSA87 = "\x60\x86\x48\x01\x65\x03\x04\x03\x13"
	// RFC 9935, Section 3.
	oidMLKEM768  = "\x60\x86\x48\x01\x65\x03\x04\x04\x02"
	oidMLKEM1024 = "\x60\x86\x48\x01\x65\x03\x04\x04\x03"
)

// Context-specific tags of constructed elements, for cryptobyte.
const (
	context0 = cbasn1.Tag(ber.TagContext0)
	context1 = cbasn1.Tag(ber.TagContext1)
	context2 = cbasn1.Tag(ber.TagContext2)
	context3 = cbasn1.Tag(ber.TagContext3)
)

func objectIdentifier(contents string) asn1.ObjectIdentifier {
	return algorithm.ObjectIdentifier(contents)
}

func readOID(b *ber.Reader, name string) (string, error) { return algorithm.ReadOID(b, name) }

func readAlgorithm(s *cryptobyte.String, out *algorithmIdentifier, tag cbasn1.Tag) bool {
	return algorithm.Read(s, out, tag)
}

func encodeAlgorithm(oid string, parameters []byte) []byte { return algorithm.Encode(oid, parameters) }

// AlgorithmName is the name of what an OID stands for in a message or a certificate, as the field
// writes it: "ML-DSA-65", "ECDSA with SHA-224", "SHA3-256", "X25519"; of an unknown one the dotted
// OID. Names are for people. Content types and attributes have theirs too.
func AlgorithmName(oid asn1.ObjectIdentifier) string { return algorithm.Name(oid) }

func nameOf(contents string) string { return algorithm.NameOf(contents) }
