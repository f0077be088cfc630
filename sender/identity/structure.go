package identity

import (
	"encoding/asn1"
	"fmt"
	"strings"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// structures begin with these elements: I is an INTEGER, 3 the INTEGER 3, O an OCTET STRING, B a
// BIT STRING, D an OBJECT IDENTIFIER, ? another one, and S a SEQUENCE, with the letter of its own
// first element after it. The first that fits counts.
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

// formOfASN1 tells structures in DER or BER apart by their first elements.
func formOfASN1(data []byte) fileForm {
	tags := firstTags(data)
	for _, s := range structures {
		if strings.HasPrefix(tags, s.tags) {
			return s.form
		}
	}
	return formUnknown
}

// maxTags is how many elements of a structure tell what it is: those of RSAPrivateKey.
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

// splitAlgorithm takes an AlgorithmIdentifier apart (RFC 5280, Section 4.1.1.2): its OID in
// figures, "" where it is malformed, and the parameters, nil where they are absent.
func splitAlgorithm(der cryptobyte.String) (oid string, parameters []byte) {
	var s cryptobyte.String
	var id asn1.ObjectIdentifier
	if !der.ReadASN1(&s, cbasn1.SEQUENCE) || !s.ReadASN1ObjectIdentifier(&id) {
		return "", nil
	}
	return id.String(), s
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

// Algorithms and curves of the keys that sign.
const (
	oidRSA     = "1.2.840.113549.1.1.1"
	oidRSAPSS  = "1.2.840.113549.1.1.10"
	oidEC      = "1.2.840.10045.2.1"
	oidEd25519 = "1.3.101.112"
	oidP256    = "1.2.840.10045.3.1.7"
	oidP384    = "1.3.132.0.34"
	oidP521    = "1.3.132.0.35"
)

// otherAlgorithms are the names of algorithms whose keys are not supported.
var otherAlgorithms = map[string]string{
	"1.2.840.113549.1.1.7": "an RSA key for encryption only (RSAES-OAEP)",
	"1.2.840.113549.1.3.1": "a Diffie-Hellman key", "1.2.840.10046.2.1": "a Diffie-Hellman key",
	"1.2.840.10040.4.1": "a DSA key",
	"1.3.101.110":       "an X25519 key, which is for encryption only", "1.3.101.111": "an X448 key, which is for encryption only",
	"1.3.101.113":             "an Ed448 key",
	"2.16.840.1.101.3.4.3.17": "an ML-DSA-44 key", "2.16.840.1.101.3.4.3.18": "an ML-DSA-65 key", "2.16.840.1.101.3.4.3.19": "an ML-DSA-87 key",
	"2.16.840.1.101.3.4.4.1": "an ML-KEM-512 key", "2.16.840.1.101.3.4.4.2": "an ML-KEM-768 key", "2.16.840.1.101.3.4.4.3": "an ML-KEM-1024 key",
	"1.2.643.7.1.1.1.1": "a GOST R 34.10 key", "1.2.643.7.1.1.1.2": "a GOST R 34.10 key", "1.2.643.2.2.19": "a GOST R 34.10 key",
}

// slhDSA begins the OIDs of SLH-DSA and of its parameter sets, 20 to 31 (RFC 9814, Section 3).
const slhDSA = "2.16.840.1.101.3.4.3."

// unsupportedAlgorithm is the error for a key of another algorithm.
func unsupportedAlgorithm(oid string) error {
	name := otherAlgorithms[oid]
	switch {
	case name != "":
	case strings.HasPrefix(oid, slhDSA) && len(oid) == len(slhDSA)+2 && oid >= slhDSA+"20" && oid <= slhDSA+"31":
		name = "an SLH-DSA key"
	default:
		name = fmt.Sprintf("a key of the unknown algorithm %s", oid)
	}
	return &foreignForm{form: name + "; RSA, ECDSA and Ed25519 keys sign", advice: newKeyAdvice}
}

// otherCurves are the names of curves that are not supported.
var otherCurves = map[string]string{
	"1.2.840.10045.3.1.1": "P-192", "1.3.132.0.33": "P-224", "1.3.132.0.10": "secp256k1", "1.2.156.10197.1.301": "SM2",
	"1.3.36.3.3.2.8.1.1.1": "brainpoolP160r1", "1.3.36.3.3.2.8.1.1.2": "brainpoolP160t1",
	"1.3.36.3.3.2.8.1.1.3": "brainpoolP192r1", "1.3.36.3.3.2.8.1.1.4": "brainpoolP192t1",
	"1.3.36.3.3.2.8.1.1.5": "brainpoolP224r1", "1.3.36.3.3.2.8.1.1.6": "brainpoolP224t1",
	"1.3.36.3.3.2.8.1.1.7": "brainpoolP256r1", "1.3.36.3.3.2.8.1.1.8": "brainpoolP256t1",
	"1.3.36.3.3.2.8.1.1.9": "brainpoolP320r1", "1.3.36.3.3.2.8.1.1.10": "brainpoolP320t1",
	"1.3.36.3.3.2.8.1.1.11": "brainpoolP384r1", "1.3.36.3.3.2.8.1.1.12": "brainpoolP384t1",
	"1.3.36.3.3.2.8.1.1.13": "brainpoolP512r1", "1.3.36.3.3.2.8.1.1.14": "brainpoolP512t1",
}

// checkCurve names the curve of an EC key that is not supported. Absent parameters are left to
// crypto/x509.
// RFC 5480, Section 2.1.1: the curve is named.
func checkCurve(parameters cryptobyte.String) error {
	var id asn1.ObjectIdentifier
	switch {
	case len(parameters) == 0:
		return nil
	case parameters.PeekASN1Tag(cbasn1.SEQUENCE):
		return &foreignForm{
			form:   "an EC key that spells out the parameters of its curve; the curve must be named",
			advice: "convert it with: openssl ec -in OLD -param_enc named_curve -out {}",
		}
	case !parameters.ReadASN1ObjectIdentifier(&id):
		return malformed(fmt.Errorf("no curve"))
	}
	switch oid := id.String(); oid {
	case oidP256, oidP384, oidP521:
		return nil
	default:
		name := otherCurves[oid]
		if name == "" {
			name = "unknown curve " + oid
		}
		return &foreignForm{form: fmt.Sprintf("an EC key on the curve %s; P-256, P-384 and P-521 sign", name), advice: newKeyAdvice}
	}
}
