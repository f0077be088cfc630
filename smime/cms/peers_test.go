package cms

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"dnseal/lookup/lookuptest/peertest"
)

// The matrix of peers, algorithms and forms is TestInterop of package smime; here is what goes
// deeper.

// peer runs a program in dir.
func peer(t *testing.T, dir, name string, args ...string) error {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), peertest.Program(t, name), args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil && testing.Verbose() {
		t.Logf("%s: %s", name, out)
	}
	return err
}

func mustPeer(t *testing.T, dir, name string, args ...string) {
	t.Helper()
	if err := peer(t, dir, name, args...); err != nil {
		t.Fatalf("%s %q: %v", name, args, err)
	}
}

func write(t *testing.T, dir, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, dir, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// peerFolder has NAME.key and NAME.pem, self-signed, and the content in body.
func peerFolder(t *testing.T, names ...string) string {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, "body", []byte(testContent))
	for i, name := range names {
		key := testKey(t, name)
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		write(t, dir, name+".key", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
		cert := testCertificate(t, key, int64(i+1))
		write(t, dir, name+".pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw}))
	}
	return dir
}

// TestHostileOpenSSL: OpenSSL accepts the hostile messages that are right after all, each with one
// signer. That shows that the forgery makes right messages, so that TestHostile is about the one
// thing that each of the others changes.
func TestHostileOpenSSL(t *testing.T) {
	t.Parallel()
	dir := peerFolder(t)
	mustPeer(t, dir, "openssl", "version")
	asked := 0
	for _, tt := range hostileCases {
		if tt.want != "pass" || tt.name == "attributes unsorted, signed sorted" {
			continue // programs differ on attributes that are sorted in the signature only
		}
		asked++
		write(t, dir, "in", tt.message(t))
		args := []string{"cms", "-verify", "-inform", "DER", "-in", "in", "-binary", "-noverify", "-out", "out"}
		if !tt.attached {
			args = append(args, "-content", "body")
		}
		if err := peer(t, dir, "openssl", args...); err != nil {
			t.Errorf("%s: openssl: %v", tt.name, err)
		}
	}
	if asked < 3 {
		t.Errorf("%d messages asked about", asked)
	}
}

// TestOpenSSLForms reads what OpenSSL writes beyond the usual.
func TestOpenSSLForms(t *testing.T) {
	t.Parallel()
	content := testContent
	for _, tt := range []struct {
		name     string
		args     []string
		attached bool
	}{
		{"BER, as a stream", []string{"-nodetach", "-stream"}, true},
		{"no signed attributes", []string{"-noattr"}, false},
		{"no signed attributes, attached", []string{"-noattr", "-nodetach"}, true},
		{"no capabilities", []string{"-nosmimecap"}, false},
		{"SubjectKeyIdentifier", []string{"-keyid"}, false},
		{"signingCertificateV2", []string{"-cades"}, false},
		{"another digest", []string{"-md", "sha512"}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := peerFolder(t, "rsa2048")
			mustPeer(t, dir, "openssl", append([]string{
				"cms", "-sign", "-in", "body", "-binary", "-signer", "rsa2048.pem", "-inkey", "rsa2048.key",
				"-outform", "DER", "-out", "out",
			}, tt.args...)...)
			detached := &content
			if tt.attached {
				detached = nil
			}
			if got := verdictOf(read(t, dir, "out"), detached); got != "pass" {
				t.Errorf("judged %q", got)
			}
		})
	}
	t.Run("salts", func(t *testing.T) {
		t.Parallel()
		dir := peerFolder(t, "rsa2048")
		for _, salt := range []string{"digest", "max", "0", "20"} {
			mustPeer(t, dir, "openssl", "cms", "-sign", "-in", "body", "-binary", "-signer", "rsa2048.pem", "-inkey", "rsa2048.key", "-outform", "DER", "-out", "out",
				"-keyopt", "rsa_padding_mode:pss", "-keyopt", "rsa_pss_saltlen:"+salt)
			if got := verdictOf(read(t, dir, "out"), &content); got != "pass" {
				t.Errorf("salt %s: judged %q", salt, got)
			}
		}
	})
}

// TestGnuTLSForms reads what certtool writes without a signing time: then there are no signed
// attributes. It is also the only program here that signs with keys that are for RSASSA-PSS only.
func TestGnuTLSForms(t *testing.T) {
	t.Parallel()
	content := testContent
	dir := peerFolder(t, "p256", "rsa2048", "ed25519")
	mustPeer(t, dir, "certtool", "--generate-privkey", "--key-type=rsa-pss", "--bits=2048", "--outfile", "pss.key")
	write(t, dir, "template", []byte("cn = alice\nserial = 7\nexpiration_days = 1\nsigning_key\nemail_protection_key\n"))
	mustPeer(t, dir, "certtool", "--generate-self-signed", "--load-privkey", "pss.key", "--template", "template", "--outfile", "pss.pem")
	for _, name := range []string{"p256", "rsa2048", "ed25519", "pss"} {
		for _, args := range [][]string{{}, {"--p7-time"}} {
			for how, detached := range map[string]*string{"--p7-detached-sign": &content, "--p7-sign": nil} {
				mustPeer(t, dir, "certtool", append(args, how, "--load-privkey", name+".key", "--load-certificate", name+".pem",
					"--infile", "body", "--outder", "--outfile", "out")...)
				if got := verdictOf(read(t, dir, "out"), detached); got != "pass" {
					t.Errorf("%s %v %s: judged %q", name, args, how, got)
				}
			}
		}
	}
}

// TestAttachedPeers has OpenSSL read attached content that was signed by several, with a key that
// is no more than a crypto.Signer.
func TestAttachedPeers(t *testing.T) {
	t.Parallel()
	dir := peerFolder(t, "p256", "rsa2048")
	var opts SignOptions
	for i, name := range []string{"p256", "rsa2048"} {
		key := testKey(t, name)
		cert := testCertificate(t, key, int64(i+1))
		opts.Signers = append(opts.Signers, Signer{Key: opaqueKey{key}, Certificate: cert})
		opts.Certificates = append(opts.Certificates, cert)
	}
	opts.Time = time.Now()
	var out bytes.Buffer
	if err := SignAttached(&out, bytes.NewReader([]byte(testContent)), int64(len(testContent)), opts); err != nil {
		t.Fatal(err)
	}
	write(t, dir, "in", out.Bytes())
	mustPeer(t, dir, "openssl", "cms", "-verify", "-inform", "DER", "-in", "in", "-binary", "-noverify", "-out", "out")
	if got := read(t, dir, "out"); string(got) != testContent {
		t.Errorf("openssl found %q", got)
	}
}
