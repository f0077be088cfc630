package recipient

import (
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/mlkem"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"slices"
	"strings"

	"dnseal/lookup/dane"
	"dnseal/smime/certificate"
	"dnseal/smime/cms"
	"dnseal/smime/cms/enveloped"
)

// Key is a key to encrypt to.
type Key struct {
	enveloped.Recipient
	// Record that holds it; the zero value where the certificate came another way.
	Record dane.Record
	// Algorithm is its kind: "rsa2048" (with its size), "p256", "p384", "p521", "x25519",
	// "ml-kem-768" or "ml-kem-1024".
	Algorithm string
	// Reads are ciphers of AuthEnvelopedData that the owner's program is known to read.
	Reads []enveloped.Cipher

	spki  []byte
	class class
}

// class is a kind of keys. One encryption is for one class: programs that know no ML-KEM refuse a
// whole message that is encrypted to such a key, too (measured with NSS 3.110 and 3.125), and none
// of those at hand knows X25519.
type class uint8

const (
	classical class = iota // RSA and ECDH on a NIST curve
	x25519
	postQuantum
)

// leastRSA is the size of the smallest RSA key that is encrypted to, in bits (RFC 8551, Section
// 4.3).
const leastRSA = 2048

// keyOf is a public key as one to encrypt to. Errors: it is of another kind, too small, too large,
// or one that keeps no secret.
func keyOf(pub crypto.PublicKey, spki []byte) (Key, error) {
	key := Key{spki: spki}
	switch pub := pub.(type) {
	case *rsa.PublicKey:
		if bits := pub.N.BitLen(); bits < leastRSA {
			return Key{}, fmt.Errorf("its RSA key has %d bits, and %d are the least", bits, leastRSA)
		}
		if err := certificate.CheckKey(pub); err != nil {
			return Key{}, err
		}
		key.Algorithm = fmt.Sprintf("rsa%d", pub.N.BitLen())
	case *ecdsa.PublicKey:
		key.Algorithm = curves[pub.Curve.Params().Name]
	case *ecdh.PublicKey:
		key.Algorithm, key.class = "x25519", x25519
		if err := checkX25519(pub); err != nil {
			return Key{}, err
		}
	case *mlkem.EncapsulationKey768:
		key.Algorithm, key.class = "ml-kem-768", postQuantum
	case *mlkem.EncapsulationKey1024:
		key.Algorithm, key.class = "ml-kem-1024", postQuantum
	}
	if key.Algorithm == "" {
		return Key{}, errors.New("its key is of a kind that only signs")
	}
	// Who has such a key has a program that is newer than RFC 8551, where GCM is a MUST.
	if key.class != classical {
		key.Reads = []enveloped.Cipher{enveloped.AES128GCM, enveloped.AES256GCM}
	}
	return key, nil
}

var curves = map[string]string{"P-256": "p256", "P-384": "p384", "P-521": "p521"}

// checkX25519 refuses the points with which everybody agrees on the same secret (RFC 7748, Section
// 6.1): one such key would keep a message from being encrypted to any of its recipients.
func checkX25519(pub *ecdh.PublicKey) error {
	if pub.Curve() != ecdh.X25519() {
		return errors.New("its key is of a kind that is not supported")
	}
	own, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	if _, err = own.ECDH(pub); err != nil {
		return errors.New("its X25519 key is one that keeps no secret")
	}
	return nil
}

func (k Key) isRSA() bool { return strings.HasPrefix(k.Algorithm, "rsa") }

// bareKey is the key of a DER SubjectPublicKeyInfo. Nothing says what its owner uses it for.
func bareKey(spki []byte) (Key, error) {
	pub, err := cms.ParsePublicKey(spki)
	if err != nil {
		return Key{}, inWords(err)
	}
	key, err := keyOf(pub, spki)
	key.Key = pub
	return key, err
}

// inWords is an error of package cms as a reason.
func inWords(err error) error {
	return errors.New(strings.TrimPrefix(strings.TrimPrefix(err.Error(), "cms: "), "message: "))
}

// strong reports whether the key is meant to be stronger than AES-128.
func (k Key) strong() bool {
	return slices.Contains([]string{"p384", "p521", "ml-kem-1024"}, k.Algorithm)
}
