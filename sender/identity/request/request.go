// Package request makes the request by which the owner of a key asks a CA for a certificate for
// mail: PKCS #10 (RFC 2986), with the extensions that RFC 8550 wants in the certificate.
//
// # Limitations
//
// A request proves that its maker has the key, and not that the name is theirs: that is the matter
// of the CA. It asks for no other subject than the name, and only for keys that sign. Keys
// that need a passphrase or a token must be open.
package request

import (
	"crypto"
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
	"dnseal/smime/cms"
)

// Extensions that are asked for (RFC 5280, Sections 4.2.1.3 and 4.2.1.12), as DER.
var (
	digitalSignature = keyUsage([]byte{3, 2, 7, 0x80})
	withEncipherment = keyUsage([]byte{3, 2, 5, 0xa0}) // and keyEncipherment
	withAgreement    = keyUsage([]byte{3, 2, 3, 0x88}) // and keyAgreement
	emailProtection  = pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, 37}, Value: []byte("\x30\x0a\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x04")}
)

func keyUsage(der []byte) pkix.Extension {
	return pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, 15}, Critical: true, Value: der}
}

// usage is the keyUsage that fits the use of the key.
func usage(id *identity.Identity) pkix.Extension {
	if id.Use() != identity.UseBoth {
		return digitalSignature
	}
	if _, isRSA := id.Public.(*rsa.PublicKey); isRSA {
		return withEncipherment
	}
	return withAgreement
}

// New returns the DER of a request for the key and name of an identity, signed by the key: the name
// is in the subjectAltName, as rfc822Name, SmtpUTF8Mailbox (RFC 9598) or dNSName, keyUsage is
// digitalSignature, for a key of both uses that of encryption too, extKeyUsage emailProtection. An
// RSA key that signs by RSASSA-PSS does so here, and the request names it as an RSA key, which CAs
// know. Errors: [identity.ErrNoPrivateKey], with a hint; an ML-DSA key, for which crypto/x509 makes
// no request; those of the key.
func New(id *identity.Identity) ([]byte, error) {
	if err := id.CanSign(); err != nil {
		return nil, err
	}
	if _, isMLDSA := id.Public.(*mldsa.PublicKey); isMLDSA {
		err := fmt.Errorf("identity: requests for certificates of %s keys are not made here", id.KeyType())
		return nil, identity.WithHint(err, "openssl 3.5 makes them: openssl req -new -key %s", identity.Quote(id.KeyFile))
	}
	profile, err := identity.CertificateTemplate(id.Kind, id.Name, id.Public, time.Now(), 1)
	if err != nil {
		return nil, err
	}
	template := &x509.CertificateRequest{
		Subject: profile.Subject, EmailAddresses: profile.EmailAddresses, DNSNames: profile.DNSNames,
		ExtraExtensions: append(profile.ExtraExtensions, usage(id), emailProtection),
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
