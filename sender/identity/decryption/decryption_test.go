package decryption

import (
	"crypto/x509"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dnseal/sender/identity"
)

const both = x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment | x509.KeyUsageKeyAgreement

// create makes an identity whose certificate has the keyUsage.
func create(t *testing.T, dir, name string, usage x509.KeyUsage, opts identity.CreateOptions) *identity.Identity {
	t.Helper()
	opts.Certify = func(id *identity.Identity) (*x509.Certificate, error) {
		template, err := identity.CertificateTemplate(id.Kind, id.Name, id.Public, time.Now(), 100)
		if err != nil {
			return nil, err
		}
		template.KeyUsage = usage
		return id.SignCertificate(template, template, id.Public)
	}
	id, err := identity.Create(dir, name, opts)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// move moves files of a folder to another.
func move(t *testing.T, from, to string, files map[string]string) {
	t.Helper()
	if err := os.MkdirAll(to, 0o700); err != nil {
		t.Fatal(err)
	}
	for old, name := range files {
		if err := os.Rename(filepath.Join(from, old), filepath.Join(to, name)); err != nil {
			t.Fatal(err)
		}
	}
}

// paths are where the keys were read from, below dir.
func paths(dir string, keys []Key) string {
	var all []string
	for _, k := range keys {
		rel, _ := filepath.Rel(dir, k.File)
		all = append(all, filepath.ToSlash(rel))
	}
	return strings.Join(all, " ")
}

const alice = "alice@example.org"

// TestLoadFindsEarlierAndNextKeys: mail to each of them can be under way.
func TestLoadFindsEarlierAndNextKeys(t *testing.T) {
	t.Parallel()
	dir, elsewhere := t.TempDir(), t.TempDir()
	whole := map[string]string{"key.pem": "key.pem", "cert.pem": "cert.pem"}
	folder := filepath.Dir(create(t, dir, alice, both, identity.CreateOptions{}).KeyFile)
	for to, files := range map[string]map[string]string{
		"next":                 whole,
		"old/2026-01-01-a":     {"key.pem": identity.DecryptFile, "cert.pem": "cert.pem"},
		"old/2026-02-01-b":     whole,
		"old/.half":            whole,
		"encrypt":              whole,
		"encrypt/old/2025-a":   whole,
		"encrypt/old/2024-raw": {"key.pem": "key.pem"},
	} {
		other := t.TempDir()
		move(t, filepath.Dir(create(t, other, alice, both, identity.CreateOptions{}).KeyFile), filepath.Join(folder, to), files)
	}
	keys, err := Load(identity.Loader{}, dir, "alice@EXAMPLE.org")
	if err != nil {
		t.Fatal(err)
	}
	const want = "alice@example.org/encrypt/key.pem alice@example.org/encrypt/old/2025-a/key.pem alice@example.org/encrypt/old/2024-raw/key.pem " +
		"alice@example.org/key.pem alice@example.org/next/key.pem alice@example.org/old/2026-02-01-b/key.pem alice@example.org/old/2026-01-01-a/decrypt.pem"
	if got := paths(dir, keys); got != want {
		t.Errorf("keys\n%s, want\n%s", got, want)
	}
	for i, k := range Enveloped(keys) {
		if k.Private == nil || (k.Certificate == nil) != strings.Contains(keys[i].File, "raw") || keys[i].Name != alice {
			t.Errorf("%s: private %T, certificate %v", keys[i].File, k.Private, k.Certificate != nil)
		}
	}
	if _, err = Load(identity.Loader{}, elsewhere, alice); !errors.Is(err, fs.ErrNotExist) || identity.Hint(err) == "" {
		t.Errorf("of another directory: %v", err)
	}
}

// TestLoadPassesOverKeysThatOnlySign, and asks nobody for their passphrase.
func TestLoadPassesOverKeysThatOnlySign(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	create(t, dir, alice, x509.KeyUsageDigitalSignature, identity.CreateOptions{Passphrase: "x"})
	create(t, dir, "ed@example.org", both, identity.CreateOptions{Algorithm: "ed25519"})
	create(t, dir, "rsa@example.org", both, identity.CreateOptions{Algorithm: "rsa2048"})
	l := identity.Loader{Passphrase: func(name string) (string, error) {
		t.Errorf("asked for the passphrase of %s", name)
		return "x", nil
	}}
	keys, err := LoadAll(l, dir)
	if got := paths(dir, keys); err != nil || got != "rsa@example.org/key.pem" {
		t.Errorf("keys %q, %v", got, err)
	}
	if _, err = Load(l, dir, alice); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(identity.Hint(err), "--use encrypt") {
		t.Errorf("of a name without a key for it: %v (%s)", err, identity.Hint(err))
	}
}

// TestLoadAllReturnsWhatCanBeRead beside the error about what cannot.
func TestLoadAllReturnsWhatCanBeRead(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	create(t, dir, alice, both, identity.CreateOptions{})
	create(t, dir, "bob@example.org", both, identity.CreateOptions{Passphrase: "x"})
	create(t, dir, "carol@example.org", both, identity.CreateOptions{Passphrase: "x"})
	keys, err := LoadAll(identity.Loader{}, dir)
	if got := paths(dir, keys); got != "alice@example.org/key.pem" || !errors.Is(err, identity.ErrLocked) || !strings.Contains(err.Error(), "1 more") || strings.Contains(err.Error(), "\n") {
		t.Errorf("keys %q, %v", got, err)
	}
	keys, err = LoadAll(identity.Loader{Passphrase: func(string) (string, error) { return "x", nil }}, dir)
	if len(keys) != 3 || err != nil {
		t.Errorf("keys %q, %v", paths(dir, keys), err)
	}
}

// TestLoadAllFindsNamesWithEarlierKeysAlone: mail to a key that was moved away by hand is read with
// nothing else.
func TestLoadAllFindsNamesWithEarlierKeysAlone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	whole := map[string]string{"key.pem": "key.pem", "cert.pem": "cert.pem"}
	for _, to := range []string{"alice@example.org/encrypt/old/1", "bob@example.org/old/2026-01-01-a"} {
		name, _, _ := strings.Cut(to, "/")
		move(t, filepath.Dir(create(t, t.TempDir(), name, both, identity.CreateOptions{}).KeyFile), filepath.Join(dir, to), whole)
	}
	keys, err := LoadAll(identity.Loader{}, dir)
	const want = "alice@example.org/encrypt/old/1/key.pem bob@example.org/old/2026-01-01-a/key.pem"
	if got := paths(dir, keys); err != nil || got != want {
		t.Errorf("keys %q, %v", got, err)
	}
}
