package dkim

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	godkim "github.com/emersion/go-msgauth/dkim"
)

// keys are made once: RSA keys take time.
var keys = sync.OnceValue(func() (k struct {
	rsa     *rsa.PrivateKey
	ed25519 ed25519.PrivateKey
},
) {
	k.rsa, _ = rsa.GenerateKey(rand.Reader, 2048)
	_, k.ed25519, _ = ed25519.GenerateKey(rand.Reader)
	return k
})

func pkcs8(tb testing.TB, key any) []byte {
	tb.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		tb.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

func TestParseKey(t *testing.T) {
	t.Parallel()
	pkcs1 := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(keys().rsa)})
	for name, text := range map[string][]byte{"PKCS #8": pkcs8(t, keys().rsa), "PKCS #1": pkcs1, "Ed25519": pkcs8(t, keys().ed25519)} {
		if _, err := ParseKey(text); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	if got := (Key{Private: small}).Bits(); got != 1024 || got >= StrongRSA {
		t.Errorf("Bits = %d", got)
	}
	p256, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(keys().rsa.Public())
	if err != nil {
		t.Fatal(err)
	}
	for want, text := range map[string][]byte{
		"no PEM":                     []byte("v=DKIM1"),
		"neither an RSA nor":         pkcs8(t, p256),
		"\"PUBLIC KEY\" instead":     pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}),
		"an encrypted key":           pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: []byte("x")}),
		"the private key is damaged": pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("x")}),
	} {
		if _, err := ParseKey(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ParseKey = %v, want %q", err, want)
		}
	}
}

func TestReadKey(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "key.pem")
	if _, err := ReadKey(file); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "dnseal dkim new") {
		t.Errorf("a missing file: %v", err)
	}
	if err := os.WriteFile(file, pkcs8(t, keys().ed25519), 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadKey(file); !errors.Is(err, ErrExposed) {
		t.Errorf("mode 0640: %v", err)
	}
	if err := os.Chmod(file, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadKey(file); err != nil {
		t.Errorf("mode 0600: %v", err)
	}
	if _, err := ReadKey(filepath.Dir(file)); err == nil || !strings.Contains(err.Error(), "no regular file") {
		t.Errorf("a folder: %v", err)
	}
}

func FuzzParseKey(f *testing.F) {
	f.Add(pkcs8(f, keys().ed25519))
	f.Add(pkcs8(f, keys().rsa))
	f.Add([]byte("-----BEGIN RSA PRIVATE KEY-----\nDEK-Info: x\n\nAAAA\n-----END RSA PRIVATE KEY-----\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		key, err := ParseKey(text)
		if err == nil && (Key{Private: key}).Record() == "" {
			t.Error("a key without a record")
		}
		if err != nil && strings.ContainsAny(err.Error(), "\r\n") {
			t.Errorf("an error of two lines: %q", err)
		}
	})
}

func TestCheckName(t *testing.T) {
	t.Parallel()
	if d, s, err := CheckName("Bücher.Example.", "S1.Mail"); d != "xn--bcher-kva.example" || s != "s1.mail" || err != nil {
		t.Errorf("CheckName = %q, %q, %v", d, s, err)
	}
	for _, bad := range [][2]string{{"", "s"}, {"[192.0.2.1]", "s"}, {"a@b.example", "s"}, {"b.example", ""}, {"b.example", "s..t"}, {"b.example", "s t"}, {"b.example", "-s"}, {"b.example", strings.Repeat("s", 64)}, {strings.Repeat("long.", 40) + "example", strings.Repeat("s.", 30) + "s"}} {
		if d, s, err := CheckName(bad[0], bad[1]); err == nil {
			t.Errorf("CheckName(%q, %q) = %q, %q", bad[0], bad[1], d, s)
		}
	}
}

// TestRecord: go-msgauth verifies by the record what it signs by the key.
func TestRecord(t *testing.T) {
	t.Parallel()
	for _, private := range []crypto.Signer{keys().rsa, keys().ed25519} {
		k := Key{Domain: "example.org", Selector: "s1", Private: private}
		var signed strings.Builder
		if err := godkim.Sign(&signed, strings.NewReader("From: a@example.org\r\n\r\nHi\r\n"), &godkim.SignOptions{Domain: k.Domain, Selector: k.Selector, Signer: private}); err != nil {
			t.Fatal(err)
		}
		found, err := godkim.VerifyWithOptions(strings.NewReader(signed.String()), &godkim.VerifyOptions{LookupTXT: func(name string) ([]string, error) {
			if name != k.Name() {
				t.Errorf("asked for %s, not %s", name, k.Name())
			}
			return []string{k.Record()}, nil
		}})
		if err != nil || len(found) != 1 || found[0].Err != nil {
			t.Errorf("%s: %v %+v", k.Algorithm(), err, found)
		}
	}
}
