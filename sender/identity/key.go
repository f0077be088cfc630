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
	"errors"
	"fmt"
	"strings"

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

// encodeKey writes PKCS #8 (RFC 5958, Section 2) in PEM form (RFC 7468, Section 10).
func encodeKey(key crypto.Signer) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

// errNoKey says that a file holds no private key in PEM form.
var errNoKey = errors.New("no private key in PEM form")

// parseKey reads the first private key of a PEM file: PKCS #8, or the older forms of openssl (RFC
// 5915, Section 3; RFC 8017, Appendix A.1.2).
func parseKey(data []byte) (crypto.Signer, error) {
	for {
		block, rest := pem.Decode(data)
		if block == nil {
			return nil, errNoKey
		}
		switch {
		// RFC 7468, Section 11.
		case block.Type == "ENCRYPTED PRIVATE KEY" || block.Headers["DEK-Info"] != "":
			return nil, errEncrypted
		case block.Type == "PRIVATE KEY":
			key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
			return asSigner(key, err)
		case block.Type == "EC PRIVATE KEY":
			key, err := x509.ParseECPrivateKey(block.Bytes)
			return asSigner(key, err)
		case block.Type == "RSA PRIVATE KEY":
			key, err := x509.ParsePKCS1PrivateKey(block.Bytes)
			return asSigner(key, err)
		}
		data = rest // "EC PARAMETERS" stands before the key in openssl's files
	}
}

// errEncrypted says that a key is protected by a pass phrase.
var errEncrypted = errors.New("the key is encrypted by a pass phrase; a service cannot ask for it")

// asSigner accepts the keys S/MIME 4.0 can sign with (RFC 8551, Section 2.2; RFC 8550, Section 4.3
// for RSA sizes).
func asSigner(key any, err error) (crypto.Signer, error) {
	if err != nil {
		return nil, err
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("keys of type %T cannot sign mail", key)
	}
	if _, err := cms.SigningDigest(signer.Public()); err != nil {
		return nil, err
	}
	return signer, nil
}

// subjectKeyID is the SubjectKeyIdentifier (RFC 5280, Section 4.2.1.2) by which package cms names a
// key.
func subjectKeyID(pub crypto.PublicKey) ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(pub)
	if err != nil {
		return nil, err
	}
	return cms.SubjectKeyID(der)
}

// sameKey reports whether pub is the public half of key.
func sameKey(key crypto.Signer, pub crypto.PublicKey) bool {
	k, ok := key.Public().(interface{ Equal(x crypto.PublicKey) bool })
	return ok && k.Equal(pub)
}
