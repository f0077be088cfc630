package smime

import (
	"crypto/x509"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"dnseal/smime/cms"

	"dnseal/lookup/lookuptest/peertest"
)

// openssl runs the program in dir.
func openssl(t *testing.T, dir string, args ...string) error {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), peertest.Program(t, "openssl"), args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Logf("openssl %s: %s", strings.Join(args, " "), out)
	}
	return err
}

func readFile(t *testing.T, dir, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// writeSigner writes key.pem and cert.pem.
func writeSigner(t *testing.T, dir string, s cms.Signer) {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(s.Key)
	if err != nil {
		t.Fatal(err)
	}
	peertest.WriteFile(t, filepath.Join(dir, "key.pem"), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})))
	peertest.WriteFile(t, filepath.Join(dir, "cert.pem"), string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate.Raw})))
}

// OpenSSL 3.0 cannot do Ed25519 in CMS.
func opensslSigners() map[string]cms.Signer {
	return map[string]cms.Signer{"p256": alice(), "p384": bob(), "rsa": carol()}
}

func TestOpenSSLVerifiesOurs(t *testing.T) {
	t.Parallel()
	for name, s := range opensslSigners() {
		for _, opaque := range []bool{false, true} {
			dir := t.TempDir()
			writeSigner(t, dir, s)
			for i, msg := range []string{simple, nested} {
				signed := sign(t, crlf(msg), SignOptions{Signers: []cms.Signer{s}, Opaque: opaque})
				peertest.WriteFile(t, filepath.Join(dir, "m.eml"), signed)
				args := []string{"cms", "-verify", "-in", "m.eml", "-CAfile", "cert.pem", "-purpose", "any", "-attime", "1795600000", "-out", "out"}
				if err := openssl(t, dir, args...); err != nil {
					t.Errorf("%s, opaque %v, message %d: %v", name, opaque, i, err)
				}
				peertest.WriteFile(t, filepath.Join(dir, "m.eml"), strings.ReplaceAll(signed, "\r\n", "\n"))
				if err := openssl(t, dir, args...); err != nil {
					t.Errorf("%s, opaque %v, message %d as a Unix file: %v", name, opaque, i, err)
				}
			}
		}
	}
}

func TestVerifiesOpenSSL(t *testing.T) {
	t.Parallel()
	for name, s := range opensslSigners() {
		dir := t.TempDir()
		writeSigner(t, dir, s)
		peertest.WriteFile(t, filepath.Join(dir, "body"), crlf("Content-Type: text/plain\n\nHello,\n\nthis is signed.\n"))
		for _, form := range [][]string{nil, {"-nodetach"}, {"-nodetach", "-stream"}, {"-nosmimecap"}, {"-noattr"}, {"-keyid"}, {"-cades"}} {
			args := append([]string{
				"cms", "-sign", "-in", "body", "-binary", "-signer", "cert.pem", "-inkey", "key.pem", "-md", "sha256", "-out", "m.eml",
				"-from", "alice@example.org", "-to", "b@example.net", "-subject", "t",
			}, form...)
			if err := openssl(t, dir, args...); err != nil {
				t.Errorf("%s %v: %v", name, form, err)
				continue
			}
			holds(t, readFile(t, dir, "m.eml"))
			tampered := strings.Replace(readFile(t, dir, "m.eml"), "this is signed", "this is forged", 1)
			if r := verify(t, tampered); form == nil && broken(r) == "" {
				t.Errorf("%s: a changed message holds", name)
			}
		}
	}
}
