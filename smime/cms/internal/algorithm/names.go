package algorithm

import "encoding/asn1"

// Name is the name of what an OID stands for in a message or a certificate, as the field
// writes it: "ML-DSA-65", "ECDSA with SHA-224", "SHA3-256", "X25519"; of an unknown one the dotted
// OID. Names are for people. Content types and attributes have theirs too.
func Name(oid asn1.ObjectIdentifier) string {
	dotted := oid.String()
	for _, names := range []map[string]string{Names, encryptionNames} {
		if name, ok := names[dotted]; ok {
			return name
		}
	}
	return dotted
}

// NameOf is Name for the contents octets of an OID.
func NameOf(contents string) string {
	if id := ObjectIdentifier(contents); id != nil {
		return Name(id)
	}
	return "an unreadable identifier"
}

// Names are the algorithms that occur in signed mail and in its certificates, whether or not
// they are computed here, and the content types and attributes that reports name.
var Names = map[string]string{
	// Content types: RFC 5652, Sections 4 to 9; RFC 5083, Section 2.1; RFC 3161, Section 2.4.2.
	"1.2.840.113549.1.7.1":       "data",
	"1.2.840.113549.1.7.2":       "signedData",
	"1.2.840.113549.1.7.3":       "envelopedData",
	"1.2.840.113549.1.7.5":       "digestedData",
	"1.2.840.113549.1.7.6":       "encryptedData",
	"1.2.840.113549.1.9.16.1.2":  "authenticatedData",
	"1.2.840.113549.1.9.16.1.9":  "compressedData",
	"1.2.840.113549.1.9.16.1.23": "authEnvelopedData",
	"1.2.840.113549.1.9.16.1.4":  "tSTInfo",
	"1.2.840.113549.1.9.16.1.1":  "receipt",

	// Attributes: RFC 5652, Section 11; RFC 8551, Section 2.5; RFC 5035, Section 3; RFC 6211.
	"1.2.840.113549.1.9.3":       "contentType",
	"1.2.840.113549.1.9.4":       "messageDigest",
	"1.2.840.113549.1.9.5":       "signingTime",
	"1.2.840.113549.1.9.15":      "SMIMECapabilities",
	"1.2.840.113549.1.9.16.2.12": "signingCertificate",
	"1.2.840.113549.1.9.16.2.47": "signingCertificateV2",
	"1.2.840.113549.1.9.52":      "CMSAlgorithmProtection",

	// Digests: RFC 1319, RFC 1320, RFC 1321; RFC 3370, Section 2.1; ISO/IEC 10118-3.
	"1.2.840.113549.2.2":         "MD2",
	"1.2.840.113549.2.4":         "MD4",
	"1.2.840.113549.2.5":         "MD5",
	"1.3.14.3.2.26":              "SHA-1",
	"1.3.36.3.2.1":               "RIPEMD-160",
	"1.3.36.3.2.2":               "RIPEMD-128",
	"1.3.36.3.2.3":               "RIPEMD-256",
	"1.0.10118.3.0.49":           "RIPEMD-160",
	"1.0.10118.3.0.55":           "Whirlpool",
	"1.3.6.1.4.1.1722.12.2.1.16": "BLAKE2b-512",
	"1.3.6.1.4.1.1722.12.2.2.8":  "BLAKE2s-256",
	// FIPS 180-4 and FIPS 202.
	"2.16.840.1.101.3.4.2.1":  "SHA-256",
	"2.16.840.1.101.3.4.2.2":  "SHA-384",
	"2.16.840.1.101.3.4.2.3":  "SHA-512",
	"2.16.840.1.101.3.4.2.4":  "SHA-224",
	"2.16.840.1.101.3.4.2.5":  "SHA-512/224",
	"2.16.840.1.101.3.4.2.6":  "SHA-512/256",
	"2.16.840.1.101.3.4.2.7":  "SHA3-224",
	"2.16.840.1.101.3.4.2.8":  "SHA3-256",
	"2.16.840.1.101.3.4.2.9":  "SHA3-384",
	"2.16.840.1.101.3.4.2.10": "SHA3-512",
	"2.16.840.1.101.3.4.2.11": "SHAKE128",
	"2.16.840.1.101.3.4.2.12": "SHAKE256",
	"2.16.840.1.101.3.4.2.17": "SHAKE128 of chosen length",
	"2.16.840.1.101.3.4.2.18": "SHAKE256 of chosen length",

	// RSA: RFC 8017, Appendix C; RFC 8702; FIPS 186-5 with SHA-3.
	"1.2.840.113549.1.1.1":    "RSA",
	"1.2.840.113549.1.1.2":    "RSA with MD2",
	"1.2.840.113549.1.1.3":    "RSA with MD4",
	"1.2.840.113549.1.1.4":    "RSA with MD5",
	"1.2.840.113549.1.1.5":    "RSA with SHA-1",
	"1.2.840.113549.1.1.7":    "RSAES-OAEP",
	"1.2.840.113549.1.1.8":    "MGF1",
	"1.2.840.113549.1.1.10":   "RSASSA-PSS",
	"1.2.840.113549.1.1.11":   "RSA with SHA-256",
	"1.2.840.113549.1.1.12":   "RSA with SHA-384",
	"1.2.840.113549.1.1.13":   "RSA with SHA-512",
	"1.2.840.113549.1.1.14":   "RSA with SHA-224",
	"1.2.840.113549.1.1.15":   "RSA with SHA-512/224",
	"1.2.840.113549.1.1.16":   "RSA with SHA-512/256",
	"1.3.14.3.2.15":           "RSA with SHA",
	"1.3.14.3.2.29":           "RSA with SHA-1",
	"1.3.36.3.3.1.2":          "RSA with RIPEMD-160",
	"1.3.6.1.5.5.7.6.30":      "RSASSA-PSS with SHAKE128",
	"1.3.6.1.5.5.7.6.31":      "RSASSA-PSS with SHAKE256",
	"2.16.840.1.101.3.4.3.13": "RSA with SHA3-224",
	"2.16.840.1.101.3.4.3.14": "RSA with SHA3-256",
	"2.16.840.1.101.3.4.3.15": "RSA with SHA3-384",
	"2.16.840.1.101.3.4.3.16": "RSA with SHA3-512",

	// Elliptic curves: RFC 5480; RFC 5758, Section 3.2; RFC 8702; BSI TR-03111, Section 5.2.
	"1.2.840.10045.2.1":         "EC",
	"1.2.840.10045.4.1":         "ECDSA with SHA-1",
	"1.2.840.10045.4.2":         "ECDSA with the digest of the key's size",
	"1.2.840.10045.4.3":         "ECDSA with a digest in its parameters",
	"1.2.840.10045.4.3.1":       "ECDSA with SHA-224",
	"1.2.840.10045.4.3.2":       "ECDSA with SHA-256",
	"1.2.840.10045.4.3.3":       "ECDSA with SHA-384",
	"1.2.840.10045.4.3.4":       "ECDSA with SHA-512",
	"1.3.132.1.12":              "ECDH",
	"1.3.132.1.13":              "ECMQV",
	"1.3.6.1.5.5.7.6.32":        "ECDSA with SHAKE128",
	"1.3.6.1.5.5.7.6.33":        "ECDSA with SHAKE256",
	"2.16.840.1.101.3.4.3.9":    "ECDSA with SHA3-224",
	"2.16.840.1.101.3.4.3.10":   "ECDSA with SHA3-256",
	"2.16.840.1.101.3.4.3.11":   "ECDSA with SHA3-384",
	"2.16.840.1.101.3.4.3.12":   "ECDSA with SHA3-512",
	"0.4.0.127.0.7.1.1.4.1.1":   "PLAIN-ECDSA with SHA-1",
	"0.4.0.127.0.7.1.1.4.1.2":   "PLAIN-ECDSA with SHA-224",
	"0.4.0.127.0.7.1.1.4.1.3":   "PLAIN-ECDSA with SHA-256",
	"0.4.0.127.0.7.1.1.4.1.4":   "PLAIN-ECDSA with SHA-384",
	"0.4.0.127.0.7.1.1.4.1.5":   "PLAIN-ECDSA with SHA-512",
	"0.4.0.127.0.7.1.1.4.1.6":   "PLAIN-ECDSA with RIPEMD-160",
	"0.4.0.127.0.7.1.1.4.1.8":   "PLAIN-ECDSA with SHA3-224",
	"0.4.0.127.0.7.1.1.4.1.9":   "PLAIN-ECDSA with SHA3-256",
	"0.4.0.127.0.7.1.1.4.1.10":  "PLAIN-ECDSA with SHA3-384",
	"0.4.0.127.0.7.1.1.4.1.11":  "PLAIN-ECDSA with SHA3-512",
	"1.3.36.3.3.2.5.4.1":        "ECGDSA with RIPEMD-160",
	"1.3.36.3.3.2.5.4.2":        "ECGDSA with SHA-1",
	"1.3.36.3.3.2.5.4.3":        "ECGDSA with SHA-224",
	"1.3.36.3.3.2.5.4.4":        "ECGDSA with SHA-256",
	"1.3.36.3.3.2.5.4.5":        "ECGDSA with SHA-384",
	"1.3.36.3.3.2.5.4.6":        "ECGDSA with SHA-512",
	"1.2.804.2.1.1.1.1.3.1.1":   "DSTU 4145",
	"1.2.804.2.1.1.1.1.3.1.1.1": "DSTU 4145",
	"1.2.804.2.1.1.1.1.2.1":     "GOST 34.311-95",
	// RFC 8410, Section 3.
	"1.3.101.110": "X25519",
	"1.3.101.111": "X448",
	"1.3.101.112": "Ed25519",
	"1.3.101.113": "Ed448",

	// Finite fields: RFC 3279, Sections 2.3.2 and 2.3.3; RFC 5758, Section 3.1.
	"1.2.840.10040.4.1":      "DSA",
	"1.2.840.10040.4.3":      "DSA with SHA-1",
	"1.3.14.3.2.12":          "DSA",
	"1.3.14.3.2.13":          "DSA with SHA",
	"1.3.14.3.2.27":          "DSA with SHA-1",
	"1.2.840.10046.2.1":      "Diffie-Hellman",
	"1.2.840.113549.1.3.1":   "Diffie-Hellman",
	"2.16.840.1.101.3.4.3.1": "DSA with SHA-224",
	"2.16.840.1.101.3.4.3.2": "DSA with SHA-256",
	"2.16.840.1.101.3.4.3.3": "DSA with SHA-384",
	"2.16.840.1.101.3.4.3.4": "DSA with SHA-512",
	"2.16.840.1.101.3.4.3.5": "DSA with SHA3-224",
	"2.16.840.1.101.3.4.3.6": "DSA with SHA3-256",
	"2.16.840.1.101.3.4.3.7": "DSA with SHA3-384",
	"2.16.840.1.101.3.4.3.8": "DSA with SHA3-512",

	// Lattices and hashes: FIPS 203, 204 and 205; RFC 9881, RFC 9882, RFC 9814; RFC 9708, RFC 9802.
	"2.16.840.1.101.3.4.3.17":    "ML-DSA-44",
	"2.16.840.1.101.3.4.3.18":    "ML-DSA-65",
	"2.16.840.1.101.3.4.3.19":    "ML-DSA-87",
	"2.16.840.1.101.3.4.3.20":    "SLH-DSA-SHA2-128s",
	"2.16.840.1.101.3.4.3.21":    "SLH-DSA-SHA2-128f",
	"2.16.840.1.101.3.4.3.22":    "SLH-DSA-SHA2-192s",
	"2.16.840.1.101.3.4.3.23":    "SLH-DSA-SHA2-192f",
	"2.16.840.1.101.3.4.3.24":    "SLH-DSA-SHA2-256s",
	"2.16.840.1.101.3.4.3.25":    "SLH-DSA-SHA2-256f",
	"2.16.840.1.101.3.4.3.26":    "SLH-DSA-SHAKE-128s",
	"2.16.840.1.101.3.4.3.27":    "SLH-DSA-SHAKE-128f",
	"2.16.840.1.101.3.4.3.28":    "SLH-DSA-SHAKE-192s",
	"2.16.840.1.101.3.4.3.29":    "SLH-DSA-SHAKE-192f",
	"2.16.840.1.101.3.4.3.30":    "SLH-DSA-SHAKE-256s",
	"2.16.840.1.101.3.4.3.31":    "SLH-DSA-SHAKE-256f",
	"2.16.840.1.101.3.4.3.32":    "HashML-DSA-44 with SHA-512",
	"2.16.840.1.101.3.4.3.33":    "HashML-DSA-65 with SHA-512",
	"2.16.840.1.101.3.4.3.34":    "HashML-DSA-87 with SHA-512",
	"2.16.840.1.101.3.4.3.35":    "HashSLH-DSA-SHA2-128s with SHA-256",
	"2.16.840.1.101.3.4.3.36":    "HashSLH-DSA-SHA2-128f with SHA-256",
	"2.16.840.1.101.3.4.3.37":    "HashSLH-DSA-SHA2-192s with SHA-512",
	"2.16.840.1.101.3.4.3.38":    "HashSLH-DSA-SHA2-192f with SHA-512",
	"2.16.840.1.101.3.4.3.39":    "HashSLH-DSA-SHA2-256s with SHA-512",
	"2.16.840.1.101.3.4.3.40":    "HashSLH-DSA-SHA2-256f with SHA-512",
	"2.16.840.1.101.3.4.3.41":    "HashSLH-DSA-SHAKE-128s with SHAKE128",
	"2.16.840.1.101.3.4.3.42":    "HashSLH-DSA-SHAKE-128f with SHAKE128",
	"2.16.840.1.101.3.4.3.43":    "HashSLH-DSA-SHAKE-192s with SHAKE256",
	"2.16.840.1.101.3.4.3.44":    "HashSLH-DSA-SHAKE-192f with SHAKE256",
	"2.16.840.1.101.3.4.3.45":    "HashSLH-DSA-SHAKE-256s with SHAKE256",
	"2.16.840.1.101.3.4.3.46":    "HashSLH-DSA-SHAKE-256f with SHAKE256",
	"2.16.840.1.101.3.4.4.1":     "ML-KEM-512",
	"2.16.840.1.101.3.4.4.2":     "ML-KEM-768",
	"2.16.840.1.101.3.4.4.3":     "ML-KEM-1024",
	"1.2.840.113549.1.9.16.3.17": "HSS/LMS",
	"1.3.6.1.5.5.7.6.34":         "XMSS",
	"1.3.6.1.5.5.7.6.35":         "XMSSMT",

	// National ones: RFC 4491, RFC 9215; GM/T 0006.
	"1.2.643.2.2.3":       "GOST R 34.10-2001 with GOST R 34.11-94",
	"1.2.643.2.2.4":       "GOST R 34.10-94 with GOST R 34.11-94",
	"1.2.643.2.2.9":       "GOST R 34.11-94",
	"1.2.643.2.2.19":      "GOST R 34.10-2001",
	"1.2.643.2.2.20":      "GOST R 34.10-94",
	"1.2.643.7.1.1.1.1":   "GOST R 34.10-2012 (256 bits)",
	"1.2.643.7.1.1.1.2":   "GOST R 34.10-2012 (512 bits)",
	"1.2.643.7.1.1.2.2":   "GOST R 34.11-2012 (256 bits)",
	"1.2.643.7.1.1.2.3":   "GOST R 34.11-2012 (512 bits)",
	"1.2.643.7.1.1.3.2":   "GOST R 34.10-2012 with GOST R 34.11-2012 (256 bits)",
	"1.2.643.7.1.1.3.3":   "GOST R 34.10-2012 with GOST R 34.11-2012 (512 bits)",
	"1.2.156.10197.1.301": "SM2",
	"1.2.156.10197.1.401": "SM3",
	"1.2.156.10197.1.501": "SM2 with SM3",
	"1.2.156.10197.1.504": "RSA with SM3",
}
