// Package tbs makes certificates, and requests for them, whose key or whose signature crypto/x509
// does not write: keys of X25519, ML-KEM and ML-DSA, and signatures by ML-DSA (RFC 8410, RFC 9935,
// RFC 9881). Everything else of the TBSCertificate (RFC 5280, Section 4.1.2) and of the
// CertificationRequestInfo (RFC 2986, Section 4.1) is as crypto/x509 writes it.
//
// # Limitations
//
// It writes what it is told: whether the issuer may certify, and the keyUsage fits the key, is for
// the caller. Keys for RSASSA-PSS only sign no certificate here.
package tbs

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"

	"filippo.io/mldsa"
	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// Create returns the DER of a certificate of the key in spki, a SubjectPublicKeyInfo, with what
// template says else, issued by the key of parent: template itself for a self-signed one. Where the
// issuer is another key of the same name, the authority key identifier says so (RFC 5280, Section
// 4.2.1.1). Errors: those of crypto/x509 for a template that cannot be written, a key that cannot
// sign certificates, a malformed spki, those of the key.
func Create(template, parent *x509.Certificate, spki []byte, key crypto.Signer) ([]byte, error) {
	if template != parent {
		withIssuer := *template
		withIssuer.AuthorityKeyId = parent.SubjectKeyId
		template = &withIssuer
	}
	standIn, err := createStandIn(template, parent, key)
	if err != nil {
		return nil, err
	}
	algorithm, opts, err := signatureOf(standIn, key.Public())
	if err != nil {
		return nil, err
	}
	contents, err := replace(standIn.RawTBSCertificate, algorithm, spki)
	if err != nil {
		return nil, err
	}
	return sign(contents, algorithm, key, opts)
}

// createStandIn makes the certificate of a key that crypto/x509 knows, signed by one that it knows.
func createStandIn(template, parent *x509.Certificate, key crypto.Signer) (*x509.Certificate, error) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	if _, isMLDSA := key.(*mldsa.PrivateKey); isMLDSA {
		key = private
	}
	issuer := *parent
	issuer.PublicKey = nil // it can be of another kind than key, which stands in for it
	der, err := x509.CreateCertificate(rand.Reader, template, &issuer, public, key)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

// mldsaOIDs are those of RFC 9881, Section 2, by the names of the sets.
var mldsaOIDs = map[string]asn1.ObjectIdentifier{
	"ML-DSA-44": {2, 16, 840, 1, 101, 3, 4, 3, 17},
	"ML-DSA-65": {2, 16, 840, 1, 101, 3, 4, 3, 18},
	"ML-DSA-87": {2, 16, 840, 1, 101, 3, 4, 3, 19},
}

// signatureOf returns the AlgorithmIdentifier of the signature, and what the key is told of it.
func signatureOf(standIn *x509.Certificate, public crypto.PublicKey) (algorithm []byte, opts crypto.SignerOpts, err error) {
	if pub, ok := public.(*mldsa.PublicKey); ok {
		var b cryptobyte.Builder
		// RFC 9881, Section 2: parameters are absent.
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1ObjectIdentifier(mldsaOIDs[pub.Parameters().String()])
		})
		algorithm, err = b.Bytes()
		return algorithm, &mldsa.Options{}, err
	}
	if opts = signerOpts(standIn.SignatureAlgorithm); opts == nil {
		return nil, nil, fmt.Errorf("identity: certificates cannot be signed by %s here", standIn.SignatureAlgorithm)
	}
	outer := cryptobyte.String(standIn.Raw)
	var s, element cryptobyte.String
	if !outer.ReadASN1(&s, cbasn1.SEQUENCE) || !s.SkipASN1(cbasn1.SEQUENCE) || !s.ReadASN1Element(&element, cbasn1.SEQUENCE) {
		return nil, nil, errMalformed
	}
	return element, opts, nil
}

// signerOpts is what a key is told that signs by the algorithm; nil: not known.
func signerOpts(a x509.SignatureAlgorithm) crypto.SignerOpts {
	switch a {
	case x509.SHA256WithRSA, x509.ECDSAWithSHA256:
		return crypto.SHA256
	case x509.SHA384WithRSA, x509.ECDSAWithSHA384:
		return crypto.SHA384
	case x509.SHA512WithRSA, x509.ECDSAWithSHA512:
		return crypto.SHA512
	case x509.SHA256WithRSAPSS: // crypto/x509 writes a salt of 32 octets
		return &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA256}
	case x509.PureEd25519:
		return crypto.Hash(0)
	default:
		return nil
	}
}

var errMalformed = errors.New("identity: malformed TBSCertificate or SubjectPublicKeyInfo")

// replace puts another signature algorithm and key into RFC 5280, Section 4.1:
//
//	TBSCertificate ::= SEQUENCE {
//	  version               [0] Version,
//	  serialNumber          CertificateSerialNumber,
//	  signature             AlgorithmIdentifier,
//	  issuer                Name,
//	  validity              Validity,
//	  subject               Name,
//	  subjectPublicKeyInfo  SubjectPublicKeyInfo,
//	  … }
func replace(contents, algorithm, spki []byte) ([]byte, error) {
	outer := cryptobyte.String(contents)
	key := cryptobyte.String(spki)
	var s, version, serial, issuer, validity, subject, whole cryptobyte.String
	ok := outer.ReadASN1(&s, cbasn1.SEQUENCE) && s.ReadASN1Element(&version, cbasn1.Tag(0).Constructed().ContextSpecific()) &&
		s.ReadASN1Element(&serial, cbasn1.INTEGER) && s.SkipASN1(cbasn1.SEQUENCE) && s.ReadASN1Element(&issuer, cbasn1.SEQUENCE) &&
		s.ReadASN1Element(&validity, cbasn1.SEQUENCE) && s.ReadASN1Element(&subject, cbasn1.SEQUENCE) && s.SkipASN1(cbasn1.SEQUENCE) &&
		key.ReadASN1Element(&whole, cbasn1.SEQUENCE) && key.Empty()
	if !ok {
		return nil, errMalformed
	}
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddBytes(bytes.Join([][]byte{version, serial, algorithm, issuer, validity, subject, spki, s}, nil))
	})
	return b.Bytes()
}

// sign makes the Certificate of RFC 5280, Section 4.1.
func sign(contents, algorithm []byte, key crypto.Signer, opts crypto.SignerOpts) ([]byte, error) {
	message := contents
	if hash := opts.HashFunc(); hash != 0 {
		h := hash.New()
		h.Write(contents)
		message = h.Sum(nil)
	}
	signature, err := key.Sign(rand.Reader, message, opts)
	if err != nil {
		return nil, err
	}
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddBytes(contents)
		b.AddBytes(algorithm)
		b.AddASN1BitString(signature)
	})
	return b.Bytes()
}
