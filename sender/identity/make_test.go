package identity

import (
	"bytes"
	"encoding/pem"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestMakeAndStore: what Make makes and StoreUnsynced writes is the identity that Create writes.
func TestMakeAndStore(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const name = "sensor7._device.example.net"
	id, err := Make(name, CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	key, cert, err := id.Files("")
	if err != nil {
		t.Fatal(err)
	}
	if entries, e := os.ReadDir(dir); e != nil || len(entries) > 0 {
		t.Errorf("%v, %v", entries, e)
	}
	if err = StoreUnsynced(dir, name, key, cert); err != nil {
		t.Fatal(err)
	}
	there, err := Load(dir, name)
	if err != nil {
		t.Fatal(err)
	}
	if there.KeyID() != id.KeyID() || there.CheckName() != nil || !there.Certificate.Equal(id.Certificate) {
		t.Error("another identity was stored")
	}
	if err = StoreUnsynced(dir, name, key, cert); !errors.Is(err, fs.ErrExist) {
		t.Errorf("stored twice: %v", err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("%v, %v", entries, err)
	}
}

// TestStoreUnsyncedAgain: what a run that was killed has left is in nobody's way.
func TestStoreUnsyncedAgain(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const name = "sensor7._device.example.net"
	half := unfinished(dir, name)
	if err := os.Mkdir(half, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(half, keyFile), []byte("a longer half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := StoreUnsynced(dir, name, []byte("another"), []byte("cert")); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(filepath.Join(dir, name, keyFile)); err != nil || string(text) != "another" {
		t.Errorf("%s, %v", text, err)
	}
}

// TestPEMText: the text is that of encoding/pem.
func TestPEMText(t *testing.T) {
	t.Parallel()
	data := bytes.Repeat([]byte("dnseal"), 40)
	for n := range data {
		want := pem.EncodeToMemory(&pem.Block{Type: "A KEY", Bytes: data[:n]})
		if got := pemText("A KEY", data[:n]); !bytes.Equal(got, want) {
			t.Fatalf("%d octets:\n%s%s", n, got, want)
		}
	}
}

// TestReadPublic: the public half alone is taken, and nothing that names a key.
func TestReadPublic(t *testing.T) {
	t.Parallel()
	const name = "sensor7._device.example.net"
	made, err := Make(name, CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	public, err := made.PublicPEM()
	if err != nil {
		t.Fatal(err)
	}
	key, cert, err := made.Files("")
	if err != nil {
		t.Fatal(err)
	}
	for form, data := range map[string][]byte{"key": public, "certificate": cert, "both": append(bytes.Clone(public), cert...), "DER": made.Certificate.Raw} {
		id, e := ReadPublic(name, data)
		if e != nil || id.KeyID() != made.KeyID() || id.CanSign() == nil || (id.Certificate == nil) != (form == "key") {
			t.Errorf("%s: %v", form, e)
			continue
		}
		text, _, e := id.Files("")
		if e != nil || !bytes.Equal(text, public) {
			t.Errorf("%s: %s, %v", form, text, e)
		}
	}
	other, err := Make("other._device.example.net", CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for want, data := range map[string][]byte{
		"private key":                 key,
		"PKCS #11":                    []byte("pkcs11:object=a?module-path=/tmp/a.so"),
		"systemd credential":          []byte("credential:secret"),
		"nothing":                     nil,
		"a key inside a TPM":          []byte("-----BEGIN TSS2 PRIVATE KEY-----\nAAAA\n-----END TSS2 PRIVATE KEY-----\n"),
		"is for other":                EncodeCertificates(other.Certificate),
		"none of the certificates is": append(bytes.Clone(public), EncodeCertificates(other.Certificate)...),
		"it is larger":                bytes.Repeat([]byte("x"), maxPEM+1),
	} {
		if _, err := ReadPublic(name, data); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
