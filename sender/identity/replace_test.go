package identity

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestLock(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	unlock, err := Lock(dir, "alice@example.org")
	if err != nil {
		t.Fatal(err)
	}
	if _, err = Lock(dir, "alice@example.org"); !errors.Is(err, ErrBusy) || Hint(err) == "" {
		t.Errorf("second lock: %v", err)
	}
	unlock()
	if unlock, err = Lock(dir, "alice@example.org"); err != nil {
		t.Fatal(err)
	}
	unlock()
	if _, err = Lock(filepath.Join(dir, "none"), "bob@example.org"); err == nil {
		t.Error("locked a folder that is not there")
	}
}

func TestReplaceCertificates(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	id, err := Create(dir, "alice@example.org", CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	before, _ := os.ReadFile(id.CertFile)
	other := testIdentity(t, Mail, "alice@example.org", "p256").Certificate
	if err = id.ReplaceCertificates(other); Hint(err) == "" {
		t.Errorf("another key: %v", err)
	}
	bob := *id
	bob.Name = "bob@example.org"
	if err = bob.ReplaceCertificates(id.Certificate); Hint(err) == "" {
		t.Errorf("another name: %v", err)
	}
	if after, _ := os.ReadFile(id.CertFile); !bytes.Equal(before, after) {
		t.Error("cert.pem changed")
	}
	// What a killed run left.
	left := filepath.Join(filepath.Dir(id.KeyFile), replacing+"cert.pem")
	if err = os.WriteFile(left, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err = id.ReplaceCertificates(id.Certificate, other); err != nil {
		t.Fatal(err)
	}
	got, err := Load(dir, "alice@example.org")
	if err != nil || len(got.Chain) != 1 || !got.Chain[0].Equal(other) {
		t.Errorf("%v, %v", got, err)
	}
	if _, err = os.Stat(left); err == nil {
		t.Error("left behind")
	}
}
