package receiver_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"io"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filippo.io/mldsa"
	mldsax509 "filippo.io/mldsa/x509"

	"dnseal/sender/identity"
	"dnseal/sender/identity/tbs"
	"dnseal/smime/cms"
	"dnseal/smime/message"
)

// keyDir holds keys that were made for tests and protect nothing.
const keyDir = "../testdata/keys"

// person is a name with a key and a certificate.
type person struct {
	name string
	key  crypto.Signer
	cert *x509.Certificate
	// chain are the CA certificates above.
	chain []*x509.Certificate
	// beside is a key for ML-DSA of the same name; nil: none.
	beside *person
}

// identity is the person as package sender wants it.
func (p person) identity() *identity.Identity {
	kind := identity.Mail
	if !strings.Contains(p.name, "@") {
		kind = identity.Device
	}
	id := &identity.Identity{Name: p.name, Kind: kind, Key: p.key, Certificate: p.cert, Chain: p.chain}
	if p.beside != nil {
		id.PostQuantum = p.beside.identity()
	}
	return id
}

// steady is a key that signs the same with the same: RFC 6979 for ECDSA.
type steady struct{ crypto.Signer }

func (s steady) Sign(_ io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	return s.Signer.Sign(nil, digest, opts)
}

// loadKey reads a key of keyDir, and makes it where it is missing and the vectors are written anew.
func loadKey(tb testing.TB, name string) crypto.Signer {
	tb.Helper()
	file := filepath.Join(keyDir, name+".pem")
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) && *update {
		data = makeKey(tb, name)
		err = os.WriteFile(file, data, 0o600)
	}
	if err != nil {
		tb.Fatal(err)
	}
	block, _ := pem.Decode(data)
	key, err := mldsax509.ParsePKCS8PrivateKey(block.Bytes) // and all others
	if err != nil {
		tb.Fatal(err)
	}
	if key, ok := key.(*mldsa.PrivateKey); ok {
		return key
	}
	return steady{key.(crypto.Signer)}
}

func makeKey(tb testing.TB, name string) []byte {
	tb.Helper()
	var key crypto.Signer
	var err error
	switch {
	case strings.HasPrefix(name, "rsa1024"):
		key, err = rsa.GenerateKey(rand.Reader, 1024) // made to be refused
	case strings.HasPrefix(name, "rsa2048"):
		key, err = rsa.GenerateKey(rand.Reader, 2048)
	case strings.HasPrefix(name, "mldsa87"):
		key, err = mldsa.GenerateKey(mldsa.MLDSA87())
	case strings.HasPrefix(name, "mldsa"):
		key, err = mldsa.GenerateKey(mldsa.MLDSA65())
	case strings.HasPrefix(name, "ed25519"):
		_, key, err = ed25519.GenerateKey(rand.Reader)
	default:
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	}
	if err != nil {
		tb.Fatal(err)
	}
	der, err := mldsax509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		tb.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

// newPerson makes a certificate for name (an address, a DNS name, or "" for none) with the key of
// that file, signed by issuer or, when that is zero, by itself. change may alter the template.
func newPerson(tb testing.TB, name, keyFile string, issuer person, change func(*x509.Certificate)) person {
	tb.Helper()
	p := person{name: name, key: loadKey(tb, keyFile)}
	template := &x509.Certificate{
		SerialNumber: serial(tb, name+keyFile+issuer.name), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2036, 1, 1, 0, 0, 0, 0, time.UTC),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageEmailProtection},
		BasicConstraintsValid: true, SubjectKeyId: keyID(tb, p.key.Public()),
	}
	switch {
	case name == "":
		template.Subject.CommonName = "nobody"
	case strings.Contains(name, "@"):
		template.EmailAddresses = []string{name}
	default:
		template.DNSNames = []string{name}
	}
	if change != nil {
		change(template)
	}
	parent, signer := template, p.key
	if issuer.cert != nil {
		parent, signer = issuer.cert, issuer.key
		p.chain = []*x509.Certificate{issuer.cert}
	}
	spki, err := cms.MarshalPublicKey(p.key.Public())
	if err != nil {
		tb.Fatal(err)
	}
	var der []byte
	if cms.PostQuantum(p.key.Public()) {
		der, err = tbs.Create(template, parent, spki, signer)
	} else {
		der, err = x509.CreateCertificate(rand.Reader, template, parent, p.key.Public(), signer)
	}
	if err != nil {
		tb.Fatal(err)
	}
	if p.cert, err = x509.ParseCertificate(der); err != nil {
		tb.Fatal(err)
	}
	return p
}

// newCA makes a self-signed CA.
func newCA(tb testing.TB, name, keyFile string) person {
	tb.Helper()
	return newPerson(tb, name, keyFile, person{}, func(c *x509.Certificate) {
		c.EmailAddresses, c.DNSNames = nil, nil
		c.IsCA, c.KeyUsage, c.ExtKeyUsage = true, x509.KeyUsageCertSign, nil
	})
}

// serial is the same for the same text.
func serial(tb testing.TB, text string) *big.Int {
	tb.Helper()
	return new(big.Int).SetBytes(append([]byte{1}, digest(sha256, []byte(text))[:15]...))
}

// keyID is RFC 5280, Section 4.2.1.2, method 1.
func keyID(tb testing.TB, pub crypto.PublicKey) []byte {
	tb.Helper()
	der, err := cms.MarshalPublicKey(pub)
	if err != nil {
		tb.Fatal(err)
	}
	var spki struct {
		Algorithm asn1.RawValue
		Key       asn1.BitString
	}
	if _, err := asn1.Unmarshal(der, &spki); err != nil {
		tb.Fatal(err)
	}
	return digest(crypto.SHA1, spki.Key.Bytes)
}

const sha256 = crypto.SHA256

// record is the line of a zone that publishes the person, e.g. "3 1 1".
func (p person) record(tb testing.TB, values string) string {
	tb.Helper()
	id := p.identity()
	owner, typ, err := id.OwnerName()
	if err != nil {
		tb.Fatal(err)
	}
	r, err := id.Record(values[0]-'0', values[2]-'0', values[4]-'0')
	if err != nil {
		tb.Fatal(err)
	}
	line, err := identity.FormatRecord(owner, typ, r, 5*time.Minute, "zone")
	if err != nil {
		tb.Fatal(err)
	}
	return line + "\n"
}

// domain is the zone a person's record belongs in, with a final dot.
func (p person) domain(tb testing.TB) string {
	tb.Helper()
	if a, err := message.ParseAddress(p.name); err == nil {
		return a.Domain + "."
	}
	labels := strings.Split(p.name, ".")
	return strings.Join(labels[len(labels)-2:], ".") + "."
}
