package request

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"dnseal/lookup/lookuptest/peertest"
	"dnseal/sender/identity"
)

func output(tb testing.TB, input []byte, program string, args ...string) string {
	tb.Helper()
	cmd := exec.CommandContext(tb.Context(), program, args...)
	cmd.Stdin = bytes.NewReader(input)
	out, err := cmd.CombinedOutput()
	if err != nil {
		tb.Fatalf("%s %q: %v\n%s", program, args, err, out)
	}
	return string(out)
}

// TestPeersReadIt: openssl and certtool verify the requests of all kinds of keys and names, and see
// what is asked for.
func TestPeersReadIt(t *testing.T) {
	t.Parallel()
	peertest.Program(t, "openssl")
	peertest.Program(t, "certtool")
	for _, tt := range []struct{ name, algorithm, openssl, certtool string }{
		{"alice@example.org", "p256 both", "Key Agreement", "Key agreement"},
		{"alice@example.org", "rsa2048 both", "Key Encipherment", "Key encipherment"},
		{"alice@example.org", "p256", "email:alice@example.org", "RFC822Name: alice@example.org"},
		{"alice@example.org", "p521", "email:alice@example.org", "RFC822Name: alice@example.org"},
		{"alice@example.org", "ed25519", "email:alice@example.org", "RFC822Name: alice@example.org"},
		{"alice@example.org", "rsa2048", "email:alice@example.org", "RFC822Name: alice@example.org"},
		{"alice@example.org", "rsa2048-pss", "rsassaPss", "RSA-PSS-SHA256"},
		{"jörg@example.org", "p256", "SmtpUTF8Mailbox", "1.3.6.1.5.5.7.8.9"},
		{"sensor7._device.example.net", "p384", "DNS:sensor7._device.example.net", "DNSname: sensor7._device.example.net"},
	} {
		t.Run(tt.name+" "+tt.algorithm, func(t *testing.T) {
			t.Parallel()
			algorithm, use, _ := strings.Cut(tt.algorithm, " ")
			id, err := identity.Create(t.TempDir(), tt.name, identity.CreateOptions{Algorithm: algorithm, Use: identity.Use(use)})
			if err != nil {
				t.Fatal(err)
			}
			der, err := New(id)
			if err != nil {
				t.Fatal(err)
			}
			text := output(t, PEM(der), "openssl", "req", "-verify", "-noout", "-text")
			for _, want := range []string{"OK", tt.openssl, "E-mail Protection", "Digital Signature", "X509v3 Key Usage: critical"} {
				if !strings.Contains(text, want) {
					t.Errorf("openssl does not say %q:\n%s", want, text)
				}
			}
			text = output(t, PEM(der), "certtool", "--crq-info")
			for _, want := range []string{"Self signature: verified", "Email protection", tt.certtool} {
				if !strings.Contains(text, want) {
					t.Errorf("certtool does not say %q:\n%s", want, text)
				}
			}
		})
	}
}

// TestKeyForPSSOnly: its request is signed by what its parameters allow.
func TestKeyForPSSOnly(t *testing.T) {
	t.Parallel()
	peertest.Program(t, "openssl")
	dir := t.TempDir()
	folder := filepath.Join(dir, "alice@example.org")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	key := filepath.Join(folder, "key.pem")
	output(t, nil, "openssl", "genpkey", "-algorithm", "RSA-PSS", "-pkeyopt", "rsa_pss_keygen_md:sha512", "-pkeyopt", "rsa_pss_keygen_mgf1_md:sha512", "-out", key)
	if err := os.Chmod(key, 0o600); err != nil {
		t.Fatal(err)
	}
	id, err := identity.Load(dir, "alice@example.org")
	if err != nil {
		t.Fatal(err)
	}
	der, err := New(id)
	if err != nil {
		t.Fatal(err)
	}
	if text := output(t, PEM(der), "openssl", "req", "-verify", "-noout", "-text"); !strings.Contains(text, "OK") || !strings.Contains(text, "sha512") {
		t.Error(text)
	}
}

func TestNoPrivateKey(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, err := identity.Create(dir, "alice@example.org", identity.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	id, err := identity.LoadPublic(dir, "alice@example.org")
	if err != nil {
		t.Fatal(err)
	}
	if _, err = New(id); !errors.Is(err, identity.ErrNoPrivateKey) {
		t.Errorf("New = %v", err)
	}
}
