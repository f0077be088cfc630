package tbs_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"strings"
	"testing"
	"time"

	"dnseal/sender/identity"
	"dnseal/sender/identity/tbs"
)

// TestSelfSign: what is signed is octet for octet what crypto/x509 signs of the template of an
// identity, and the signature verifies.
func TestSelfSign(t *testing.T) {
	t.Parallel()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	spki, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("a", 60) + "." + strings.Repeat("b", 60) + "._device.example.net"
	for _, written := range []string{"sensor7._device.example.net", "alice@example.org", "jürgen@example.org", "a_b@example.org", long} {
		for _, days := range []int{1, 3650, 36500} {
			kind, name, err := identity.ParseName(written)
			if err != nil {
				t.Fatal(err)
			}
			template, err := identity.CertificateTemplate(kind, name, key.Public(), time.Now(), days)
			if err != nil {
				t.Fatal(err)
			}
			der, err := tbs.SelfSign(template, spki, key)
			if err != nil {
				t.Fatal(err)
			}
			got, err := x509.ParseCertificate(der)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			ref, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
			if err != nil {
				t.Fatal(err)
			}
			want, err := x509.ParseCertificate(ref)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got.RawTBSCertificate, want.RawTBSCertificate) {
				t.Errorf("%s, %d days:\n%x\n%x", name, days, got.RawTBSCertificate, want.RawTBSCertificate)
			}
			if err = got.CheckSignature(got.SignatureAlgorithm, got.RawTBSCertificate, got.Signature); err != nil {
				t.Error(err)
			}
		}
	}
}

// TestSelfSignRefuses: what it would leave out is an error.
func TestSelfSignRefuses(t *testing.T) {
	t.Parallel()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*x509.Certificate){
		"a CA":            func(c *x509.Certificate) { c.BasicConstraintsValid, c.IsCA = true, true },
		"no serial":       func(c *x509.Certificate) { c.SerialNumber = nil },
		"two purposes":    func(c *x509.Certificate) { c.ExtKeyUsage = append(c.ExtKeyUsage, x509.ExtKeyUsageClientAuth) },
		"another purpose": func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} },
		"no key usage":    func(c *x509.Certificate) { c.KeyUsage = 0 },
		"an algorithm":    func(c *x509.Certificate) { c.SignatureAlgorithm = x509.ECDSAWithSHA512 },
	} {
		template, e := identity.CertificateTemplate(identity.Host, "a.example", key.Public(), time.Now(), 1)
		if e != nil {
			t.Fatal(e)
		}
		change(template)
		if _, err = tbs.SelfSign(template, nil, key); err == nil {
			t.Error(name)
		}
	}
	other, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if _, err = tbs.SelfSign(&x509.Certificate{}, nil, other); err == nil {
		t.Error("P-384")
	}
}
