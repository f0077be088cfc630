package enveloped

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"dnseal/lookup/lookuptest/peertest"
)

// peer runs a program in dir.
func peer(t *testing.T, dir, name string, args ...string) ([]byte, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), peertest.Program(t, name), args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Logf("%s %q: %s", name, args, out)
	}
	return out, err
}

func mustPeer(t *testing.T, dir, name string, args ...string) {
	t.Helper()
	if _, err := peer(t, dir, name, args...); err != nil {
		t.Fatalf("%s %q: %v", name, args, err)
	}
}

func writeFile(tb testing.TB, dir, name string, data []byte) {
	tb.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
		tb.Fatal(err)
	}
}

// writePerson writes NAME.key and NAME.pem.
func writePerson(tb testing.TB, dir, name string, p person) {
	tb.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(p.Private)
	if err != nil {
		tb.Fatal(err)
	}
	writeFile(tb, dir, name+".key", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	writeFile(tb, dir, name+".pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.Certificate.Raw}))
}

func readFile(t *testing.T, dir, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// peerFolder has NAME.key and NAME.pem of people, and the content in body.
func peerFolder(t *testing.T, names ...string) (string, map[string]person) {
	t.Helper()
	dir := t.TempDir()
	people := map[string]person{}
	writeFile(t, dir, "body", []byte(testContent))
	for i, name := range names {
		people[name] = newPerson(t, name, int64(i+1))
		writePerson(t, dir, name, people[name])
	}
	return dir, people
}

var peerKeys = []string{"rsa2048", "p256", "p384", "p521"}

// TestOpenSSLReads: OpenSSL decrypts what is written under every cipher that it knows, for every
// kind of key, named in both ways, alone and among others.
func TestOpenSSLReads(t *testing.T) {
	t.Parallel()
	dir, people := peerFolder(t, peerKeys...)
	var all []Recipient
	for _, name := range peerKeys {
		all = append(all, Recipient{Certificate: people[name].Certificate})
	}
	for _, c := range []Cipher{AES128CBC, AES256CBC, AES128GCM, AES256GCM} {
		for _, name := range peerKeys {
			cert := people[name].Certificate
			for form, to := range map[string][]Recipient{
				"issuer": {{Certificate: cert}}, "key identifier": {{Certificate: cert, ByKeyIdentifier: true}}, "oaep": {{Certificate: cert, OAEP: true}}, "all": all,
			} {
				writeFile(t, dir, "in", mustEncrypt(t, testContent, EncryptOptions{Recipients: to, Cipher: c}))
				_, err := peer(t, dir, "openssl", "cms", "-decrypt", "-inform", "DER", "-binary", "-in", "in", "-recip", name+".pem", "-inkey", name+".key", "-out", "out")
				if err != nil {
					t.Errorf("%s, %s, %s: %v", c, name, form, err)
				} else if got := readFile(t, dir, "out"); string(got) != testContent {
					t.Errorf("%s, %s, %s: %q", c, name, form, got)
				}
			}
		}
	}
}

// TestOpenSSLWrites: what OpenSSL writes in all its ways is decrypted.
func TestOpenSSLWrites(t *testing.T) {
	t.Parallel()
	dir, people := peerFolder(t, peerKeys...)
	ecdh := []string{"p256", "p384", "p521"}
	for _, tt := range []struct {
		name string
		keys []string
		args []string // those after the recipient
		want Content
	}{
		{"default of 3.0", peerKeys, []string{"-des3"}, Content{Cipher: tripleDESCBC}},
		{"AES-128-CBC", peerKeys, []string{"-aes128"}, Content{Cipher: AES128CBC}},
		{"AES-192-CBC", peerKeys, []string{"-aes192"}, Content{Cipher: aes192CBC}},
		{"AES-256-CBC", peerKeys, []string{"-aes256"}, Content{Cipher: AES256CBC}},
		{"AES-128-GCM", peerKeys, []string{"-aes-128-gcm"}, Content{Cipher: AES128GCM, Authenticated: true}},
		{"AES-192-GCM", peerKeys, []string{"-aes-192-gcm"}, Content{Cipher: aes192GCM, Authenticated: true}},
		{"AES-256-GCM", peerKeys, []string{"-aes-256-gcm"}, Content{Cipher: AES256GCM, Authenticated: true}},
		{"a stream", peerKeys, []string{"-aes128", "-stream"}, Content{Cipher: AES128CBC}},
		{"key identifier", peerKeys, []string{"-aes128", "-keyid"}, Content{Cipher: AES128CBC}},
		{"SHA-1", ecdh, []string{"-aes128", "-keyopt", "ecdh_kdf_md:sha1"}, Content{Cipher: AES128CBC}},
		{"SHA-224", ecdh, []string{"-aes128", "-keyopt", "ecdh_kdf_md:sha224"}, Content{Cipher: AES128CBC}},
		{"SHA-256", ecdh, []string{"-aes128", "-keyopt", "ecdh_kdf_md:sha256"}, Content{Cipher: AES128CBC}},
		{"SHA-384", ecdh, []string{"-aes256", "-keyopt", "ecdh_kdf_md:sha384"}, Content{Cipher: AES256CBC}},
		{"SHA-512", ecdh, []string{"-aes256", "-keyopt", "ecdh_kdf_md:sha512"}, Content{Cipher: AES256CBC}},
		{"cofactor", ecdh, []string{"-aes128", "-keyopt", "ecdh_cofactor_mode:1"}, Content{Cipher: AES128CBC}},
		{"OAEP", peerKeys[:1], []string{"-aes128", "-keyopt", "rsa_padding_mode:oaep"}, Content{Cipher: AES128CBC}},
		{"OAEP, SHA-256", peerKeys[:1], []string{"-aes128", "-keyopt", "rsa_padding_mode:oaep", "-keyopt", "rsa_oaep_md:sha256"}, Content{Cipher: AES128CBC}},
		{"OAEP, SHA-512", peerKeys[:1], []string{"-aes128", "-keyopt", "rsa_padding_mode:oaep", "-keyopt", "rsa_oaep_md:sha512"}, Content{Cipher: AES128CBC}},
		{"OAEP, two digests", peerKeys[:1], []string{"-aes128", "-keyopt", "rsa_padding_mode:oaep", "-keyopt", "rsa_oaep_md:sha384", "-keyopt", "rsa_mgf1_md:sha1"}, Content{Cipher: AES128CBC}},
		{"OAEP, label", peerKeys[:1], []string{"-aes128", "-keyopt", "rsa_padding_mode:oaep", "-keyopt", "rsa_oaep_label:0102"}, Content{Cipher: AES128CBC}},
	} {
		for _, name := range tt.keys {
			args := append([]string{"cms", "-encrypt", "-binary", "-in", "body", "-outform", "DER", "-out", "out", "-recip", name + ".pem"}, tt.args...)
			mustPeer(t, dir, "openssl", args...)
			var out strings.Builder
			got, err := Decrypt(bytes.NewReader(readFile(t, dir, "out")), &out, DecryptOptions{Keys: []Key{people[name].Key}})
			if err != nil || out.String() != testContent || got.Cipher != tt.want.Cipher || got.Authenticated != tt.want.Authenticated {
				t.Errorf("%s, %s: %q, %+v, %v", tt.name, name, out.String(), got, err)
			}
		}
	}
}
