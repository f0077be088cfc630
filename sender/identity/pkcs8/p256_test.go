package pkcs8

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"testing"
)

// TestMarshalP256: the octets are those of crypto/x509; other keys are left to it.
func TestMarshalP256(t *testing.T) {
	t.Parallel()
	for range 300 { // some of them have leading zeros
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		want, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := MarshalP256(key); !ok || !bytes.Equal(got, want) {
			t.Fatalf("%x, want %x", got, want)
		}
		if want, err = x509.MarshalPKIXPublicKey(key.Public()); err != nil {
			t.Fatal(err)
		}
		if got, ok := MarshalP256Public(&key.PublicKey); !ok || !bytes.Equal(got, want) {
			t.Fatalf("%x, want %x", got, want)
		}
	}
	other, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := MarshalP256(other); ok {
		t.Error("P-384")
	}
	if _, ok := MarshalP256Public(&other.PublicKey); ok {
		t.Error("P-384")
	}
	if _, ok := MarshalP256("none"); ok {
		t.Error("no key")
	}
}
