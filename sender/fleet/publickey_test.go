package fleet

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dnseal/sender/identity"
)

// privateForms are those in which a private key is found in tables.
func privateForms(t *testing.T) map[string]string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	other, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	p8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	sec1, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	std := base64.StdEncoding.EncodeToString
	text := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: p8})
	return map[string]string{
		"PEM": string(text), "PEM in base64": std(text), "PKCS #8": std(p8), "SEC1": std(sec1),
		"PKCS #1": std(x509.MarshalPKCS1PrivateKey(other)), "without padding": base64.RawURLEncoding.EncodeToString(p8),
		"by the wrong label": string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: sec1})),
		"cut":                std(p8[:60]), "cut PEM": string(text[:80]), "cut PEM in base64": std(text[:90]),
		"of OpenSSH": std([]byte("openssh-key-v1\x00none")),
	}
}

// TestPrivateKeys: a private key is known as one in every form, and never shown.
func TestPrivateKeys(t *testing.T) {
	t.Parallel()
	for form, value := range privateForms(t) {
		data, err := DecodeKey(value)
		if !errors.Is(err, ErrPrivateKey) || data != nil || strings.Contains(err.Error(), value[:12]) {
			t.Errorf("%s: %v", form, err)
		}
	}
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	if err = os.WriteFile(filepath.Join(dir, "device.der"), decodeBase64(privateForms(t)["SEC1"]), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err = PublicKeyText("key", "device.der", root); !errors.Is(err, ErrPrivateKey) {
		t.Error(err)
	}
	const secret = "c2VjcmV0c2VjcmV0c2VjcmV0"
	for _, value := range []string{secret, secret + "!", "."} {
		if _, err = PublicKeyText("key", value, root); err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("%s: %v", value, err)
		}
	}
}

// TestPublicKeys: public ones are read in the same forms.
func TestPublicKeys(t *testing.T) {
	t.Parallel()
	value := publicKey(t)
	text := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: decodeBase64(value)})
	for _, v := range []string{value, strings.TrimRight(value, "="), string(text), base64.StdEncoding.EncodeToString(text)} {
		data, err := DecodeKey(v)
		if err != nil || data == nil {
			t.Errorf("%s: %v", v, err)
			continue
		}
		if _, err = identity.ReadPublic("s1._device.example.net", data); err != nil {
			t.Error(err)
		}
	}
}

func FuzzDecodeKey(f *testing.F) {
	f.Add("MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE")
	f.Add("-----BEGIN PRIVATE KEY-----")
	f.Add("MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg")
	f.Add("MIH=")
	f.Fuzz(func(t *testing.T, value string) {
		data, err := DecodeKey(value)
		if data == nil || err != nil {
			return
		}
		if _, e := x509.ParsePKCS8PrivateKey(data); e == nil {
			t.Error("a private key")
		}
	})
}
