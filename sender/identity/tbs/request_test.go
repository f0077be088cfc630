package tbs

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"testing"

	"filippo.io/mldsa"

	"dnseal/smime/cms"
)

// TestCreateRequest: a request of each set verifies under its own key alone, and crypto/x509 reads
// what it asks for.
func TestCreateRequest(t *testing.T) {
	t.Parallel()
	template := &x509.CertificateRequest{Subject: pkix.Name{CommonName: "alice"}, EmailAddresses: []string{"alice@example.org"}}
	for _, set := range []mldsa.Parameters{mldsa.MLDSA44(), mldsa.MLDSA65(), mldsa.MLDSA87()} {
		t.Run(set.String(), func(t *testing.T) {
			t.Parallel()
			key := must[*mldsa.PrivateKey](t)(mldsa.GenerateKey(set))
			other := must[*mldsa.PrivateKey](t)(mldsa.GenerateKey(set))
			spki := must[[]byte](t)(cms.MarshalPublicKey(key.Public()))
			der := must[[]byte](t)(CreateRequest(template, spki, key))
			parsed := must[*x509.CertificateRequest](t)(x509.ParseCertificateRequest(der))
			if len(parsed.EmailAddresses) != 1 || parsed.Subject.CommonName != "alice" || !bytes.Equal(parsed.RawSubjectPublicKeyInfo, spki) {
				t.Errorf("%+v", parsed)
			}
			pub := key.Public().(*mldsa.PublicKey)
			if err := CheckRequest(der, pub); err != nil {
				t.Error(err)
			}
			if CheckRequest(der, other.Public().(*mldsa.PublicKey)) == nil {
				t.Error("it verifies under another key")
			}
			for _, at := range []int{0, 2, 9, len(der) / 3, len(der) / 2, len(der) - 1} {
				changed := bytes.Clone(der)
				changed[at] ^= 1
				if CheckRequest(changed, pub) == nil {
					t.Errorf("with octet %d changed it verifies", at)
				}
			}
			for _, wrong := range [][]byte{nil, der[:len(der)-1], append(bytes.Clone(der), 0)} {
				if CheckRequest(wrong, pub) == nil {
					t.Errorf("%d octets verify", len(wrong))
				}
			}
		})
	}
}

func TestCreateRequestRefuses(t *testing.T) {
	t.Parallel()
	_, classical, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if _, err = CreateRequest(&x509.CertificateRequest{}, nil, classical); err == nil {
		t.Error("a key of Ed25519 has a request")
	}
	key := must[*mldsa.PrivateKey](t)(mldsa.GenerateKey(mldsa.MLDSA44()))
	for _, spki := range [][]byte{nil, {0x30}, {0x30, 0, 0}} {
		if _, err = CreateRequest(&x509.CertificateRequest{}, spki, key); err == nil {
			t.Errorf("% x is a key", spki)
		}
	}
}
