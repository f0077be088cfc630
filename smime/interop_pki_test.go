package smime_test

import (
	"crypto"
	"crypto/rand"
	"crypto/sha1"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"dnseal/smime/cms"
)

// peerIdentity is a key with a certificate of the test CA, in a folder: NAME.key, NAME.pem, ca.pem.
type peerIdentity struct {
	name   string // also of the key's file
	signer cms.Signer
	dir    string
}

func (id *peerIdentity) keyFile() string  { return filepath.Join(id.dir, id.name+".key") }
func (id *peerIdentity) certFile() string { return filepath.Join(id.dir, id.name+".pem") }

// anchors are the certificates to trust for some identities, each once.
func anchors(ids map[string]*peerIdentity) (files []string) {
	for _, id := range ids {
		if file := filepath.Join(id.dir, "ca.pem"); !slices.Contains(files, file) {
			files = append(files, file)
		}
	}
	return files
}

// fingerprint is what gpgsm calls the certificate.
func (id *peerIdentity) fingerprint() string {
	return fmt.Sprintf("%X", sha1.Sum(id.signer.Certificate.Raw))
}

// peerKeys are the keys of the tests of package cms.
var peerKeys = []string{"p256", "p384", "p521", "rsa2048", "rsa3072", "rsa4096", "ed25519"}

// newPeerIdentities makes a CA with RSA, which every peer takes, and a certificate for each key:
// what peers cannot do with it is then due to the signature. Peers judge by their own clock, so
// that it starts now.
func newPeerIdentities(t *testing.T, dir string) map[string]*peerIdentity {
	t.Helper()
	// NSS signs with RSA only where the key may also encipher.
	return peerIdentitiesFor(t, dir, x509.KeyUsageDigitalSignature|x509.KeyUsageKeyEncipherment)
}

// peerIdentitiesFor is newPeerIdentities with certificates for another use.
func peerIdentitiesFor(t *testing.T, dir string, usage x509.KeyUsage) map[string]*peerIdentity {
	t.Helper()
	caKey := loadKey(t, "rsa3072")
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "dnseal test CA"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
	}
	ca = issue(t, ca, ca, caKey.Public(), caKey)
	writePEM(t, filepath.Join(dir, "ca.pem"), "CERTIFICATE", ca.Raw)
	ids := make(map[string]*peerIdentity)
	for i, name := range peerKeys {
		key := loadKey(t, name)
		leaf := &x509.Certificate{
			SerialNumber: big.NewInt(int64(100 + i)), Subject: pkix.Name{CommonName: name}, EmailAddresses: []string{"alice@example.org"},
			KeyUsage:    usage,
			ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageEmailProtection}, BasicConstraintsValid: true,
			NotBefore: ca.NotBefore, NotAfter: ca.NotAfter, SubjectKeyId: keyID(t, key.Public()),
		}
		id := &peerIdentity{name: name, dir: dir, signer: cms.Signer{Key: key, Certificate: issue(t, leaf, ca, key.Public(), caKey)}}
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		writePEM(t, id.keyFile(), "PRIVATE KEY", der)
		writePEM(t, id.certFile(), "CERTIFICATE", id.signer.Certificate.Raw)
		ids[name] = id
	}
	return ids
}

func loadKey(t *testing.T, name string) crypto.Signer {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("cms", "testdata", "keys", name+".pem"))
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return key.(crypto.Signer)
}

func issue(t *testing.T, template, parent *x509.Certificate, pub crypto.PublicKey, key crypto.Signer) *x509.Certificate {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, parent, pub, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

func keyID(t *testing.T, pub crypto.PublicKey) []byte {
	t.Helper()
	spki, err := x509.MarshalPKIXPublicKey(pub)
	if err != nil {
		t.Fatal(err)
	}
	id, err := cms.SubjectKeyID(spki)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func writePEM(t *testing.T, path, kind string, der []byte) {
	t.Helper()
	writeBytes(t, path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

func writeBytes(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}
