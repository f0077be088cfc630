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

	"dnseal/sender/identity/pkcs8"
	"dnseal/smime/certificate"
	"dnseal/smime/cms"
)

// keyFileContents is what a key file holds: a private key, or a public one alone.
type keyFileContents struct {
	key    crypto.PrivateKey // a crypto.Signer, or a key for which onlyEncrypts is true
	public crypto.PublicKey  // of a file without a private key
	// pss says that the schemeLine stands above the key.
	pss bool
	// certificates of the same file, as DER.
	certificates [][]byte
}

var (
	pemBegin      = []byte("-----BEGIN ")
	byteOrderMark = []byte("\ufeff")
)

// readKeyFile reads a key in PEM, DER or PKCS #12, or that which a line names: a systemd credential
// or a token. Errors are a *foreignForm for a file that holds something else, a malformed key, or
// one that s does not open.
func readKeyFile(data []byte, s *secrets) (keyFileContents, error) {
	data = plainText(data)
	if form := formOf(data); form == formCredential {
		name := strings.TrimSpace(strings.TrimPrefix(firstLine(data), credentialPrefix))
		held, err := s.credential(name)
		if err != nil {
			return keyFileContents{}, err
		}
		return readHeldKey(plainText(held), s)
	}
	return readHeldKey(data, s)
}

// readHeldKey is readKeyFile for all but credentials, which do not name each other.
func readHeldKey(data []byte, s *secrets) (found keyFileContents, err error) {
	if bytes.Contains(data, pemBegin) {
		return readKeyPEM(data, s)
	}
	switch form := formOf(data); {
	case form == formPKCS12:
		return readPKCS12(data, s)
	case form == formEncrypted:
		found.key, err = readEncrypted(data, s)
	case form == formPublic:
		found.public, err = parsePublicKey(data)
	case form == formPKCS11:
		found.pss = hasSchemeLine(string(data))
		found.key, err = tokenKey(form, []byte(strings.TrimSpace(firstLine(data))), s)
	case !form.isKey():
		err = form.foreign()
	default:
		found.key, err = parseKey(form, data)
	}
	return found, err
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
// 5915, Section 3; RFC 8017, Appendix A.1.2), where there is none the first public key (RFC 7468,
// Section 13); and the certificates in it.
func readKeyPEM(data []byte, s *secrets) (found keyFileContents, err error) {
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
		case form == formRFC1421:
			return found, form.foreign()
		case form == formEncrypted:
			found.pss = hasSchemeLine(string(text))
			if found.key, err = readEncrypted(block.Bytes, s); err != nil {
				return found, err
			}
		case form == formPKCS12:
			return readPKCS12(block.Bytes, s)
		case form == formTPM:
			found.pss = hasSchemeLine(string(text))
			if found.key, err = tokenKey(form, block.Bytes, s); err != nil {
				return found, err
			}
		case form == formPublic && found.public == nil:
			// A private key after it counts, and then what this is does not matter.
			if found.public, err = parsePublicKey(block.Bytes); err != nil && other == nil {
				errors.As(err, &other)
			}
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
	case found.key != nil || found.public != nil:
		return nil
	case other != nil:
		return other
	case len(found.certificates) > 0:
		return formCertificate.foreign()
	}
	return formOfBroken(data).foreign()
}

// maxKey is the most octets of a private key: an RSA key of 16384 bits has 9300. With those of a
// whole file crypto/x509 would compute for hours.
const maxKey = 16 << 10

// parseKey reads the DER of a private key.
func parseKey(form fileForm, der []byte) (crypto.PrivateKey, error) {
	if len(der) > maxKey {
		return nil, &foreignForm{form: fmt.Sprintf("a private key of %d bytes, which is too large", len(der)), advice: newKeyAdvice}
	}
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
		if err = checkRSASize(der); err != nil {
			return nil, err
		}
		key, err = x509.ParsePKCS1PrivateKey(der)
	}
	if err != nil {
		return nil, malformed(err)
	}
	return asSigner(key)
}

// parsePublicKey reads a SubjectPublicKeyInfo (RFC 5280, Section 4.1.2.7), or an RSAPublicKey (RFC
// 8017, Appendix A.1.1), of a key that signs or decrypts.
func parsePublicKey(der []byte) (crypto.PublicKey, error) {
	pub, err := cms.ParsePublicKey(der)
	if err != nil {
		if key, e := x509.ParsePKCS1PublicKey(der); e == nil {
			pub, err = key, nil
		}
	}
	if err == nil && !onlyEncrypts(pub) {
		_, err = cms.SigningDigest(pub)
	}
	if err != nil {
		return nil, &foreignForm{form: "a public key that cannot be that of signed mail", advice: "get one of RSA (2048 to 4096 bit), ECDSA (P-256, P-384, P-521), Ed25519 or ML-DSA", cause: errors.New(strings.TrimPrefix(err.Error(), cms.ErrUnsupportedKey.Error()+": "))}
	}
	return pub, nil
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
func parsePKCS8(der []byte) (crypto.PrivateKey, error) {
	algorithm, private, err := privateKeyInfo(der)
	if err != nil {
		return nil, err
	}
	id, parameters := splitAlgorithm(algorithm)
	if pkcs8.HasSeed(id) {
		return parseSeed(der, id)
	}
	switch id.String() {
	case oidRSAPSS:
		return parsePSSKey(algorithm, private)
	case oidEC:
		if err = checkCurve(parameters); err != nil {
			return nil, err
		}
	case oidRSA:
		if err = checkRSASize(private); err != nil {
			return nil, err
		}
	case oidEd25519, oidX25519:
	case "":
		return nil, malformed(errors.New("no algorithm"))
	default:
		return nil, unsupportedAlgorithm(id)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, malformed(err)
	}
	return asUsable(parsed)
}

// privateKeyInfo returns the algorithm, with its header, and the private key.
func privateKeyInfo(der []byte) (algorithm, private cryptobyte.String, err error) {
	outer := cryptobyte.String(der)
	var s cryptobyte.String
	if !outer.ReadASN1(&s, cbasn1.SEQUENCE) || !s.SkipASN1(cbasn1.INTEGER) ||
		!s.ReadASN1Element(&algorithm, cbasn1.SEQUENCE) || !s.ReadASN1(&private, cbasn1.OCTET_STRING) {
		return nil, nil, malformed(errors.New("no PKCS #8"))
	}
	return algorithm, private, nil
}

// checkRSASize refuses an RSAPrivateKey (RFC 8017, Appendix A.1.2) whose numbers are larger than
// any that is computed with, before crypto/x509 computes with them.
func checkRSASize(der []byte) error {
	outer := cryptobyte.String(der)
	var s, number cryptobyte.String
	if !outer.ReadASN1(&s, cbasn1.SEQUENCE) || !s.SkipASN1(cbasn1.INTEGER) {
		return nil // crypto/x509 says what is wrong
	}
	const most = certificate.MaxRSABits / 8
	for s.ReadASN1(&number, cbasn1.INTEGER) {
		// RFC 8017: no number of a key is larger than the modulus. A first octet of zero is the
		// sign.
		if size := len(bytes.TrimLeft(number, "\x00")); size > most {
			return &foreignForm{form: fmt.Sprintf("an RSA key of about %d bits, and at most %d are computed with", 8*size, certificate.MaxRSABits), advice: newKeyAdvice}
		}
	}
	return nil
}

// parsePSSKey reads the RSAPrivateKey of a key for RSASSA-PSS only, whose parameters, in the
// AlgorithmIdentifier, can restrict it (RFC 4055, Section 3.1); nil: it has none.
func parsePSSKey(algorithm, der []byte) (crypto.Signer, error) {
	if err := checkRSASize(der); err != nil {
		return nil, err
	}
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

// asUsable is asSigner that accepts the keys too that only decrypt.
func asUsable(key crypto.PrivateKey) (crypto.PrivateKey, error) {
	if onlyEncrypts(publicOf(key)) {
		return key, nil
	}
	return asSigner(key)
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
