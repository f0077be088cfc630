package cms

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"

	"filippo.io/mldsa"
	mldsax509 "filippo.io/mldsa/x509"

	"dnseal/smime/cms/internal/ber"
)

// testTime is when everything in these tests happens.
var testTime = time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)

// testKey reads a key of testdata/keys by name.
func testKey(tb testing.TB, name string) crypto.Signer {
	tb.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "keys", name+".pem"))
	if err != nil {
		tb.Fatal(err)
	}
	block, _ := pem.Decode(text)
	key, err := mldsax509.ParsePKCS8PrivateKey(block.Bytes) // and all others
	if err != nil {
		tb.Fatal(err)
	}
	return key.(crypto.Signer)
}

// testCertificate makes a self-signed certificate for key, as identities have it.
func testCertificate(tb testing.TB, key crypto.Signer, serial int64) *x509.Certificate {
	tb.Helper()
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(serial),
		Subject:               pkix.Name{CommonName: "alice@example.org"},
		EmailAddresses:        []string{"alice@example.org"},
		NotBefore:             testTime.AddDate(-1, 0, 0),
		NotAfter:              testTime.AddDate(10, 0, 0),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageEmailProtection},
		BasicConstraintsValid: true,
	}
	id, err := SubjectKeyID(spkiOf(tb, key.Public()))
	if err != nil {
		tb.Fatal(err)
	}
	template.SubjectKeyId = id
	if key, ok := key.(*mldsa.PrivateKey); ok {
		return mldsaCertificate(tb, key, template)
	}
	der, err := x509.CreateCertificate(nil, template, template, key.Public(), key)
	if err != nil {
		tb.Fatal(err)
	}
	return parseCertificate(tb, der)
}

// mldsaCertificate is a certificate that crypto/x509 cannot make: signed by ML-DSA, under its own
// key (RFC 9881).
func mldsaCertificate(tb testing.TB, key *mldsa.PrivateKey, template *x509.Certificate) *x509.Certificate {
	tb.Helper()
	p256 := testKey(tb, "p256")
	der, err := x509.CreateCertificate(nil, template, template, p256.Public(), p256)
	if err != nil {
		tb.Fatal(err)
	}
	algorithm := encodeAlgorithm(kindOf(key.Public()).oid, nil)
	tbs := contents(tb, parseCertificate(tb, der).RawTBSCertificate)
	tbs = bytes.Replace(tbs, encodeAlgorithm(oidECDSAWithSHA256, nil), algorithm, 1)
	tbs = ber.TLV(ber.TagSequence, bytes.Replace(tbs, spkiOf(tb, p256.Public()), spkiOf(tb, key.Public()), 1))
	value, err := key.SignDeterministic(tbs, nil)
	if err != nil {
		tb.Fatal(err)
	}
	return parseCertificate(tb, ber.TLV(ber.TagSequence, tbs, algorithm, ber.TLV(ber.TagBitString, []byte{0}, value)))
}

// pssCertificate is testCertificate with a SubjectPublicKeyInfo for RSASSA-PSS only (RFC 4055,
// Section 1.2), which crypto/x509 neither makes nor understands; parameters is DER, or nil for
// none. Its own signature is wrong.
func pssCertificate(tb testing.TB, key crypto.Signer, parameters []byte) *x509.Certificate {
	tb.Helper()
	cert := testCertificate(tb, key, 4055)
	bits := x509.MarshalPKCS1PublicKey(key.Public().(*rsa.PublicKey))
	spki := ber.TLV(ber.TagSequence, ber.TLV(ber.TagSequence, ber.TLV(ber.TagOID, []byte(oidRSAPSS)), parameters), ber.TLV(ber.TagBitString, []byte{0}, bits))
	tbs := contents(tb, cert.RawTBSCertificate)
	tbs = bytes.Replace(tbs, cert.RawSubjectPublicKeyInfo, spki, 1)
	rest := contents(tb, cert.Raw)[len(cert.RawTBSCertificate):]
	return parseCertificate(tb, ber.TLV(ber.TagSequence, ber.TLV(ber.TagSequence, tbs), rest))
}

func parseCertificate(tb testing.TB, der []byte) *x509.Certificate {
	tb.Helper()
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		tb.Fatal(err)
	}
	return cert
}

func spkiOf(tb testing.TB, pub crypto.PublicKey) []byte {
	tb.Helper()
	spki, err := MarshalPublicKey(pub)
	if err != nil {
		tb.Fatal(err)
	}
	return spki
}

// contents returns what is in an element.
func contents(tb testing.TB, der []byte) []byte {
	tb.Helper()
	length, rest, ok := ber.CutHeader(der, der[0])
	if !ok || int64(len(rest)) < length {
		tb.Fatalf("not DER: % x", der[:min(len(der), 16)])
	}
	return rest[:length]
}

// identity is a key with its certificate, and how it signs.
type identity struct {
	name string // of the algorithm, as AlgorithmWith says it
	key  string
	pss  bool
}

// identities are one for every algorithm that signs.
var identities = []identity{
	{"ecdsa-p256-sha256", "p256", false},
	{"ecdsa-p384-sha384", "p384", false},
	{"ecdsa-p521-sha512", "p521", false},
	{"rsa-sha256", "rsa2048", false},
	{"rsa-sha256", "rsa3072", false},
	{"rsa-sha256", "rsa4096", false},
	{"rsa-pss-sha256", "rsa2048", true},
	{"rsa-pss-sha256", "rsa4096", true},
	{"ed25519", "ed25519", false},
	{"ml-dsa-44", "mldsa44", false},
	{"ml-dsa-65", "mldsa65", false},
	{"ml-dsa-87", "mldsa87", false},
}

func (id identity) signer(tb testing.TB) Signer {
	tb.Helper()
	key := testKey(tb, id.key)
	return Signer{Key: key, Certificate: testCertificate(tb, key, 1), PSS: id.pss}
}

func (id identity) scheme(tb testing.TB) scheme {
	tb.Helper()
	s, err := signingScheme(testKey(tb, id.key).Public(), id.pss)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// opaqueKey is a key that lives elsewhere: it can sign, and nothing else is known of it.
type opaqueKey struct{ crypto.Signer }

// TestSaltLength: the salt is as long as the key's parameters require, and otherwise as the digest;
// no key makes a signature with SHA-1.
func TestSaltLength(t *testing.T) {
	t.Parallel()
	key := &rsa.PublicKey{N: new(big.Int).SetBit(big.NewInt(1), 2047, 1), E: 65537}
	for least, want := range map[int]int{0: 32, 19: 32, 20: 20, 48: 48} {
		s, err := signingScheme(&PSSPublicKey{PublicKey: key, Hash: crypto.SHA256, MinSaltLength: least}, true)
		if err != nil || s.saltLength != want {
			t.Errorf("at least %d: %d, %v, want %d", least, s.saltLength, err, want)
		}
	}
	if _, err := signingScheme(&PSSPublicKey{PublicKey: key, Hash: crypto.SHA1, MinSaltLength: 20}, true); !errors.Is(err, ErrUnsupportedKey) {
		t.Errorf("a key for SHA-1: %v", err)
	}
}
