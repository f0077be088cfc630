package enveloped

import (
	"bytes"
	"crypto"
	"crypto/ecdh"
	"crypto/mlkem"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"

	"dnseal/smime/cms"
	"dnseal/smime/cms/internal/ber"
)

const testContent = "Content-Type: text/plain\r\n\r\nThe quick brown fox.\r\n"

// testTime is when everything in these tests happens.
var testTime = time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)

// testKey reads a key of package cms by name, or makes one that is not there, always the same.
func testKey(tb testing.TB, name string) crypto.PrivateKey {
	tb.Helper()
	var key crypto.PrivateKey
	var err error
	switch name {
	case "x25519":
		key, err = ecdh.X25519().NewPrivateKey(bytes.Repeat([]byte{25}, 32))
	case "ml-kem-768":
		key, err = mlkem.NewDecapsulationKey768(bytes.Repeat([]byte{7}, mlkem.SeedSize))
	case "ml-kem-1024":
		key, err = mlkem.NewDecapsulationKey1024(bytes.Repeat([]byte{10}, mlkem.SeedSize))
	default:
		text, e := os.ReadFile(filepath.Join("..", "testdata", "keys", name+".pem"))
		if e != nil {
			tb.Fatal(e)
		}
		block, _ := pem.Decode(text)
		key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	}
	if err != nil {
		tb.Fatal(err)
	}
	return key
}

func publicOf(tb testing.TB, key crypto.PrivateKey) crypto.PublicKey {
	tb.Helper()
	if signer, ok := key.(crypto.Signer); ok {
		return signer.Public()
	}
	pub, err := (&Key{Private: key}).publicKey()
	if err != nil {
		tb.Fatal(err)
	}
	return pub
}

// testCertificate is a certificate of pub by an authority of its own.
func testCertificate(tb testing.TB, pub crypto.PublicKey, serial int64) *x509.Certificate {
	tb.Helper()
	spki, err := cms.MarshalPublicKey(pub)
	if err != nil {
		tb.Fatal(err)
	}
	id, err := cms.SubjectKeyID(spki)
	if err != nil {
		tb.Fatal(err)
	}
	issuer := testKey(tb, "p256b").(crypto.Signer)
	template := &x509.Certificate{
		SerialNumber:   big.NewInt(serial),
		Subject:        pkix.Name{CommonName: "alice@example.org"},
		EmailAddresses: []string{"alice@example.org"},
		NotBefore:      testTime.AddDate(-10, 0, 0), NotAfter: testTime.AddDate(10, 0, 0),
		KeyUsage:     x509.KeyUsageKeyEncipherment | x509.KeyUsageKeyAgreement,
		SubjectKeyId: id,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, issuer.Public(), issuer)
	if err != nil {
		tb.Fatal(err)
	}
	// crypto/x509 makes none of ML-KEM: the key is put in its place, and the signature is wrong.
	own, err := cms.MarshalPublicKey(issuer.Public())
	if err != nil {
		tb.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		tb.Fatal(err)
	}
	tbs := bytes.Replace(contents(tb, cert.RawTBSCertificate), own, spki, 1)
	rest := contents(tb, der)[len(cert.RawTBSCertificate):]
	cert, err = x509.ParseCertificate(ber.TLV(ber.TagSequence, ber.TLV(ber.TagSequence, tbs), rest))
	if err != nil {
		tb.Fatal(err)
	}
	return cert
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

// person has a key and a certificate.
type person struct {
	Key
	pub crypto.PublicKey
}

func newPerson(tb testing.TB, key string, serial int64) person {
	tb.Helper()
	private := testKey(tb, key)
	pub := publicOf(tb, private)
	return person{Key{Private: private, Certificate: testCertificate(tb, pub, serial)}, pub}
}

// kinds are the keys that are encrypted to, and what Content.KeyEncryption then says.
var kinds = []struct {
	key    string
	oaep   bool
	method string
}{
	{"rsa2048", false, "rsa"},
	{"rsa2048", true, "rsa-oaep"},
	{"rsa3072", false, "rsa"},
	{"rsa4096", true, "rsa-oaep"},
	{"p256", false, "ecdh-p256"},
	{"p384", false, "ecdh-p384"},
	{"p521", false, "ecdh-p521"},
	{"x25519", false, "x25519"},
	{"ml-kem-768", false, "ml-kem-768"},
	{"ml-kem-1024", false, "ml-kem-1024"},
}

var ciphers = []Cipher{AES128CBC, AES256CBC, AES128GCM, AES256GCM, ChaCha20Poly1305}

func mustEncrypt(tb testing.TB, content string, opts EncryptOptions) []byte {
	tb.Helper()
	var out bytes.Buffer
	if err := Encrypt(&out, bytes.NewReader([]byte(content)), int64(len(content)), opts); err != nil {
		tb.Fatal(err)
	}
	return out.Bytes()
}
