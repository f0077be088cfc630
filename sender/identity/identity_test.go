package identity

import (
	"bytes"
	"crypto/sha256"
	"encoding/pem"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"dnseal/lookup/dane"
)

func TestCreateLoadList(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "identities")
	names := []string{"alice@example.org", `"a /b"@example.org`, "sensor7._device.example.net"}
	for _, name := range names {
		made, err := Create(dir, name, CreateOptions{Now: testNow})
		if err != nil {
			t.Fatal(err)
		}
		got, err := Load(dir, name)
		if err != nil {
			t.Fatal(err)
		}
		if got.Name != name || !got.Certificate.Equal(made.Certificate) || !sameKey(got.public(), made.Certificate) || got.KeyFile != made.KeyFile || got.CertFile != made.CertFile {
			t.Errorf("Load(%q) = %+v, want %+v", name, got, made)
		}
		for path, want := range map[string]fs.FileMode{filepath.Dir(made.KeyFile): 0o700, made.KeyFile: 0o600} {
			if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
				t.Errorf("%s: mode %v, %v, want %v", path, info.Mode(), err, want)
			}
		}
	}
	got, err := List(dir)
	slices.Sort(names)
	if err != nil || !slices.Equal(got, names) {
		t.Errorf("List = %q, %v, want %q", got, err, names)
	}
	entries, _ := os.ReadDir(dir)
	if len(entries) != len(names) {
		t.Errorf("left behind: %v", entries)
	}
}

func TestCreateNeverOverwrites(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first, err := Create(dir, "alice@example.org", CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	before, _ := os.ReadFile(first.KeyFile)
	if _, err = Create(dir, `"alice"@EXAMPLE.ORG`, CreateOptions{}); !errors.Is(err, fs.ErrExist) || Hint(err) == "" {
		t.Errorf("second Create: %v", err)
	}
	// The race: the folder appears between the look and the rename.
	if err := first.store(filepath.Dir(first.KeyFile), ""); !errors.Is(err, fs.ErrExist) {
		t.Errorf("store over a folder: %v", err)
	}
	if after, _ := os.ReadFile(first.KeyFile); !bytes.Equal(before, after) {
		t.Error("the key was overwritten")
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("left behind: %v", entries)
	}
}

func TestCreateErrors(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "d")
	for name, opts := range map[string]CreateOptions{
		"nonsense":          {},
		"alice@example.org": {Algorithm: "rot13"},
		"bob@example.org":   {Days: -1},
		"carol@example.org": {Days: maxDays + 1},
	} {
		if _, err := Create(dir, name, opts); err == nil {
			t.Errorf("Create(%q, %+v): no error", name, opts)
		}
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a failed Create made %s: %v", dir, err)
	}
}

func TestLoadRefuses(t *testing.T) {
	t.Parallel()
	const name = "alice@example.org"
	keyPEM := func(id *Identity) []byte { data, _ := os.ReadFile(id.KeyFile); return data }
	tests := []struct {
		what  string
		spoil func(t *testing.T, id, other *Identity)
		want  string
		hint  string
	}{
		{"key readable by others", func(_ *testing.T, id, _ *Identity) { os.Chmod(id.KeyFile, 0o640) }, "can be read by others", "chmod 600 "},
		{"another key", func(_ *testing.T, id, other *Identity) { os.WriteFile(id.KeyFile, keyPEM(other), 0o600) }, "is not that of the certificate", "first"},
		{"encrypted key", func(_ *testing.T, id, _ *Identity) {
			os.WriteFile(id.KeyFile, pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: []byte{0x30, 0}}), 0o600)
		}, "encrypted", "openssl pkey"},
		{"no key in the file", func(_ *testing.T, id, _ *Identity) { os.WriteFile(id.KeyFile, []byte("hello"), 0o600) }, "no private key", "PKCS #8"},
		{"broken key", func(_ *testing.T, id, _ *Identity) {
			os.WriteFile(id.KeyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte{0x30, 0}}), 0o600)
		}, "key of alice@example.org", ""},
		{"no certificate in the file", func(_ *testing.T, id, _ *Identity) { os.WriteFile(id.CertFile, nil, 0o600) }, "the file is empty", "remove "},
		{"broken certificate", func(_ *testing.T, id, _ *Identity) {
			os.WriteFile(id.CertFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte{0x30, 0}}), 0o600)
		}, "certificate of", ""},
		{"a folder for a key", func(_ *testing.T, id, _ *Identity) { os.Remove(id.KeyFile); os.Mkdir(id.KeyFile, 0o700) }, "no regular file", ""},
		{"huge key file", func(_ *testing.T, id, _ *Identity) { os.Truncate(id.KeyFile, 1<<30) }, "larger than", ""},
		{"no key", func(_ *testing.T, id, _ *Identity) { os.Remove(id.KeyFile) }, "there is no key.pem in", "PKCS #12"},
	}
	for _, tt := range tests {
		t.Run(tt.what, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			id, err := Create(dir, name, CreateOptions{})
			if err != nil {
				t.Fatal(err)
			}
			other, err := Create(dir, "bob@example.org", CreateOptions{})
			if err != nil {
				t.Fatal(err)
			}
			tt.spoil(t, id, other)
			got, err := Load(dir, name)
			if err == nil || got != nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(Hint(err), tt.hint) {
				t.Errorf("Load = %v, %v (hint %q), want %q (hint %q)", got, err, Hint(err), tt.want, tt.hint)
			}
		})
	}
}

// TestPSS: an identity remembers by its certificate that it signs by RSASSA-PSS, and no CA's way of
// signing counts for it.
func TestPSS(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, algorithm := range map[string]string{"alice@example.org": "rsa2048-pss", "bob@example.org": "rsa2048", "carol@example.org": "p521"} {
		if _, err := Create(dir, name, CreateOptions{Algorithm: algorithm}); err != nil {
			t.Fatal(err)
		}
		id, err := Load(dir, name)
		if err != nil {
			t.Fatal(err)
		}
		if want := algorithm == "rsa2048-pss"; id.PSS != want {
			t.Errorf("%s: PSS %t, want %t", algorithm, id.PSS, want)
		}
		id.Certificate.RawIssuer = []byte("a CA")
		if selfSignedByPSS(id.Certificate) {
			t.Errorf("%s: issued by a CA, and still PSS", algorithm)
		}
	}
}

func TestRawKey(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	made, err := Create(dir, "alice@example.org", CreateOptions{Algorithm: "ed25519"})
	if err != nil {
		t.Fatal(err)
	}
	if err = os.Remove(made.CertFile); err != nil {
		t.Fatal(err)
	}
	id, err := Load(dir, "alice@example.org")
	if err != nil || id.Certificate != nil || id.CertFile != "" {
		t.Fatalf("Load = %+v, %v", id, err)
	}
	r, err := id.Record(3, 1, 0)
	if err != nil || !bytes.Equal(r.Data, made.Certificate.RawSubjectPublicKeyInfo) {
		t.Errorf("Record(3, 1, 0) = %x, %v", r.Data, err)
	}
	for _, v := range [][3]uint8{{3, 0, 1}, {1, 1, 1}, {2, 1, 1}} {
		if _, err = id.Record(v[0], v[1], v[2]); err == nil || Hint(err) == "" {
			t.Errorf("Record(%v): %v", v, err)
		}
	}
}

func TestRecord(t *testing.T) {
	t.Parallel()
	id, ca := testIdentity(t, Mail, "alice@example.org", "p256"), testIdentity(t, Mail, "ca@example.org", "p256")
	spki := sha256.Sum256(id.Certificate.RawSubjectPublicKeyInfo)
	r, err := id.Record(3, 1, 1)
	if err != nil || !bytes.Equal(r.Data, spki[:]) {
		t.Errorf("Record(3, 1, 1) = %x, %v, want %x", r.Data, err, spki)
	}
	if r, err = id.Record(3, 0, 2); err != nil || len(r.Data) != 64 {
		t.Errorf("Record(3, 0, 2) = %x, %v", r.Data, err)
	}
	for _, v := range [][3]uint8{{4, 0, 0}, {3, 2, 0}, {3, 0, 3}, {2, 1, 1}, {0, 0, 1}} {
		if _, err = id.Record(v[0], v[1], v[2]); err == nil || Hint(err) == "" {
			t.Errorf("Record(%v): %v", v, err)
		}
	}
	id.Chain = append(id.Chain, ca.Certificate)
	if r, err = id.Record(2, 0, 0); err != nil || !bytes.Equal(r.Data, ca.Certificate.Raw) {
		t.Errorf("Record(2, 0, 0) is not the CA's: %v", err)
	}
}

func TestOwnerNameAndFormat(t *testing.T) {
	t.Parallel()
	record := dane.Record{Usage: 3, Selector: 1, MatchingType: 1, Data: []byte{0xab, 0xcd}}
	tests := []struct {
		kind   Kind
		name   string
		format RecordFormat
		want   string
		ttl    time.Duration
	}{
		// The hash is that of RFC 8162's example local part, "hugh".
		{Mail, "hugh@example.com", "zone", "c93f1e400f26708f98cb19d936620da35eec8f72e57f9eec01c1afd6._smimecert.example.com. 3600 IN SMIMEA 3 1 1 abcd", time.Hour},
		{Device, "sensor7._device.example.net", "", "sensor7._device.example.net. IN TLSA 3 1 1 abcd", 0},
		{Device, "sensor7._device.example.net", "rfc3597", `sensor7._device.example.net. 60 IN TYPE52 \# 5 030101abcd`, time.Minute},
	}
	for _, tt := range tests {
		id := &Identity{Name: tt.name, Kind: tt.kind}
		owner, typ, err := id.OwnerName()
		if err != nil {
			t.Fatal(err)
		}
		got, err := FormatRecord(owner, typ, record, tt.ttl, tt.format)
		if err != nil || got != tt.want {
			t.Errorf("FormatRecord = %q, %v, want %q", got, err, tt.want)
		}
	}
	if _, err := FormatRecord("x.", dane.TLSA, record, 0, "bind"); Hint(err) == "" {
		t.Errorf("unknown format: %v", err)
	}
	if _, err := FormatRecord("x.", 1, record, 0, "zone"); err == nil {
		t.Error("unknown type: no error")
	}
}

// TestPublicHalf: a folder with the public key alone is an identity that is listed and published,
// and that cannot sign; its file may be read by others.
func TestPublicHalf(t *testing.T) {
	t.Parallel()
	for _, algorithm := range []string{"p256", "rsa2048-pss", "ed25519"} {
		dir := t.TempDir()
		made, err := Create(dir, "alice@example.org", CreateOptions{Algorithm: algorithm})
		if err != nil {
			t.Fatal(err)
		}
		public := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: made.Certificate.RawSubjectPublicKeyInfo})
		if err = errors.Join(os.WriteFile(made.KeyFile, public, 0o600), os.Chmod(made.KeyFile, 0o644)); err != nil {
			t.Fatal(err)
		}
		for _, with := range []string{"certificate", "nothing"} {
			if with == "nothing" {
				_ = os.Remove(made.CertFile)
			}
			for what, load := range map[string]func(dir, name string) (*Identity, error){"Load": Load, "LoadPublic": LoadPublic} {
				id, err := load(dir, "alice@example.org")
				if err != nil {
					t.Fatal(err)
				}
				if id.Key != nil || id.Public == nil || !errors.Is(id.CanSign(), ErrNoPrivateKey) || Hint(id.CanSign()) == "" {
					t.Errorf("%s with %s: Key %v, Public %v, CanSign %v", what, with, id.Key, id.Public, id.CanSign())
				}
				if _, err = id.Signer().Ready(); err == nil {
					t.Error("a signer without key is ready")
				}
				want, _ := made.Record(3, 1, 1)
				if r, err := id.Record(3, 1, 1); err != nil || !bytes.Equal(r.Data, want.Data) {
					t.Errorf("Record = %v, %v, want %v", r, err, want)
				}
				if id.KeyType() != made.KeyType() && with == "certificate" {
					t.Errorf("KeyType = %s, want %s", id.KeyType(), made.KeyType())
				}
			}
		}
		if names, err := List(dir); err != nil || len(names) != 1 {
			t.Errorf("List = %q, %v", names, err)
		}
	}
}

// TestLoadPublicOpensNoKey: where the certificate says what is published, the key file needs only
// be there.
func TestLoadPublicOpensNoKey(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	made, err := Create(dir, "alice@example.org", CreateOptions{Algorithm: "rsa2048-pss"})
	if err != nil {
		t.Fatal(err)
	}
	if err = os.WriteFile(made.KeyFile, []byte(schemeLine+"\ncredential:nowhere\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	id, err := LoadPublic(dir, "alice@example.org")
	if err != nil || id.Key != nil || !id.PSS || id.CertFile != made.CertFile {
		t.Fatalf("LoadPublic = %+v, %v", id, err)
	}
	if err = os.Remove(made.KeyFile); err != nil {
		t.Fatal(err)
	}
	if _, err = LoadPublic(dir, "alice@example.org"); !errors.Is(err, fs.ErrNotExist) || Hint(err) == "" {
		t.Errorf("LoadPublic without key.pem: %v", err)
	}
}
