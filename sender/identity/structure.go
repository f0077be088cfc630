package identity

import (
	"encoding/asn1"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"dnseal/smime/certificate"
	"dnseal/smime/cms"
)

// structures begin with these elements: I is an INTEGER, 3 the INTEGER 3, O an OCTET STRING, B a
// BIT STRING, D an OBJECT IDENTIFIER, ? another one, and S a SEQUENCE, with the letter of its own
// first element after it. The first match counts.
var structures = []struct {
	tags string
	form fileForm
}{
	{"3S", formPKCS12},       // RFC 7292, Section 4
	{"ISDO", formPKCS8},      // RFC 5958, Section 2
	{"SDO", formEncrypted},   // RFC 5958, Section 3
	{"SDB", formPublic},      // RFC 5280, Section 4.1
	{"IO", formSEC1},         // RFC 5915, Section 3
	{"IIIIIIIII", formPKCS1}, // RFC 8017, Appendix A.1.2
	{"IIIIII", formDSA},
	{"II", formPublic},      // RFC 8017, Appendix A.1.1
	{"SIS", formRequest},    // RFC 2986, Section 4.1
	{"S?", formCertificate}, // RFC 5280, Section 4.1: [0] is the version
	{"D", formPKCS7},        // RFC 5652, Section 3
}

// formOfASN1 distinguishes structures in DER or BER by their first elements.
func formOfASN1(data []byte) fileForm {
	tags := firstTags(data)
	for _, s := range structures {
		if strings.HasPrefix(tags, s.tags) {
			return s.form
		}
	}
	return formUnknown
}

// maxTags is how many elements of a structure are looked at: as many as RSAPrivateKey has.
const maxTags = 9

// firstTags writes the elements of the SEQUENCE in data as structures has them; "" where there is
// none.
func firstTags(data []byte) string {
	tag, contents, _ := cutElement(data)
	if tag != cbasn1.SEQUENCE {
		return ""
	}
	var tags []byte
	for i := 0; i < maxTags && len(contents) > 0; i++ {
		tag, element, rest := cutElement(contents)
		tags = append(tags, letter(tag, element))
		if tag == cbasn1.SEQUENCE {
			inner, first, _ := cutElement(element)
			tags = append(tags, letter(inner, first))
		}
		contents = rest
	}
	return string(tags)
}

func letter(tag cbasn1.Tag, contents []byte) byte {
	switch tag {
	case cbasn1.INTEGER:
		if string(contents) == "\x03" {
			return '3'
		}
		return 'I'
	case cbasn1.SEQUENCE:
		return 'S'
	case cbasn1.OCTET_STRING:
		return 'O'
	case cbasn1.BIT_STRING:
		return 'B'
	case cbasn1.OBJECT_IDENTIFIER:
		return 'D'
	default:
		return '?'
	}
}

// cutElement cuts the first element of BER off data (X.690, Section 8.1). The contents of one of
// indefinite length, or longer than data, are all the rest.
func cutElement(data []byte) (tag cbasn1.Tag, contents, rest []byte) {
	if len(data) < 2 {
		return 0, nil, nil
	}
	tag, length, data := cbasn1.Tag(data[0]), int(data[1]), data[2:]
	switch octets := length & 0x7f; {
	case length < 0x80:
	case octets == 0 || octets > 4 || octets > len(data):
		return tag, data, nil
	default:
		length = 0
		for _, c := range data[:octets] {
			length = length<<8 | int(c)
		}
		data = data[octets:]
	}
	if length < 0 || length > len(data) {
		return tag, data, nil
	}
	return tag, data[:length], data[length:]
}

// splitAlgorithm takes an AlgorithmIdentifier apart (RFC 5280, Section 4.1.1.2): its OID, nil where
// it is malformed, and the parameters, nil where they are absent.
func splitAlgorithm(der cryptobyte.String) (id asn1.ObjectIdentifier, parameters []byte) {
	var s cryptobyte.String
	if !der.ReadASN1(&s, cbasn1.SEQUENCE) || !s.ReadASN1ObjectIdentifier(&id) {
		return nil, nil
	}
	return id, s
}

// sec1Curve returns the parameters of RFC 5915, Section 3; nil where they are absent:
//
//	ECPrivateKey ::= SEQUENCE {
//	  version     INTEGER,
//	  privateKey  OCTET STRING,
//	  parameters  [0] ECParameters OPTIONAL,
//	  … }
func sec1Curve(der cryptobyte.String) []byte {
	var s, parameters cryptobyte.String
	var present bool
	if !der.ReadASN1(&s, cbasn1.SEQUENCE) || !s.SkipASN1(cbasn1.INTEGER) || !s.SkipASN1(cbasn1.OCTET_STRING) ||
		!s.ReadOptionalASN1(&parameters, &present, cbasn1.Tag(0).Constructed().ContextSpecific()) {
		return nil
	}
	return parameters
}

// Algorithms of the keys that sign.
const (
	oidRSA     = "1.2.840.113549.1.1.1"
	oidRSAPSS  = "1.2.840.113549.1.1.10"
	oidEC      = "1.2.840.10045.2.1"
	oidEd25519 = "1.3.101.112"
	oidX25519  = "1.3.101.110" // RFC 8410, Section 3: it does not sign
)

// encryptionOnly are algorithms whose keys cannot sign.
var encryptionOnly = []string{"RSAES-OAEP", "Diffie-Hellman", "X448", "ML-KEM-512"}

// unsupportedAlgorithm is the error for a key of another algorithm.
func unsupportedAlgorithm(id asn1.ObjectIdentifier) error {
	form := "a private key of the unknown algorithm " + id.String()
	if name := cms.AlgorithmName(id); name != id.String() {
		form = "a private " + name + " key"
		if slices.Contains(encryptionOnly, name) {
			form += ", which is for encryption only"
		}
	}
	return &foreignForm{form: form + "; RSA, ECDSA, Ed25519 and ML-DSA keys sign", advice: newKeyAdvice}
}

// checkCurve names the curve of an EC key that is not supported. Absent parameters are left to
// crypto/x509.
// RFC 5480, Section 2.1.1: the curve is named.
func checkCurve(parameters cryptobyte.String) error {
	var named cryptobyte.String
	var id asn1.ObjectIdentifier
	switch {
	case len(parameters) == 0:
		return nil
	case parameters.PeekASN1Tag(cbasn1.SEQUENCE):
		return &foreignForm{
			form:   "an EC key that spells out the parameters of its curve; the curve must be named",
			advice: "convert it with: openssl ec -in OLD -param_enc named_curve -out {}",
		}
	case !parameters.ReadASN1Element(&named, cbasn1.OBJECT_IDENTIFIER):
		return malformed(fmt.Errorf("no curve"))
	}
	name := certificate.CurveName(named)
	switch {
	case slices.Contains(curves, name):
		return nil
	case !named.ReadASN1ObjectIdentifier(&id):
		return malformed(fmt.Errorf("no curve"))
	case name == id.String():
		name = "unknown curve " + name
	}
	return &foreignForm{form: fmt.Sprintf("an EC key on the curve %s; P-256, P-384 and P-521 sign", name), advice: newKeyAdvice}
}

// curves are those of the keys that sign.
var curves = []string{"P-256", "P-384", "P-521"}
