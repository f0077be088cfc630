package cms

import (
	"crypto"

	"dnseal/smime/cms/internal/ber"
)

// scheme is the combination of digestAlgorithm and signatureAlgorithm of one SignerInfo.
type scheme struct {
	family     family
	hash       crypto.Hash // of content and signed attributes; for Ed25519 of the content only
	saltLength int         // PSS
	// content is digestAlgorithm where it is another digest than goes with signatureAlgorithm,
	// whose is then hash; 0 where the two agree.
	content crypto.Hash
}

// String is the name without the key: "ecdsa-sha256", "rsa-sha256", "rsa-pss-sha256", "ed25519"; ""
// for the zero value.
func (s scheme) String() string {
	row := familyTable[s.family]
	if row.name == "" || row.pure {
		return row.name
	}
	return row.name + "-" + digestRowOf(s.hash).Name
}

// schemeOf puts the two algorithm identifiers of a SignerInfo together. The error is a
// *SignatureError: unsupported for what is not known, weak for MD5. Two that do not go together are
// no error here: checkValue says first whether the value is wrong.
func schemeOf(digest, signature algorithmIdentifier) (scheme, *SignatureError) {
	// RFC 8551, Section 2.1, does not name MD5; RFC 6151, Section 2: it is not for signatures.
	if string(digest.OID) == oidMD5 || string(signature.OID) == oidMD5WithRSA {
		return scheme{}, failure(CodeWeak, "MD5")
	}
	hash, ok := digestOf(digest.OID)
	if !ok {
		return scheme{}, failure(CodeUnsupported, "digest algorithm %s", digest)
	}
	if !digest.Plain() {
		return scheme{}, failure(CodeUnsupported, "digest algorithm %s with parameters", digest)
	}
	s, named, err := signatureScheme(signature)
	switch {
	case err != nil:
		return scheme{}, err
	case named == 0:
		s.hash = hash
	// RFC 5754, Section 3, and RFC 4056, Section 3: both name the same digest. RFC 8419, Section
	// 3.1: Ed25519 goes with SHA-512.
	case named != hash:
		s.hash, s.content = named, hash
	default:
		s.hash = named
	}
	return s, nil
}

// signatureScheme reads a signatureAlgorithm; named is the digest it brings with it, 0 for one that
// leaves it to digestAlgorithm.
func signatureScheme(alg algorithmIdentifier) (s scheme, named crypto.Hash, err *SignatureError) {
	for _, row := range signatureTable {
		if string(alg.OID) != row.oid {
			continue
		}
		s.family, named = row.family, row.digest
		switch row.parameters {
		// RFC 8419, Section 2.3.
		case parametersAbsent:
			if alg.Parameters != nil {
				return scheme{}, 0, failure(CodeUnsupported, "%s with parameters", alg)
			}
		// RFC 5754, Section 3.2: NULL is written, absent must be accepted. Section 3.3: absent.
		case parametersNull, parametersLeftOut:
			if !alg.Plain() {
				return scheme{}, 0, failure(CodeUnsupported, "%s with parameters other than NULL", alg)
			}
		// RFC 4056, Section 3.
		case parametersPSS:
			p, why := parsePSS(alg.Parameters)
			if why != "" {
				return scheme{}, 0, failure(CodeUnsupported, "%s", why)
			}
			s.saltLength, named = p.saltLength, p.hash
		case parametersIgnored:
		}
		return s, named, nil
	}
	return scheme{}, 0, failure(CodeUnsupported, "signature algorithm %s", alg)
}

// digestAlgorithm is the DER of the AlgorithmIdentifier.
func (s scheme) digestAlgorithm() []byte {
	// RFC 5754, Section 2: SHA-2 is written without parameters.
	return encodeAlgorithm(digestRowOf(s.hash).OID, nil)
}

// signatureAlgorithm is the DER of the AlgorithmIdentifier.
func (s scheme) signatureAlgorithm() []byte {
	for _, row := range signatureTable {
		if !row.signs || row.family != s.family || row.digest != 0 && row.digest != s.hash {
			continue
		}
		return encodeAlgorithm(row.oid, s.parameters(row.parameters))
	}
	return nil
}

// parameters is the DER of the parameters in a signatureAlgorithm; nil: absent.
func (s scheme) parameters(rule parameterRule) []byte {
	switch rule {
	case parametersNull:
		return ber.Null
	case parametersPSS:
		return s.pssParameters()
	default:
		return nil
	}
}
