package identity

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"dnseal/sender/identity/pkcs8"
	"dnseal/smime/certificate"
)

// certified makes the certificate of a CA for the key of id.
func certified(t *testing.T, ca, id *Identity) []byte {
	t.Helper()
	template, err := CertificateTemplate(id.Kind, id.Name, id.Public, testNow, 30)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := ca.SignCertificate(template, ca.Certificate, id.Public)
	if err != nil {
		t.Fatal(err)
	}
	return encodeCertificate(cert)
}

func importOf(dir string, files ...[]byte) (*Imported, error) {
	var in []File
	for _, data := range files {
		in = append(in, File{Name: "file", Data: data})
	}
	return Import(dir, formName, in, ImportOptions{Now: testNow})
}

// TestImportOfNextKey: while a rollover runs, a certificate of the next key goes to it, and the
// active one is left alone.
func TestImportOfNextKey(t *testing.T) {
	t.Parallel()
	dir, other := t.TempDir(), t.TempDir()
	ca, err := Create(other, "ca@example.org", CreateOptions{Now: testNow})
	if err != nil {
		t.Fatal(err)
	}
	active, err := Create(dir, formName, CreateOptions{Now: testNow})
	if err != nil {
		t.Fatal(err)
	}
	next, err := Create(other, formName, CreateOptions{Now: testNow})
	if err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(filepath.Dir(active.KeyFile), NextFolder)
	if err = os.Rename(filepath.Dir(next.KeyFile), folder); err != nil {
		t.Fatal(err)
	}
	done, err := importOf(dir, certified(t, ca, next))
	if err != nil || len(done.Done) == 0 {
		t.Fatalf("Import = %+v, %v", done, err)
	}
	got, err := Loader{}.LoadFolder(folder, formName)
	if err != nil || got.Certificate.Equal(next.Certificate) {
		t.Errorf("the next certificate is the old one, %v", err)
	}
	if got, err = Load(dir, formName); err != nil || !got.Certificate.Equal(active.Certificate) {
		t.Errorf("the active certificate changed, %v", err)
	}
	if _, err = importOf(dir, certified(t, ca, ca)); err == nil || !strings.Contains(err.Error(), "nothing was changed") {
		t.Errorf("a certificate of neither key: %v", err)
	}
}

// TestImportMends: a certificate of the key takes the place of one that is another's, or broken.
func TestImportMends(t *testing.T) {
	t.Parallel()
	ca, err := Create(t.TempDir(), "ca@example.org", CreateOptions{Now: testNow})
	if err != nil {
		t.Fatal(err)
	}
	for what, spoiled := range map[string][]byte{"another's": encodeCertificate(ca.Certificate), "broken": []byte("hello")} {
		dir := t.TempDir()
		id, err := Create(dir, formName, CreateOptions{Now: testNow})
		if err != nil {
			t.Fatal(err)
		}
		if err = os.WriteFile(id.CertFile, spoiled, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err = Load(dir, formName); err == nil {
			t.Fatalf("%s: loaded", what)
		}
		if _, err = importOf(dir, certified(t, ca, id)); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		if _, err = Load(dir, formName); err != nil {
			t.Errorf("%s, after import: %v", what, err)
		}
	}
}

// TestImportKeepsTheKey: no file makes Import change or lose a private key that is there.
func TestImportKeepsTheKey(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	id, err := Create(dir, formName, CreateOptions{Passphrase: "x", Now: testNow})
	if err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(id.KeyFile)
	if err != nil {
		t.Fatal(err)
	}
	other, err := encodeKey(testIdentity(t, Mail, formName, "ed25519").Key, false, "")
	if err != nil {
		t.Fatal(err)
	}
	plain, err := encodeKey(id.Key, false, "")
	if err != nil {
		t.Fatal(err)
	}
	public, err := id.PublicPEM()
	if err != nil {
		t.Fatal(err)
	}
	for what, tt := range map[string]struct {
		file  []byte
		fails bool
	}{
		"another key":          {other, true},
		"the key, unencrypted": {plain, false},
		"its public half":      {public, false},
		"its certificate":      {encodeCertificate(id.Certificate), false},
		"nothing":              {nil, true},
	} {
		if _, err = importOf(dir, tt.file); (err != nil) != tt.fails {
			t.Errorf("%s: %v", what, err)
		}
		if after, err := os.ReadFile(id.KeyFile); err != nil || string(after) != string(before) {
			t.Errorf("%s: the key changed, %v", what, err)
		}
	}
	if entries, err := os.ReadDir(filepath.Dir(id.KeyFile)); err != nil || len(entries) != 2 {
		t.Errorf("in the folder: %v, %v", entries, err)
	}
}

// TestImportOfLockedRawKey: what is published of an encrypted key without certificate is known
// without its passphrase.
func TestImportOfLockedRawKey(t *testing.T) {
	t.Parallel()
	key, err := encodeKey(testIdentity(t, Mail, formName, "p256").Key, false, "x")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	asked := func(string) (string, error) { return "x", nil }
	done, err := Import(dir, formName, []File{{Name: "k", Data: key}}, ImportOptions{Passphrase: asked, Raw: true})
	if err != nil || !done.Encrypted {
		t.Fatalf("Import = %+v, %v", done, err)
	}
	if _, err = Load(dir, formName); !errors.Is(err, ErrLocked) {
		t.Errorf("Load = %v", err)
	}
	if id, e := LoadPublic(dir, formName); e != nil || id.Certificate != nil || id.Public == nil {
		t.Errorf("LoadPublic = %+v, %v", id, e)
	}
	if _, err = Import(t.TempDir(), formName, []File{{Name: "k", Data: key}}, ImportOptions{}); !errors.Is(err, ErrLocked) {
		t.Errorf("Import without passphrase: %v", err)
	}
	whole, err := Loader{Passphrase: asked}.Load(dir, formName)
	if err != nil || whole.CanSign() != nil {
		t.Errorf("Load with the passphrase: %v", err)
	}
}

// TestImportBounds: what an import computes with is bounded before it is.
func TestImportBounds(t *testing.T) {
	t.Parallel()
	number := make([]byte, certificate.MaxRSABits/8+1)
	for i := range number {
		number[i] = 0xff
	}
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1Int64(0)
		for range 8 {
			b.AddASN1BigInt(new(big.Int).SetBytes(number))
		}
	})
	rsaKey := b.BytesOrPanic()
	pkcs8Of := func(oid string) []byte {
		parsed, err := x509.ParseOID(oid)
		if err != nil {
			t.Fatal(err)
		}
		var b cryptobyte.Builder
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1Int64(0)
			b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
				der, _ := parsed.MarshalBinary()
				b.AddASN1(cbasn1.OBJECT_IDENTIFIER, func(b *cryptobyte.Builder) { b.AddBytes(der) })
				b.AddASN1NULL()
			})
			b.AddASN1OctetString(rsaKey)
		})
		return b.BytesOrPanic()
	}
	encrypted, err := pkcs8.Encrypt(pkcs8Of(oidRSA), "x")
	if err != nil {
		t.Fatal(err)
	}
	small, err := Create(t.TempDir(), "alice@example.org", CreateOptions{Passphrase: "x"})
	if err != nil {
		t.Fatal(err)
	}
	one, err := os.ReadFile(small.KeyFile)
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		data []byte
		want string
	}{
		"PKCS #1":           {pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: rsaKey}), "8200 bits"},
		"PKCS #8":           {pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8Of(oidRSA)}), "8200 bits"},
		"PKCS #8 PSS":       {pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8Of(oidRSAPSS)}), "8200 bits"},
		"PKCS #8 encrypted": {pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: encrypted}), "8200 bits"},
		"five encrypted":    {bytes.Repeat(one, maxEncrypted+1), "more than 4 encrypted keys"},
	} {
		_, err = Import(t.TempDir(), "alice@example.org", []File{{Name: "f", Data: tt.data}}, ImportOptions{Passphrase: func(string) (string, error) { return "x", nil }})
		if err == nil || !strings.Contains(err.Error(), tt.want) || Hint(err) == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err = Import(t.TempDir(), "alice@example.org", []File{{Name: "f", Data: bytes.Repeat(one, maxEncrypted)}}, ImportOptions{Passphrase: func(string) (string, error) { return "x", nil }}); err != nil {
		t.Errorf("four encrypted: %v", err)
	}
}

// TestImportPKCS12OfMLKEM: the key goes where keys for encryption are, and is known although it is
// stored encrypted.
func TestImportPKCS12OfMLKEM(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile(filepath.Join("testdata", "pkcs12", "openssl-3.5-mlkem768.p12"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	done, err := Import(dir, "k2@example.org", []File{{Name: "k.p12", Data: data}}, ImportOptions{Passphrase: func(string) (string, error) { return "x", nil }})
	if err != nil {
		t.Fatal(err)
	}
	if id := done.Identity; !done.Encrypted || id.KeyType() != "ML-KEM-768" || id.Use() != UseEncrypt || id.Certificate == nil || !id.Decrypts() {
		t.Errorf("%+v", id)
	}
}
