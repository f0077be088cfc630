package config

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestDKIMKeys: the keys are read with the configuration, by their records' names, and one that
// cannot be used is a mistake at its line.
func TestDKIMKeys(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	good, open := filepath.Join(dir, "good.pem"), filepath.Join(dir, "open.pem")
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	for file, mode := range map[string]os.FileMode{good: 0o600, open: 0o644} {
		if err = os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), mode); err != nil {
			t.Fatal(err)
		}
	}
	entry := func(domain, file string) string {
		return fmt.Sprintf("{ domain = %q, selector = \"s1\", key = %q },\n", domain, file)
	}
	c, err := Load(write(t, dir, "[dkim]\nsign = [\n"+entry("Bücher.example", good)+"]\n"))
	if err != nil {
		t.Fatal(err)
	}
	if keys := c.DKIMKeys(); len(keys) != 1 || keys[0].Name() != "s1._domainkey.xn--bcher-kva.example" || !private.Equal(keys[0].Private) {
		t.Errorf("DKIMKeys() = %v", keys)
	}
	_, err = Load(write(t, dir, "[dkim]\nsign = [\n"+entry("example.org", open)+entry("example.net", filepath.Join(dir, "none.pem"))+"]\n"))
	if err == nil {
		t.Fatal("a key that others can read is taken")
	}
	for _, want := range []string{":2: the key " + open + " can be read by others (mode 0644); chmod 600 " + open, ":2: the file " + filepath.Join(dir, "none.pem") + " does not exist; make a key with: dnseal dkim new"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("Load = %v, want %q", err, want)
		}
	}
}
