package identity

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dnseal/lookup/lookuptest/peertest"
)

var testNow = time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)

func testIdentity(t *testing.T, kind Kind, name, algorithm string) *Identity {
	t.Helper()
	key, err := generateKey(algorithm, UseSign)
	if err != nil {
		t.Fatal(err)
	}
	id := &Identity{Name: name, Kind: kind, Key: key.(crypto.Signer), PSS: strings.HasSuffix(algorithm, pssSuffix)}
	if id.Certificate, err = newCertificate(id, CreateOptions{Now: testNow}); err != nil {
		t.Fatal(err)
	}
	return id
}

func TestCertificateProfile(t *testing.T) {
	t.Parallel()
	tests := []struct {
		kind   Kind
		name   string
		emails int
		dns    int
	}{
		{Mail, "alice@example.org", 1, 0},
		{Mail, `"a b"@example.org`, 1, 0},
		{Mail, "jörg@example.org", 0, 0},
		{Device, "sensor7._device.example.net", 0, 1},
		{Service, "_smtp-client.relay1.example.net", 0, 1},
		{Host, "device73.example.net", 0, 1},
	}
	for _, tt := range tests {
		cert := testIdentity(t, tt.kind, tt.name, "p256").Certificate
		if len(cert.EmailAddresses) != tt.emails || len(cert.DNSNames) != tt.dns {
			t.Errorf("%s: mail %q, dns %q", tt.name, cert.EmailAddresses, cert.DNSNames)
		}
		if len(cert.Subject.Names) != 1 || cert.Subject.CommonName != tt.name {
			t.Errorf("%s: subject %q says more than the name", tt.name, cert.Subject)
		}
		// Thunderbird cannot be told to trust a certificate with basicConstraints of cA FALSE.
		if cert.BasicConstraintsValid {
			t.Errorf("%s: the certificate has basicConstraints", tt.name)
		}
		if cert.KeyUsage != x509.KeyUsageDigitalSignature || cert.IsCA || len(cert.ExtKeyUsage) != 1 || cert.ExtKeyUsage[0] != x509.ExtKeyUsageEmailProtection {
			t.Errorf("%s: key usage %v, ca %v, extended %v", tt.name, cert.KeyUsage, cert.IsCA, cert.ExtKeyUsage)
		}
		if len(cert.SubjectKeyId) != 20 || cert.SerialNumber.Sign() <= 0 || len(cert.UnhandledCriticalExtensions) != 0 {
			t.Errorf("%s: subject key id %x, serial %v, critical %v", tt.name, cert.SubjectKeyId, cert.SerialNumber, cert.UnhandledCriticalExtensions)
		}
	}
}

// TestOpensslTrustsCertificate: openssl signs with our key and verifies with our certificate as its
// only trust anchor.
func TestOpensslTrustsCertificate(t *testing.T) {
	t.Parallel()
	peertest.Program(t, "openssl")
	for _, algorithm := range []string{"p256", "p384", "p521", "rsa2048", "rsa2048-pss"} {
		for _, name := range []string{"alice@example.org", "jörg@example.org"} {
			dir := t.TempDir()
			id := testIdentity(t, Mail, name, algorithm)
			key, err := encodeKey(id.Key, id.PSS, "")
			if err != nil {
				t.Fatal(err)
			}
			write := func(file string, data []byte) string {
				path := filepath.Join(dir, file)
				if err := os.WriteFile(path, data, 0o600); err != nil {
					t.Fatal(err)
				}
				return path
			}
			keyPath, certPath := write("key.pem", key), write("cert.pem", encodeCertificate(id.Certificate))
			text := write("text", []byte("Content-Type: text/plain\r\n\r\nhello\r\n"))
			signed := filepath.Join(dir, "signed")
			run(t, "cms", "-sign", "-in", text, "-signer", certPath, "-inkey", keyPath, "-out", signed)
			// X509_V_FLAG_X509_STRICT too: the profile is one of RFC 5280.
			run(t, "cms", "-verify", "-in", signed, "-CAfile", certPath, "-x509_strict",
				"-attime", "1795600800", "-out", filepath.Join(dir, "out"))
		}
	}
}

func run(t *testing.T, args ...string) {
	t.Helper()
	var out bytes.Buffer
	cmd := exec.CommandContext(t.Context(), "openssl", args...)
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		t.Fatalf("openssl %q: %v\n%s", args, err, out.String())
	}
}
