package lint

import (
	"crypto/x509"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"dnseal/sender/identity"
)

// TestFresh: what identity new makes has nothing wrong, and says what other programs make of it.
func TestFresh(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"alice@example.org", "jörg@example.org", "sensor7._device.example.net"} {
		id, err := identity.Create(t.TempDir(), name, identity.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if got := codes(Lint(id, time.Now())); !slices.Equal(got, []Code{SelfSigned}) {
			t.Errorf("%s: %v", name, got)
		}
		if got := codes(Lint(id, time.Now().AddDate(20, 0, 0))); !slices.Equal(got, []Code{Expired, SelfSigned}) {
			t.Errorf("%s in twenty years: %v", name, got)
		}
		if got := codes(Lint(id, time.Now().AddDate(-1, 0, 0))); !slices.Equal(got, []Code{NotYetValid, SelfSigned}) {
			t.Errorf("%s a year ago: %v", name, got)
		}
	}
}

func codes(findings []Finding) []Code {
	var out []Code
	for _, f := range findings {
		out = append(out, f.Code)
	}
	return out
}

// TestLintKnowsWhatAKeyIsFor: a certificate for encryption is not one that fails to sign.
func TestLintKnowsWhatAKeyIsFor(t *testing.T) {
	t.Parallel()
	const name = "alice@example.org"
	dir := t.TempDir()
	if _, err := identity.Create(dir, name, identity.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	late := time.Now().AddDate(20, 0, 0)
	for _, tt := range []struct {
		algorithm string
		use       identity.Use
		certified bool
		want      []Code
	}{
		{"p256", identity.UseEncrypt, true, nil},
		{"rsa2048", identity.UseEncrypt, true, nil},
		{"x25519", identity.UseEncrypt, true, []Code{UncommonKey}},
		{"ml-kem-768", identity.UseEncrypt, true, []Code{UncommonKey}},
		{"ml-kem-1024", identity.UseEncrypt, false, []Code{NoCertificate}},
		{"p256", identity.UseBoth, false, []Code{SelfSigned}},
		{"ml-dsa-65", identity.UseSign, false, []Code{UncommonKey, SelfSigned}},
	} {
		in := t.TempDir()
		if tt.certified {
			in = dir
		}
		id, err := identity.Create(in, name, identity.CreateOptions{Use: tt.use, Algorithm: tt.algorithm})
		if err != nil {
			t.Fatal(err)
		}
		if got := codes(Lint(id, time.Now())); !slices.Equal(got, tt.want) {
			t.Errorf("%s for %s: %v, want %v", tt.algorithm, tt.use, got, tt.want)
		}
		if got := codes(Lint(id, late)); id.Certificate != nil && got[0] != Expired {
			t.Errorf("%s for %s in twenty years: %v", tt.algorithm, tt.use, got)
		}
		if tt.use != identity.UseEncrypt || id.Certificate == nil {
			continue
		}
		id.Certificate.KeyUsage = x509.KeyUsageDigitalSignature
		if got := Lint(id, time.Now()); len(got) == 0 || got[0].Code != KeyUsage || got[0].Level != Wrong {
			t.Errorf("%s with keyUsage digitalSignature: %v", tt.algorithm, got)
		}
		if err = os.RemoveAll(filepath.Dir(id.KeyFile)); err != nil {
			t.Fatal(err)
		}
	}
}
