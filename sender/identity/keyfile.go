package identity

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"dnseal/smime/cms"
)

// keyFileContents is what a key file holds.
type keyFileContents struct {
	key crypto.Signer
	// pss says that the schemeLine stands above the key.
	pss bool
	// certificates of the same file, as DER.
	certificates [][]byte
}

var (
	pemBegin      = []byte("-----BEGIN ")
	byteOrderMark = []byte("\ufeff")
)

// readKeyFile reads a private key in PEM, DER or PKCS #12; password is for PKCS #12. Errors are a
// *foreignForm for a file that holds something else or a malformed key.
func readKeyFile(data []byte, password string) (keyFileContents, error) {
	data = plainText(data)
	if bytes.Contains(data, pemBegin) {
		return readKeyPEM(data, password)
	}
	switch form := formOf(data); {
	case form == formPKCS12:
		return readPKCS12(data, password)
	case !form.isKey():
		return keyFileContents{}, form.foreign()
	default:
		key, err := parseKey(form, data)
		return keyFileContents{key: key}, err
	}
}

// plainText removes a byte order mark, and makes line ends of CR alone those of PEM.
func plainText(data []byte) []byte {
	data = bytes.TrimPrefix(data, byteOrderMark)
	if bytes.HasPrefix(data, pemBegin) && !bytes.Contains(data, []byte("\n")) {
		return bytes.ReplaceAll(data, []byte("\r"), []byte("\n"))
	}
	return data
}

// readKeyPEM reads the first private key of a PEM file: PKCS #8, or the older forms of openssl (RFC
// 5915, Section 3; RFC 8017, Appendix A.1.2); and the certificates in it.
func readKeyPEM(data []byte, password string) (found keyFileContents, err error) {
	all := data
	var other *foreignForm
	for {
		block, rest := pem.Decode(data)
		if block == nil {
			return found, missingKey(found, other, all)
		}
		text := data[:max(bytes.Index(data, pemBegin), 0)]
		data = rest
		form := formOfBlock(block)
		switch {
		case form == formCertificate:
			found.certificates = append(found.certificates, block.Bytes)
		case found.key != nil: // only certificates are read after it
		case form == formEncrypted:
			return found, form.foreign()
		case form == formPKCS12:
			return readPKCS12(block.Bytes, password)
		case form.isKey():
			found.pss = hasSchemeLine(string(text))
			if found.key, err = parseKey(form, block.Bytes); err != nil {
				return found, err
			}
		// these stand before the key in openssl's files
		case other == nil || other.form == string(formParameters):
			other = form.foreign()
		}
	}
}

// missingKey says what a PEM file holds in place of a key; nil where it has one.
func missingKey(found keyFileContents, other *foreignForm, data []byte) error {
	switch {
	case found.key != nil:
		return nil
	case other != nil:
		return other
	case len(found.certificates) > 0:
		return formCertificate.foreign()
	}
	return formOfBroken(data).foreign()
}

// parseKey reads the DER of a private key.
func parseKey(form fileForm, der []byte) (crypto.Signer, error) {
	var key any
	var err error
	switch form {
	case formPKCS8:
		return parsePKCS8(der)
	case formSEC1:
		if err = checkCurve(sec1Curve(der)); err != nil {
			return nil, err
		}
		key, err = x509.ParseECPrivateKey(der)
	case formPSS:
		return parsePSSKey(nil, der)
	default:
		key, err = x509.ParsePKCS1PrivateKey(der)
	}
	if err != nil {
		return nil, malformed(err)
	}
	return asSigner(key)
}

// malformed is for what crypto/x509 does not read although its form is known. Its words are those
// of a parser: the cause that they have is kept, and the hint says how to see more.
func malformed(err error) error {
	return &foreignForm{form: "a private key that is malformed", advice: "see what openssl finds in it: openssl pkey -in {} -noout -check", cause: err}
}

// parsePKCS8 reads RFC 5958, Section 2:
//
//	OneAsymmetricKey ::= SEQUENCE {
//	  version              INTEGER,
//	  privateKeyAlgorithm  AlgorithmIdentifier,
//	  privateKey           OCTET STRING,
//	  … }
func parsePKCS8(der []byte) (crypto.Signer, error) {
	var key struct {
		algorithm cryptobyte.String // with its header
		private   cryptobyte.String
	}
	outer := cryptobyte.String(der)
	var s cryptobyte.String
	if !outer.ReadASN1(&s, cbasn1.SEQUENCE) || !s.SkipASN1(cbasn1.INTEGER) ||
		!s.ReadASN1Element(&key.algorithm, cbasn1.SEQUENCE) || !s.ReadASN1(&key.private, cbasn1.OCTET_STRING) {
		return nil, malformed(errors.New("no PKCS #8"))
	}
	id, parameters := splitAlgorithm(key.algorithm)
	switch id.String() {
	case oidRSAPSS:
		return parsePSSKey(key.algorithm, key.private)
	case oidEC:
		if err := checkCurve(parameters); err != nil {
			return nil, err
		}
	case oidRSA, oidEd25519:
	case "":
		return nil, malformed(errors.New("no algorithm"))
	default:
		return nil, unsupportedAlgorithm(id)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, malformed(err)
	}
	return asSigner(parsed)
}

// parsePSSKey reads the RSAPrivateKey of a key for RSASSA-PSS only, whose parameters, in the
// AlgorithmIdentifier, can restrict it (RFC 4055, Section 3.1); nil: it has none.
func parsePSSKey(algorithm, der []byte) (crypto.Signer, error) {
	key, err := x509.ParsePKCS1PrivateKey(der)
	if err != nil {
		return nil, malformed(err)
	}
	if algorithm == nil {
		return asSigner(&pssKey{key, &cms.PSSPublicKey{PublicKey: &key.PublicKey}})
	}
	var spki cryptobyte.Builder
	spki.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddBytes(algorithm)
		b.AddASN1BitString(x509.MarshalPKCS1PublicKey(&key.PublicKey))
	})
	pub, err := cms.ParsePublicKey(spki.BytesOrPanic())
	if err != nil {
		return nil, &foreignForm{form: "an RSASSA-PSS key that is restricted to other digests than SHA-256, SHA-384 or SHA-512, or to another one for the mask (MGF1)", advice: pssAdvice}
	}
	return asSigner(&pssKey{key, pub.(*cms.PSSPublicKey)})
}

// asSigner accepts the keys S/MIME 4.0 can sign with (RFC 8551, Section 2.2; RFC 8550, Section 4.3
// for RSA sizes).
func asSigner(key any) (crypto.Signer, error) {
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("keys of type %T cannot sign mail", key)
	}
	if _, err := cms.SigningDigest(signer.Public()); err != nil {
		advice := newKeyAdvice
		if _, only := key.(*pssKey); only {
			advice = pssAdvice
		}
		return nil, &foreignForm{form: "a key that cannot sign mail", advice: advice, cause: errors.New(strings.TrimPrefix(err.Error(), cms.ErrUnsupportedKey.Error()+": "))}
	}
	return signer, nil
}
