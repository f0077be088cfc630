package identity

import (
	"bytes"
	"crypto/mlkem"
	"crypto/x509"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/mldsa"

	"dnseal/sender/identity/pkcs8"
	"dnseal/smime/cms"
)

const alice = "alice@example.org"

func create(t *testing.T, dir string, opts CreateOptions) *Identity {
	t.Helper()
	id, err := Create(dir, alice, opts)
	if err != nil {
		t.Fatalf("%+v: %v", opts, err)
	}
	return id
}

// TestCreateForUses: every algorithm for every use that it has, read back as it was made, with the
// keyUsage of RFC 8550, Section 4.4.2, and of the RFC of the key.
func TestCreateForUses(t *testing.T) {
	t.Parallel()
	const (
		signs     = x509.KeyUsageDigitalSignature
		enciphers = x509.KeyUsageKeyEncipherment
		agrees    = x509.KeyUsageKeyAgreement
	)
	for _, tt := range []struct {
		use        Use
		algorithms string
		usage      x509.KeyUsage
		form       [3]uint8
	}{
		{UseSign, "p256 p384 p521 rsa2048 rsa2048-pss ed25519 ml-dsa-44 ml-dsa-65 ml-dsa-87", signs, [3]uint8{3, 1, 1}},
		{UseEncrypt, "p256 p384 p521 x25519", agrees, [3]uint8{3, 0, 0}},
		{UseEncrypt, "rsa2048 ml-kem-768 ml-kem-1024", enciphers, [3]uint8{3, 0, 0}},
		{UseBoth, "p256 p384 p521", signs | agrees, [3]uint8{3, 0, 0}},
		{UseBoth, "rsa2048 rsa2048-pss", signs | enciphers, [3]uint8{3, 0, 0}},
	} {
		for algorithm := range strings.FieldsSeq(tt.algorithms) {
			t.Run(string(tt.use)+" "+algorithm, func(t *testing.T) {
				t.Parallel()
				dir := t.TempDir()
				if tt.use == UseEncrypt {
					create(t, dir, CreateOptions{}) // certifies a key that cannot
				}
				made := create(t, dir, CreateOptions{Use: tt.use, Algorithm: algorithm, Passphrase: "x"})
				l := Loader{Passphrase: func(string) (string, error) { return "x", nil }}
				id, err := l.LoadFolder(filepath.Dir(made.KeyFile), alice)
				if err != nil {
					t.Fatal(err, Hint(err))
				}
				if id.Algorithm() != algorithm || id.Use() != tt.use || id.Certificate == nil || id.Certificate.KeyUsage != tt.usage || id.Certificate.BasicConstraintsValid || !id.Names(id.Certificate) {
					t.Errorf("algorithm %s, use %s, certificate %+v", id.Algorithm(), id.Use(), id.Certificate)
				}
				if usage, selector, matching := id.RecordForm(); [3]uint8{usage, selector, matching} != tt.form {
					t.Errorf("record %d %d %d", usage, selector, matching)
				}
				if (id.CanSign() == nil) != !onlyEncrypts(id.Public) || (id.DecryptionKey() != nil) != (tt.use != UseSign) {
					t.Errorf("signs %v, decrypts %v", id.CanSign() == nil, id.DecryptionKey() != nil)
				}
				public, err := LoadPublicFolder(filepath.Dir(made.KeyFile), alice)
				if err != nil || public.KeyID() != id.KeyID() || public.Use() != tt.use {
					t.Errorf("LoadPublicFolder: %+v, %v", public, err)
				}
			})
		}
	}
}

// TestCreateRefusesImpossiblePairs in one line, and leaves nothing behind.
func TestCreateRefusesImpossiblePairs(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		use             Use
		algorithm, want string
	}{
		{UseSign, "x25519", "x25519 keys are not for the use sign"},
		{UseSign, "ml-kem-768", "ml-kem-768 keys are not for the use sign"},
		{UseEncrypt, "ed25519", "ed25519 keys are not for the use encrypt"},
		{UseEncrypt, "ml-dsa-65", "ml-dsa-65 keys are not for the use encrypt"},
		{UseEncrypt, "rsa2048-pss", "rsa2048-pss keys are not for the use encrypt"},
		{UseBoth, "x25519", "x25519 keys are not for the use both"},
		{UseBoth, "p257", "unknown algorithm"},
		{"read", "p256", `no use "read"`},
	} {
		dir := t.TempDir()
		_, err := Create(dir, alice, CreateOptions{Use: tt.use, Algorithm: tt.algorithm})
		if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.HasPrefix(Hint(err), "use one of ") {
			t.Errorf("%s for %s: %v (%s)", tt.algorithm, tt.use, err, Hint(err))
		}
		if entries, _ := os.ReadDir(dir); len(entries) != 0 {
			t.Errorf("%s for %s leaves %v", tt.algorithm, tt.use, entries)
		}
	}
	if _, err := Create(t.TempDir(), alice, CreateOptions{Use: UseEncrypt, PKCS11: "pkcs11:token=x"}); err == nil || !strings.Contains(err.Error(), "only signs") {
		t.Errorf("on a token: %v", err)
	}
}

// TestEncryptionKeyBesideOthers: before and after the one that signs, and never over another.
func TestEncryptionKeyBesideOthers(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	raw := create(t, dir, CreateOptions{Use: UseEncrypt, Algorithm: "ml-kem-768", Passphrase: "x"})
	if raw.Certificate != nil || raw.CertFile != "" {
		t.Errorf("a certificate that nobody signed: %+v", raw)
	}
	if usage, selector, matching := raw.RecordForm(); usage != 3 || selector != 1 || matching != 0 {
		t.Errorf("record %d %d %d", usage, selector, matching)
	}
	if _, err := Load(dir, alice); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(Hint(err), "identity new") {
		t.Errorf("Load: %v (%s)", err, Hint(err))
	}
	names, err := List(dir)
	all, errAll := ListAll(dir)
	if len(names) != 0 || len(all) != 1 || err != nil || errAll != nil {
		t.Errorf("List %v, ListAll %v, %v, %v", names, all, err, errAll)
	}
	if ids, err := LoadAllPublic(dir, alice); err != nil || len(ids) != 1 || ids[0].KeyID() != raw.KeyID() || ids[0].Private != nil {
		t.Errorf("LoadAllPublic: %v, %v", ids, err)
	}
	create(t, dir, CreateOptions{})
	if ids, err := LoadAllPublic(dir, alice); err != nil || len(ids) != 2 || ids[0].Use() != UseSign || ids[1].KeyID() != raw.KeyID() {
		t.Errorf("LoadAllPublic: %v, %v", ids, err)
	}
	for _, use := range []Use{UseSign, UseEncrypt, UseBoth} {
		if _, err := Create(dir, alice, CreateOptions{Use: use}); !errors.Is(err, fs.ErrExist) {
			t.Errorf("again for %s: %v", use, err)
		}
	}
}

// TestLockedKeyCertifiesWithItsPassphrase.
func TestLockedKeyCertifiesWithItsPassphrase(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	signs := create(t, dir, CreateOptions{Passphrase: "x"})
	opts := CreateOptions{Use: UseEncrypt, Algorithm: "x25519"}
	if _, err := Create(dir, alice, opts); !errors.Is(err, ErrLocked) {
		t.Errorf("without a passphrase: %v", err)
	}
	opts.Loader.Passphrase = func(string) (string, error) { return "x", nil }
	id := create(t, dir, opts)
	if err := signs.Certificate.CheckSignature(id.Certificate.SignatureAlgorithm, id.Certificate.RawTBSCertificate, id.Certificate.Signature); err != nil {
		t.Error(err)
	}
	if !bytes.Equal(id.Certificate.RawIssuer, id.Certificate.RawSubject) || string(id.Certificate.AuthorityKeyId) != string(signs.Certificate.SubjectKeyId) {
		t.Errorf("certificate %+v", id.Certificate)
	}
}

// TestPostQuantumKeyBesideAClassicalOne is loaded with it, and no more once it is revoked.
func TestPostQuantumKeyBesideAClassicalOne(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := create(t, dir, CreateOptions{})
	pq := create(t, dir, CreateOptions{Algorithm: "ml-dsa-65"})
	if filepath.Dir(pq.KeyFile) != filepath.Join(filepath.Dir(first.KeyFile), PostQuantumFolder) {
		t.Errorf("it is in %s", pq.KeyFile)
	}
	for what, load := range map[string]func(dir, name string) (*Identity, error){"Load": Load, "LoadPublic": LoadPublic} {
		id, err := load(dir, alice)
		if err != nil || id.PostQuantum == nil || id.PostQuantum.KeyID() != pq.KeyID() || id.KeyType() != "ECDSA P-256" || id.PostQuantum.KeyType() != "ML-DSA-65" {
			t.Fatalf("%s: %+v, %v", what, id, err)
		}
	}
	if _, err := Create(dir, alice, CreateOptions{Algorithm: "ml-dsa-87"}); !errors.Is(err, fs.ErrExist) {
		t.Errorf("another one: %v", err)
	}
	if err := os.WriteFile(filepath.Join(filepath.Dir(first.KeyFile), RevokedFile), []byte(pq.KeyID()+" 2026-11-30T00:00:00Z\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if id, err := Load(dir, alice); err != nil || id.PostQuantum != nil {
		t.Errorf("with a revoked one: %+v, %v", id, err)
	}
	alone := t.TempDir()
	create(t, alone, CreateOptions{Algorithm: "ml-dsa-44"})
	if id, err := Load(alone, alice); err != nil || id.PostQuantum != nil || id.CanSign() != nil {
		t.Errorf("alone: %+v, %v", id, err)
	} else if err = mldsa.Verify(id.Public.(*mldsa.PublicKey), id.Certificate.RawTBSCertificate, id.Certificate.Signature, nil); err != nil {
		t.Error(err)
	}
}

// TestImportChoosesThePlace by what the key is for.
func TestImportChoosesThePlace(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	imported := func(opts ImportOptions, data []byte) *Imported {
		t.Helper()
		done, err := Import(dir, alice, []File{{Name: "k", Data: data}}, opts)
		if err != nil {
			t.Fatal(err, Hint(err))
		}
		return done
	}
	kem, err := mlkem.GenerateKey1024()
	if err != nil {
		t.Fatal(err)
	}
	der, err := pkcs8.MarshalSeed(kem)
	if err != nil {
		t.Fatal(err)
	}
	if done := imported(ImportOptions{}, der); done.Identity.Use() != UseEncrypt || done.Identity.Certificate != nil || done.Half {
		t.Errorf("ML-KEM: %+v", done)
	}
	if done := imported(ImportOptions{}, der); done.Done != nil {
		t.Errorf("ML-KEM again: %v", done.Done)
	}
	for _, algorithm := range []string{"p256", "ml-dsa-65"} {
		key, keyErr := generateKey(algorithm, UseSign)
		if keyErr != nil {
			t.Fatal(keyErr)
		}
		text, keyErr := encodeKey(key, false, "")
		if keyErr != nil {
			t.Fatal(keyErr)
		}
		if done := imported(ImportOptions{}, text); done.Identity.Algorithm() != algorithm || done.Identity.Certificate == nil {
			t.Errorf("%s: %+v", algorithm, done)
		}
	}
	id, err := Load(dir, alice)
	if err != nil || id.KeyType() != "ECDSA P-256" || id.PostQuantum == nil {
		t.Fatalf("%+v, %v", id, err)
	}
	// The certificate of the key for encryption comes later.
	spki, err := cms.MarshalPublicKey(kem.EncapsulationKey())
	if err != nil {
		t.Fatal(err)
	}
	public, err := cms.ParsePublicKey(spki)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := id.certify(&Identity{Name: alice, Kind: Mail, Public: public}, CreateOptions{Use: UseEncrypt, Now: testNow})
	if err != nil {
		t.Fatal(err)
	}
	if done := imported(ImportOptions{}, cert.Raw); !done.Identity.Certificate.Equal(cert) || done.Identity.Use() != UseEncrypt {
		t.Errorf("certificate: %+v", done)
	}
	other := t.TempDir()
	dir = other
	key, err := generateKey("rsa2048", UseEncrypt)
	if err != nil {
		t.Fatal(err)
	}
	text, err := encodeKey(key, false, "")
	if err != nil {
		t.Fatal(err)
	}
	if done := imported(ImportOptions{Encrypt: true}, text); done.Identity.Use() != UseEncrypt || done.Identity.Certificate.KeyUsage != x509.KeyUsageKeyEncipherment {
		t.Errorf("RSA for encryption: %+v", done.Identity.Certificate)
	}
}
