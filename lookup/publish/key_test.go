package publish

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const secret = "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0MTI="

// TestParseKey reads what tools write: tsig-keygen, rndc-confgen (whole rndc.conf), keymgr -t, and
// by hand.
func TestParseKey(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ text, name, algorithm string }{
		"tsig-keygen":   {"key \"dnseal\" {\n\talgorithm hmac-sha256;\n\tsecret \"" + secret + "\";\n};\n", "dnseal.", "hmac-sha256"},
		"one line":      {`key DNSEAL. { secret ` + secret + `; algorithm HMAC-SHA512; };`, "dnseal.", "hmac-sha512"},
		"comments":      {"# a\n// b\n/* c\n d */ key \"a.b\" { algorithm hmac-sha384; /* x */ secret \"" + secret + "\"; // y\n};", "a.b.", "hmac-sha384"},
		"rndc.conf":     {"# Start of rndc.conf\nkey \"rndc-key\" {\n\talgorithm hmac-sha256;\n\tsecret \"" + secret + "\";\n};\n\noptions {\n\tdefault-key \"rndc-key\";\n\tdefault-server 127.0.0.1;\n};\n# controls {\n#  inet 127.0.0.1 allow { 127.0.0.1; } keys { \"rndc-key\"; };\n# };", "rndc-key.", "hmac-sha256"},
		"Knot one line": {"hmac-sha256:dnseal:" + secret, "dnseal.", "hmac-sha256"},
		"keymgr -t":     {"# hmac-sha256:dnseal:" + secret + "\nkey:\n  - id: dnseal\n    algorithm: hmac-sha256\n    secret: " + secret + "\n", "dnseal.", "hmac-sha256"},
	} {
		k, err := ParseKey(tt.text, "file")
		if err != nil || k.Name != tt.name || k.Algorithm != tt.algorithm || k.secret != secret {
			t.Errorf("%s: %v, %v", name, k, err)
		}
	}
}

// TestParseKeyErrors: one clear line each, which never holds the secret.
func TestParseKeyErrors(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                                  "it holds no key; write: key",
		"options { a; };":                   "it holds no key",
		"key a { algorithm hmac-md5;":       `line 1: in a key stand only`,
		"key a { algorithm hmac-sha256; };": "the key has no secret",
		"key a { secret " + secret + "; };": "the key has no algorithm; write: algorithm hmac-sha256;",
		"key a { algorithm hmac-md5; secret " + secret + "; };":                     "hmac-md5 is too weak; make a key with hmac-sha256",
		"key a { algorithm hmac-sha1; secret " + secret + "; };":                    "hmac-sha1 is too weak",
		"key a { algorithm hmac-sha224; secret " + secret + "; };":                  "hmac-sha224 is too weak",
		"key a { algorithm hmac-sha3; secret " + secret + "; };":                    `the algorithm "hmac-sha3" is unknown`,
		"key a { algorithm hmac-sha256; secret " + secret + "!; };":                 "the secret is not base64",
		"key a..b { algorithm hmac-sha256; secret " + secret + "; };":               `"a..b" is no name of a key`,
		"key a { algorithm hmac-sha256; secret " + secret + " };":                   `line 1: ";" is missing`,
		"key a {\n algorithm hmac-sha256;\n " + secret + "; };":                     "line 3: in a key stand only algorithm and secret",
		"key a { algorithm hmac-sha256; algorithm hmac-sha256; };":                  "stand there once",
		"key a { algorithm hmac-sha256; secret \"" + secret + "; };":                "a string is empty or does not end",
		strings.Repeat("key a { algorithm hmac-sha256; secret "+secret+"; };\n", 2): "line 2: a second key; one file holds one key",
		"hmac-md5:a:" + secret:            "hmac-md5 is too weak",
		strings.Repeat(" ", maxKeyFile+1): "longer than",
	} {
		_, err := ParseKey(text, "file")
		if !errors.Is(err, ErrKey) || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), secret[:20]) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%.80q: %v, want %s", text, err, want)
		}
	}
}

// TestLoadKey: a file that others can read is said to be; what is not there is that.
func TestLoadKey(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "key")
	k := Key{Name: "a.", Algorithm: "hmac-sha256", secret: secret}
	for mode, warning := range map[os.FileMode]bool{0o600: false, 0o640: false, 0o644: true} {
		if err := errors.Join(os.WriteFile(file, []byte(k.File()), 0o600), os.Chmod(file, mode)); err != nil {
			t.Fatal(err)
		}
		got, err := LoadKey(file)
		if err != nil || (got.Warning != "") != warning || got.secret != secret {
			t.Errorf("%o: %v, %v", mode, got, err)
		}
	}
	if _, err := LoadKey(file + ".not"); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

// TestKeyHides: no way to print a key shows its secret.
func TestKeyHides(t *testing.T) {
	t.Parallel()
	k := &Key{Name: "a.", Algorithm: "hmac-sha256", secret: secret}
	for _, v := range []any{k, *k, Options{Key: k}, struct{ K Key }{*k}, k.LogValue()} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
			if text := fmt.Sprintf(verb, v); strings.Contains(text, secret) {
				t.Errorf("%s of %T shows it", verb, v)
			}
		}
	}
}

// FuzzParseKey: no input crashes or hangs it, and what it reads it reads again from its own form.
func FuzzParseKey(f *testing.F) {
	f.Add("key \"a\" { algorithm hmac-sha256; secret \"" + secret + "\"; };")
	f.Add("# hmac-sha256:a:" + secret)
	f.Add("options { x { y; }; }; /* */ // \n key a{}")
	f.Add(`key "\000" { algorithm hmac-sha512; secret "aaaa"; };`)
	f.Fuzz(func(t *testing.T, text string) {
		k, err := ParseKey(text, "file")
		if err != nil {
			if !errors.Is(err, ErrKey) {
				t.Fatal(err)
			}
			return
		}
		again, err := ParseKey(fmt.Sprintf("%s:%s:%s", k.Algorithm, "x", k.secret), "again")
		if err != nil || again.secret != k.secret || again.Algorithm != k.Algorithm {
			t.Fatalf("%q: %v", text, err)
		}
	})
}
