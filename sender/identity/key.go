package identity

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"strings"

	"dnseal/sender/identity/pkcs8"
	"dnseal/smime/cms"
)

// DefaultAlgorithm is what Create makes when nothing is asked for.
const DefaultAlgorithm = "p256"

// algorithms are the kinds of keys that Create makes, in the order they are listed.
var algorithms = []struct {
	name     string
	generate func() (crypto.Signer, error)
}{
	{DefaultAlgorithm, onCurve(elliptic.P256())},
	{"p384", onCurve(elliptic.P384())},
	{"p521", onCurve(elliptic.P521())},
	{"rsa2048", ofBits(2048)},
	{"rsa3072", ofBits(3072)},
	{"rsa4096", ofBits(4096)},
	{"rsa2048" + pssSuffix, ofBits(2048)},
	{"rsa3072" + pssSuffix, ofBits(3072)},
	{"rsa4096" + pssSuffix, ofBits(4096)},
	{"ed25519", func() (crypto.Signer, error) {
		_, key, err := ed25519.GenerateKey(rand.Reader)
		return key, err
	}},
}

// pssSuffix marks the algorithms whose RSA key signs by RSASSA-PSS (RFC 4056): see [Identity.PSS].
const pssSuffix = "-pss"

func onCurve(c elliptic.Curve) func() (crypto.Signer, error) {
	return func() (crypto.Signer, error) { return ecdsa.GenerateKey(c, rand.Reader) }
}

func ofBits(bits int) func() (crypto.Signer, error) {
	return func() (crypto.Signer, error) { return rsa.GenerateKey(rand.Reader, bits) }
}

// Algorithms lists what CreateOptions.Algorithm takes, the default first.
func Algorithms() []string {
	names := make([]string, len(algorithms))
	for i, a := range algorithms {
		names[i] = a.name
	}
	return names
}

func generateKey(algorithm string) (crypto.Signer, error) {
	for _, a := range algorithms {
		if a.name == algorithm {
			return a.generate()
		}
	}
	return nil, WithHint(fmt.Errorf("identity: unknown algorithm %q", clip(algorithm)), "use one of %s", strings.Join(Algorithms(), ", "))
}

// encodeKey writes PKCS #8 (RFC 5958, Section 2) in PEM form (RFC 7468, Section 10), with the
// schemeLine above a key that signs by RSASSA-PSS; encrypted where there is a passphrase (RFC 7468,
// Section 11).
func encodeKey(key crypto.Signer, pss bool, passphrase string) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	label := "PRIVATE KEY"
	if err == nil && passphrase != "" {
		label = "ENCRYPTED PRIVATE KEY"
		der, err = pkcs8.Encrypt(der, passphrase)
	}
	if err != nil {
		return nil, err
	}
	return keyText(label, der, pss), nil
}

func keyText(label string, der []byte, pss bool) []byte {
	text := pem.EncodeToMemory(&pem.Block{Type: label, Bytes: der})
	if pss {
		text = append([]byte(schemeLine+"\n"), text...)
	}
	return text
}

// subjectKeyID is the SubjectKeyIdentifier (RFC 5280, Section 4.2.1.2) by which package cms names a
// key.
func subjectKeyID(pub crypto.PublicKey) ([]byte, error) {
	der, err := cms.MarshalPublicKey(pub)
	if err != nil {
		return nil, err
	}
	return cms.SubjectKeyID(der)
}

// sameKey reports whether cert is of key.
func sameKey(key crypto.PublicKey, cert *x509.Certificate) bool {
	pub, err := cms.PublicKey(cert)
	return err == nil && equalKeys(key, pub)
}

// equalKeys compares public keys: an RSA key can have a certificate that is for RSASSA-PSS only.
func equalKeys(a, b crypto.PublicKey) bool {
	k, ok := a.(interface{ Equal(x crypto.PublicKey) bool })
	if only, isPSS := b.(*cms.PSSPublicKey); isPSS {
		b = only.PublicKey
	}
	return ok && k.Equal(b)
}
