// Package request makes the request by which the owner of a key asks a CA for a certificate for
// mail: PKCS #10 (RFC 2986), with the extensions that RFC 8550 wants in the certificate.
//
// # Limitations
//
// A request proves that its maker has the key, and not that the name is theirs: that is the matter
// of the CA. It asks for no other subject than the name. Keys of X25519 and ML-KEM cannot sign a
// request, and have none. Keys that need a passphrase or a token must be open.
package request

import (
	"crypto"
	"crypto/ecdh"
	"crypto/mlkem"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"fmt"
	"time"

	"filippo.io/mldsa"

	"dnseal/sender/identity"
	"dnseal/sender/identity/tbs"
	"dnseal/smime/cms"
)

// Extensions that are asked for (RFC 5280, Sections 4.2.1.3 and 4.2.1.12), as DER.
var (
	digitalSignature = keyUsage([]byte{3, 2, 7, 0x80})
	withEncipherment = keyUsage([]byte{3, 2, 5, 0xa0}) // and keyEncipherment
	withAgreement    = keyUsage([]byte{3, 2, 3, 0x88}) // and keyAgreement
	encipherment     = keyUsage([]byte{3, 2, 5, 0x20}) // keyEncipherment alone
	agreement        = keyUsage([]byte{3, 2, 3, 0x08}) // keyAgreement alone
	emailProtection  = pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, 37}, Value: []byte("\x30\x0a\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x04")}
)

func keyUsage(der []byte) pkix.Extension {
	return pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, 15}, Critical: true, Value: der}
}

// usage is the keyUsage that fits the use of the key.
func usage(id *identity.Identity) pkix.Extension {
	_, isRSA := id.Public.(*rsa.PublicKey)
	switch use := id.Use(); {
	case use == identity.UseSign:
		return digitalSignature
	case use == identity.UseEncrypt && isRSA:
		return encipherment
	case use == identity.UseEncrypt:
		return agreement
	case isRSA:
		return withEncipherment
	}
	return withAgreement
}

// New returns the DER of a request for the key and name of an identity, signed by the key: the name
// is in the subjectAltName, as rfc822Name, SmtpUTF8Mailbox (RFC 9598) or dNSName, keyUsage is
// digitalSignature, for a key of both uses that of encryption too, for one of encryption that
// alone, extKeyUsage emailProtection. An RSA key that signs by RSASSA-PSS does so here, and the
// request names it as an RSA key, which CAs know. Errors: [identity.ErrNoPrivateKey] and a key of
// X25519 or ML-KEM, with a hint; those of the key.
func New(id *identity.Identity) ([]byte, error) {
	if err := canRequest(id); err != nil {
		return nil, err
	}
	profile, err := identity.CertificateTemplate(id.Kind, id.Name, id.Public, time.Now(), 1)
	if err != nil {
		return nil, err
	}
	template := &x509.CertificateRequest{
		Subject: profile.Subject, EmailAddresses: profile.EmailAddresses, DNSNames: profile.DNSNames,
		ExtraExtensions: append(profile.ExtraExtensions, usage(id), emailProtection),
	}
	if _, isMLDSA := id.Public.(*mldsa.PublicKey); isMLDSA {
		return ofMLDSA(id, template)
	}
	key := id.Key
	if id.PSS {
		key, template.SignatureAlgorithm = pss(key)
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, template, key)
	if err != nil {
		return nil, fmt.Errorf("identity: request for %s: %w", id.Name, err)
	}
	return der, check(id, der)
}

// canRequest refuses a key that cannot sign.
func canRequest(id *identity.Identity) error {
	switch id.Public.(type) {
	case *ecdh.PublicKey, *mlkem.EncapsulationKey768, *mlkem.EncapsulationKey1024:
		err := fmt.Errorf("identity: a request (PKCS #10) is signed by its key, and the %s key of %s cannot sign", id.KeyType(), id.Name)
		return identity.WithHint(err, "the key of the name that signs certifies it when it is made: dnseal identity new; for a CA make one of p256 or RSA")
	}
	return id.CanSign()
}

// ofMLDSA is New for a key that crypto/x509 does not know.
func ofMLDSA(id *identity.Identity, template *x509.CertificateRequest) ([]byte, error) {
	spki, err := id.SPKI()
	if err != nil {
		return nil, err
	}
	der, err := tbs.CreateRequest(template, spki, id.Key)
	if pub, ok := id.Public.(*mldsa.PublicKey); err == nil && ok {
		err = tbs.CheckRequest(der, pub)
	}
	if err != nil {
		return nil, fmt.Errorf("identity: request for %s: %w", id.Name, err)
	}
	return der, nil
}

// check verifies the signature: a token's key can be another than its certificate says.
func check(id *identity.Identity, der []byte) error {
	parsed, err := x509.ParseCertificateRequest(der)
	if err == nil {
		err = parsed.CheckSignature()
	}
	if err != nil {
		return fmt.Errorf("identity: request for %s: its own signature does not verify: %w", id.Name, err)
	}
	return nil
}

// PEM is RFC 7468, Section 7.
func PEM(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der})
}

// rsaKey is a key for RSASSA-PSS only under the public key that crypto/x509 knows.
type rsaKey struct {
	crypto.Signer
	public *rsa.PublicKey
}

func (k *rsaKey) Public() crypto.PublicKey { return k.public }

// pss returns key for crypto/x509, and the algorithm that its parameters allow (RFC 4055, Section
// 3.1).
func pss(key crypto.Signer) (crypto.Signer, x509.SignatureAlgorithm) {
	only, ok := key.Public().(*cms.PSSPublicKey)
	if !ok {
		return key, x509.SHA256WithRSAPSS
	}
	key = &rsaKey{key, only.PublicKey}
	switch only.Hash {
	case crypto.SHA384:
		return key, x509.SHA384WithRSAPSS
	case crypto.SHA512:
		return key, x509.SHA512WithRSAPSS
	default:
		return key, x509.SHA256WithRSAPSS
	}
}
