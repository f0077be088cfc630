package identity

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dnseal/lookup/lookuptest/peertest"
)

// TestPublicOfAnotherKey: what would be published is the key that signs. Where key.pem can be read
// without a secret a certificate of another key is refused, as Load refuses it.
func TestPublicOfAnotherKey(t *testing.T) {
	t.Parallel()
	const name = "alice@example.org"
	for _, passphrase := range []string{"", "x"} {
		dir := t.TempDir()
		alice, err := Create(dir, name, CreateOptions{Passphrase: passphrase})
		if err != nil {
			t.Fatal(err)
		}
		bob, err := Create(dir, "bob@example.org", CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if err = ReplaceFile(alice.CertFile, EncodeCertificates(bob.Certificate), 0o644); err != nil {
			t.Fatal(err)
		}
		_, err = LoadPublic(dir, name)
		if refused := err != nil && strings.Contains(err.Error(), "is not that of the certificate") && Hint(err) != ""; refused != (passphrase == "") {
			t.Errorf("passphrase %q: %v", passphrase, err)
		}
	}
}

// TestPublicOfSet: of the certificates in a PKCS #7 file, which is a set, that of key.pem counts.
func TestPublicOfSet(t *testing.T) {
	t.Parallel()
	peertest.Program(t, "openssl")
	dir := t.TempDir()
	alice, err := Create(dir, "alice@example.org", CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	other, err := Create(dir, "other@example.org", CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	set := output(t, dir, "openssl crl2pkcs7 -nocrl -certfile "+alice.CertFile+" -certfile "+other.CertFile, nil)
	for _, own := range []*Identity{alice, other} { // in a set one of them is the first
		if err = os.WriteFile(own.CertFile, set, 0o600); err != nil {
			t.Fatal(err)
		}
		id, err := LoadPublic(dir, own.Name)
		if err != nil || !id.Certificate.Equal(own.Certificate) || id.KeyID() != own.KeyID() || id.Key != nil {
			t.Errorf("%s: %+v, %v", own.Name, id, err)
		}
	}
}

// TestPublicDuringSwitch: key.pem is the next key already, and cert.pem is not yet.
func TestPublicDuringSwitch(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first, err := Create(dir, "alice@example.org", CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	second, err := Create(t.TempDir(), first.Name, CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	next := filepath.Join(filepath.Dir(first.KeyFile), NextFolder)
	if err = errors.Join(os.Mkdir(next, 0o700), os.Rename(second.KeyFile, first.KeyFile), os.Rename(second.CertFile, filepath.Join(next, certFile))); err != nil {
		t.Fatal(err)
	}
	id, err := LoadPublic(dir, first.Name)
	if err != nil || id.KeyID() != second.KeyID() || id.Key != nil || !id.Certificate.Equal(second.Certificate) {
		t.Errorf("%+v, %v", id, err)
	}
}
