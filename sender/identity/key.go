package identity

import (
	"bytes"
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/mlkem"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"

	"filippo.io/mldsa"

	"dnseal/sender/identity/pkcs8"
	"dnseal/smime/cms"
)

// DefaultAlgorithm is what Create makes when nothing is asked for.
const DefaultAlgorithm = "p256"

// algorithms are the kinds of keys that Create makes, in the order they are listed, and what they
// can be used for.
var algorithms = []struct {
	name     string
	generate func() (crypto.PrivateKey, error)
	uses     []Use
}{
	{DefaultAlgorithm, onCurve(elliptic.P256()), anyOfUses},
	{"p384", onCurve(elliptic.P384()), anyOfUses},
	{"p521", onCurve(elliptic.P521()), anyOfUses},
	{"rsa2048", ofBits(2048), anyOfUses},
	{"rsa3072", ofBits(3072), anyOfUses},
	{"rsa4096", ofBits(4096), anyOfUses},
	{"rsa2048" + pssSuffix, ofBits(2048), []Use{UseSign, UseBoth}},
	{"rsa3072" + pssSuffix, ofBits(3072), []Use{UseSign, UseBoth}},
	{"rsa4096" + pssSuffix, ofBits(4096), []Use{UseSign, UseBoth}},
	{"ed25519", func() (crypto.PrivateKey, error) {
		_, key, err := ed25519.GenerateKey(rand.Reader)
		return key, err
	}, []Use{UseSign}},
	{"ml-dsa-44", ofSet(mldsa.MLDSA44()), []Use{UseSign}},
	{"ml-dsa-65", ofSet(mldsa.MLDSA65()), []Use{UseSign}},
	{"ml-dsa-87", ofSet(mldsa.MLDSA87()), []Use{UseSign}},
	{"x25519", func() (crypto.PrivateKey, error) { return ecdh.X25519().GenerateKey(rand.Reader) }, []Use{UseEncrypt}},
	{"ml-kem-768", func() (crypto.PrivateKey, error) { return mlkem.GenerateKey768() }, []Use{UseEncrypt}},
	{"ml-kem-1024", func() (crypto.PrivateKey, error) { return mlkem.GenerateKey1024() }, []Use{UseEncrypt}},
}

var anyOfUses = []Use{UseSign, UseEncrypt, UseBoth}

// pssSuffix marks the algorithms whose RSA key signs by RSASSA-PSS (RFC 4056): see [Identity.PSS].
const pssSuffix = "-pss"

func onCurve(c elliptic.Curve) func() (crypto.PrivateKey, error) {
	return func() (crypto.PrivateKey, error) { return ecdsa.GenerateKey(c, rand.Reader) }
}

func ofBits(bits int) func() (crypto.PrivateKey, error) {
	return func() (crypto.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, bits) }
}

func ofSet(p mldsa.Parameters) func() (crypto.PrivateKey, error) {
	return func() (crypto.PrivateKey, error) { return mldsa.GenerateKey(p) }
}

// Algorithms lists what CreateOptions.Algorithm takes for a key that signs, the default first.
func Algorithms() []string { return AlgorithmsFor(UseSign) }

// AlgorithmsFor lists what CreateOptions.Algorithm takes for a use, the default first.
func AlgorithmsFor(use Use) (names []string) {
	for _, a := range algorithms {
		if slices.Contains(a.uses, use) {
			names = append(names, a.name)
		}
	}
	return names
}

func generateKey(algorithm string, use Use) (crypto.PrivateKey, error) {
	if !slices.Contains(Uses(), string(use)) {
		return nil, WithHint(fmt.Errorf("identity: there is no use %q of a key", clip(string(use))), "use one of %s", strings.Join(Uses(), ", "))
	}
	err := fmt.Errorf("identity: unknown algorithm %q", clip(algorithm))
	for _, a := range algorithms {
		switch {
		case a.name != algorithm:
		case slices.Contains(a.uses, use):
			return a.generate()
		default:
			err = fmt.Errorf("identity: %s keys are not for the use %s", algorithm, use)
		}
	}
	return nil, WithHint(err, "use one of %s", strings.Join(AlgorithmsFor(use), ", "))
}

// publicOf is the public half of a private key that signs or decrypts; nil for any other.
func publicOf(key crypto.PrivateKey) crypto.PublicKey {
	switch k := key.(type) {
	case crypto.Signer:
		return k.Public()
	case *ecdh.PrivateKey:
		return k.PublicKey()
	case *mlkem.DecapsulationKey768:
		return k.EncapsulationKey()
	case *mlkem.DecapsulationKey1024:
		return k.EncapsulationKey()
	}
	return nil
}

// onlyEncrypts reports whether a key is one that others encrypt to and that cannot sign: X25519
// (RFC 8418), ML-KEM (RFC 9936).
func onlyEncrypts(pub crypto.PublicKey) bool {
	switch pub.(type) {
	case *ecdh.PublicKey, *mlkem.EncapsulationKey768, *mlkem.EncapsulationKey1024:
		return true
	}
	return false
}

// isPostQuantum reports whether a key signs by ML-DSA (RFC 9881).
func isPostQuantum(pub crypto.PublicKey) bool {
	_, ok := pub.(*mldsa.PublicKey)
	return ok
}

// parseSeed reads a key of ML-DSA or ML-KEM.
func parseSeed(der []byte, id asn1.ObjectIdentifier) (crypto.PrivateKey, error) {
	key, err := pkcs8.ParseSeed(der)
	switch {
	case errors.Is(err, pkcs8.ErrNoSeed):
		return nil, &foreignForm{
			form:   "a private " + cms.AlgorithmName(id) + " key in its expanded form alone, without the seed that it is made of",
			advice: "have the program that made it write the seed, as openssl 3.5 does: openssl pkey -in OLD -provparam ml-dsa.output_formats=seed-only -out {} (ml-kem. for ML-KEM); where the seed is lost, " + newKeyAdvice,
		}
	case err != nil:
		return nil, malformed(errors.New(strings.TrimPrefix(err.Error(), pkcs8.ErrMalformed.Error()+": ")))
	}
	return key, nil
}

// encodeKey writes PKCS #8 (RFC 5958, Section 2) in PEM form (RFC 7468, Section 10), with the
// schemeLine above a key that signs by RSASSA-PSS; encrypted where there is a passphrase (RFC 7468,
// Section 11).
func encodeKey(key crypto.PrivateKey, pss bool, passphrase string) ([]byte, error) {
	var err error
	der, fast := pkcs8.MarshalP256(key)
	if !fast {
		der, err = pkcs8.MarshalSeed(key)
	}
	if errors.Is(err, pkcs8.ErrUnsupported) {
		der, err = x509.MarshalPKCS8PrivateKey(key)
	}
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
	text := pemText(label, der)
	if pss {
		text = append([]byte(schemeLine+"\n"), text...)
	}
	return text
}

// pemText is [pem.EncodeToMemory] without headers, in a third of the time.
func pemText(label string, der []byte) []byte {
	const octets = 48 // of a line (RFC 7468, Section 2)
	text := make([]byte, 0, len(der)/3*4+len(der)/octets+2*len(label)+40)
	text = append(append(append(text, "-----BEGIN "...), label...), "-----\n"...)
	for len(der) > 0 {
		n := min(octets, len(der))
		text = append(base64.StdEncoding.AppendEncode(text, der[:n]), '\n')
		der = der[n:]
	}
	return append(append(append(text, "-----END "...), label...), "-----\n"...)
}

// subjectKeyID is the SubjectKeyIdentifier (RFC 5280, Section 4.2.1.2) by which package cms names a
// key.
func subjectKeyID(pub crypto.PublicKey) (id []byte, err error) {
	var der []byte
	fast := false
	if key, ok := pub.(*ecdsa.PublicKey); ok {
		der, fast = pkcs8.MarshalP256Public(key)
	}
	if !fast {
		der, err = cms.MarshalPublicKey(pub)
	}
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
	if ok || !onlyEncrypts(a) || !onlyEncrypts(b) {
		return ok && k.Equal(b)
	}
	// crypto/mlkem has no Equal.
	x, errX := cms.MarshalPublicKey(a)
	y, errY := cms.MarshalPublicKey(b)
	return errX == nil && errY == nil && bytes.Equal(x, y)
}
