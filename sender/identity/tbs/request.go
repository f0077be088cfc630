package tbs

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"

	"filippo.io/mldsa"
	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

var errRequest = errors.New("identity: malformed certificate request")

// CreateRequest returns the DER of a request (PKCS #10) for a certificate of an ML-DSA key, whose
// SubjectPublicKeyInfo is spki, with what template says else (RFC 2986, Section 4; RFC 9881,
// Section 2). Errors: those of crypto/x509 for a template that cannot be written; another key; a
// malformed spki; those of the key.
func CreateRequest(template *x509.CertificateRequest, spki []byte, key crypto.Signer) ([]byte, error) {
	if _, isMLDSA := key.Public().(*mldsa.PublicKey); !isMLDSA {
		return nil, fmt.Errorf("identity: a request for a key of %T is for crypto/x509", key)
	}
	_, standIn, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, template, standIn)
	if err != nil {
		return nil, err
	}
	made, err := x509.ParseCertificateRequest(der)
	if err != nil {
		return nil, err
	}
	contents, err := replaceKey(made.RawTBSCertificateRequest, spki)
	if err != nil {
		return nil, err
	}
	algorithm, opts, err := signatureOf(nil, key.Public())
	if err != nil {
		return nil, err
	}
	return sign(contents, algorithm, key, opts)
}

// replaceKey puts another key into RFC 2986, Section 4.1:
//
//	CertificationRequestInfo ::= SEQUENCE {
//	  version        INTEGER,
//	  subject        Name,
//	  subjectPKInfo  SubjectPublicKeyInfo,
//	  attributes     [0] Attributes }
func replaceKey(contents, spki []byte) ([]byte, error) {
	outer, key := cryptobyte.String(contents), cryptobyte.String(spki)
	var s, version, subject, whole cryptobyte.String
	ok := outer.ReadASN1(&s, cbasn1.SEQUENCE) && s.ReadASN1Element(&version, cbasn1.INTEGER) && s.ReadASN1Element(&subject, cbasn1.SEQUENCE) &&
		s.SkipASN1(cbasn1.SEQUENCE) && key.ReadASN1Element(&whole, cbasn1.SEQUENCE) && key.Empty()
	if !ok {
		return nil, errMalformed
	}
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddBytes(bytes.Join([][]byte{version, subject, spki, s}, nil))
	})
	return b.Bytes()
}

// CheckRequest verifies the signature of a request by the ML-DSA key pub, which has to be the one
// in it: that is for the caller to see. Errors: it is none of this key, or names another algorithm
// (RFC 2986, Section 4.2).
func CheckRequest(der []byte, pub *mldsa.PublicKey) error {
	outer := cryptobyte.String(der)
	var s, contents, algorithm cryptobyte.String
	var signature []byte
	if !outer.ReadASN1(&s, cbasn1.SEQUENCE) || !outer.Empty() || !s.ReadASN1Element(&contents, cbasn1.SEQUENCE) ||
		!s.ReadASN1Element(&algorithm, cbasn1.SEQUENCE) || !s.ReadASN1BitStringAsBytes(&signature) || !s.Empty() {
		return errRequest
	}
	want, _, err := signatureOf(nil, pub)
	if err != nil {
		return err
	}
	if !bytes.Equal(algorithm, want) || mldsa.Verify(pub, contents, signature, nil) != nil {
		return errors.New("identity: the signature of the request is not by the key in it")
	}
	return nil
}
