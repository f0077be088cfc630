package tbs

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
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filippo.io/mldsa"

	"dnseal/lookup/lookuptest/peertest"
	"dnseal/smime/certificate"
)

func must[T any](tb testing.TB) func(v T, err error) T {
	tb.Helper()
	return func(v T, err error) T {
		tb.Helper()
		if err != nil {
			tb.Fatal(err)
		}
		return v
	}
}

func template(serial int64, use x509.KeyUsage, ski string) *x509.Certificate {
	now := time.Now().UTC().Truncate(time.Second)
	return &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "alice@example.org"}, NotBefore: now, NotAfter: now.Add(time.Hour),
		KeyUsage: use, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageEmailProtection}, EmailAddresses: []string{"alice@example.org"}, SubjectKeyId: []byte(ski),
	}
}

// spki is a SubjectPublicKeyInfo without parameters (RFC 9935, Section 4).
func spki(tb testing.TB, oid asn1.ObjectIdentifier, bits []byte) []byte {
	tb.Helper()
	return must[[]byte](tb)(asn1.Marshal(struct {
		Algorithm pkix.AlgorithmIdentifier
		Bits      asn1.BitString
	}{pkix.AlgorithmIdentifier{Algorithm: oid}, asn1.BitString{Bytes: bits, BitLength: 8 * len(bits)}}))
}

type signer struct {
	name string
	key  crypto.Signer
	pss  bool
}

func signers(tb testing.TB) []signer {
	tb.Helper()
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	rsaKey := must[*rsa.PrivateKey](tb)(rsa.GenerateKey(rand.Reader, 2048))
	return []signer{
		{"P-256", must[*ecdsa.PrivateKey](tb)(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)), false},
		{"P-521", must[*ecdsa.PrivateKey](tb)(ecdsa.GenerateKey(elliptic.P521(), rand.Reader)), false},
		{"RSA", rsaKey, false},
		{"RSASSA-PSS", rsaKey, true},
		{"Ed25519", ed, false},
		{"ML-DSA-44", must[*mldsa.PrivateKey](tb)(mldsa.GenerateKey(mldsa.MLDSA44())), false},
		{"ML-DSA-65", must[*mldsa.PrivateKey](tb)(mldsa.GenerateKey(mldsa.MLDSA65())), false},
		{"ML-DSA-87", must[*mldsa.PrivateKey](tb)(mldsa.GenerateKey(mldsa.MLDSA87())), false},
	}
}

// signed checks the signature of c by the key.
func signed(s signer, c *x509.Certificate) error {
	if pub, ok := s.key.Public().(*mldsa.PublicKey); ok {
		return mldsa.Verify(pub, c.RawTBSCertificate, c.Signature, nil)
	}
	return (&x509.Certificate{PublicKey: s.key.Public(), PublicKeyAlgorithm: algorithmOf(s.key)}).CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature)
}

func algorithmOf(key crypto.Signer) x509.PublicKeyAlgorithm {
	switch key.(type) {
	case *rsa.PrivateKey:
		return x509.RSA
	case *ecdsa.PrivateKey:
		return x509.ECDSA
	default:
		return x509.Ed25519
	}
}

// TestCreate: each kind of key certified by each kind, read by crypto/x509, by ours and by openssl.
func TestCreate(t *testing.T) {
	t.Parallel()
	peertest.Program(t, "openssl")
	x := must[*ecdh.PrivateKey](t)(ecdh.X25519().GenerateKey(rand.Reader))
	subjects := map[string][]byte{
		"X25519":      must[[]byte](t)(x509.MarshalPKIXPublicKey(x.PublicKey())),
		"ML-KEM-768":  spki(t, asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 4, 2}, must[*mlkem.DecapsulationKey768](t)(mlkem.GenerateKey768()).EncapsulationKey().Bytes()),
		"ML-KEM-1024": spki(t, asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 4, 3}, must[*mlkem.DecapsulationKey1024](t)(mlkem.GenerateKey1024()).EncapsulationKey().Bytes()),
	}
	dir := t.TempDir()
	for i, s := range signers(t) {
		for name, key := range subjects {
			what := template(int64(100+i), x509.KeyUsageKeyAgreement, "another key")
			if s.pss {
				what.SignatureAlgorithm = x509.SHA256WithRSAPSS
			}
			issuer := template(1, x509.KeyUsageDigitalSignature, "the issuer")
			issuer.RawSubject = must[[]byte](t)(asn1.Marshal(issuer.Subject.ToRDNSequence()))
			der, err := Create(what, issuer, key, s.key)
			if err != nil {
				t.Errorf("%s by %s: %v", name, s.name, err)
				continue
			}
			c := must[*x509.Certificate](t)(x509.ParseCertificate(der))
			if err = signed(s, c); err != nil {
				t.Errorf("%s by %s: %v", name, s.name, err)
			}
			if !bytes.Equal(c.RawSubjectPublicKeyInfo, key) || string(c.AuthorityKeyId) != "the issuer" || string(c.SubjectKeyId) != "another key" ||
				c.KeyUsage != x509.KeyUsageKeyAgreement || c.BasicConstraintsValid || !bytes.Equal(c.RawIssuer, c.RawSubject) {
				t.Errorf("%s by %s: %+v", name, s.name, c)
			}
			if _, err = certificate.Parse(der); err != nil {
				t.Errorf("%s by %s: certificate.Parse: %v", name, s.name, err)
			}
			file := filepath.Join(dir, "c.der")
			if err = os.WriteFile(file, der, 0o600); err != nil {
				t.Fatal(err)
			}
			text, err := exec.CommandContext(t.Context(), "openssl", "x509", "-inform", "DER", "-in", file, "-noout", "-text").CombinedOutput()
			if err != nil || !strings.Contains(string(text), "E-mail Protection") || !strings.Contains(string(text), "Key Agreement") {
				t.Errorf("%s by %s: openssl: %v\n%s", name, s.name, err, text)
			}
		}
	}
}

// TestCreateSelfSigned: a key for ML-DSA certifies itself (RFC 9881), and ours sees it.
func TestCreateSelfSigned(t *testing.T) {
	t.Parallel()
	for set, oid := range mldsaOIDs {
		for _, s := range signers(t) {
			if s.name != set {
				continue
			}
			what := template(7, x509.KeyUsageDigitalSignature, "its own")
			key := spki(t, oid, s.key.Public().(*mldsa.PublicKey).Bytes())
			c := must[*x509.Certificate](t)(certificate.Parse(must[[]byte](t)(Create(what, what, key, s.key))))
			if err := signed(s, c); err != nil || len(c.AuthorityKeyId) != 0 || !bytes.Equal(c.RawSubjectPublicKeyInfo, key) {
				t.Errorf("%s: %v, authority key identifier %x", set, err, c.AuthorityKeyId)
			}
		}
	}
}

func TestCreateRefuses(t *testing.T) {
	t.Parallel()
	s := signers(t)[0]
	what := template(7, x509.KeyUsageDigitalSignature, "its own")
	for _, key := range []string{"", "\x04\x00", "\x30\x00\x00"} {
		if _, err := Create(what, what, []byte(key), s.key); err == nil {
			t.Errorf("of the key %x", key)
		}
	}
	sha384 := template(7, x509.KeyUsageDigitalSignature, "its own")
	sha384.SignatureAlgorithm = x509.SHA384WithRSAPSS
	if _, err := Create(sha384, sha384, nil, signers(t)[2].key); err == nil || !strings.Contains(err.Error(), "SHA384-RSAPSS") {
		t.Errorf("RSASSA-PSS with SHA-384: %v", err)
	}
}
