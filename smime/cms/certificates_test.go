package cms

import (
	"bytes"
	"crypto/rand"
	"crypto/x509"
	"slices"
	"sync"
	"testing"
)

// A certificate that was read before is the same one again; one that differs in its last octet is
// another.
func TestCertificatesRemembered(t *testing.T) {
	t.Parallel()
	s := identities[0].signer(t)
	near := *s.Certificate
	near.Raw = bytes.Clone(near.Raw)
	near.Raw[len(near.Raw)-1] ^= 1
	der := sign(t, SignOptions{Signers: []Signer{s}, Certificates: []*x509.Certificate{s.Certificate, &near}})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			sd, err := Read(bytes.NewReader(der), nil)
			if err != nil {
				t.Error(err)
				return
			}
			if len(sd.Certificates) != 2 || len(sd.RawCertificates) != 2 {
				t.Errorf("%d certificates, %d raw ones", len(sd.Certificates), len(sd.RawCertificates))
				return
			}
			if recalled := recall(s.Certificate.Raw); recalled != nil && !recalled.Equal(s.Certificate) {
				t.Error("recalled as another")
			}
			for i, cert := range sd.Certificates {
				if !bytes.Equal(cert.Raw, sd.RawCertificates[i]) {
					t.Error("a certificate of other octets")
				}
			}
			if bytes.Equal(sd.Certificates[0].Raw, sd.Certificates[1].Raw) {
				t.Error("two certificates are the same")
			}
		})
	}
	wg.Wait()
}

// What is too long to be kept is parsed each time, and what is none is not kept.
func TestCertificatesNotRemembered(t *testing.T) {
	t.Parallel()
	s := identities[0].signer(t)
	template := &x509.Certificate{SerialNumber: s.Certificate.SerialNumber, DNSNames: slices.Repeat([]string{"a.example.org"}, 300)}
	long, err := x509.CreateCertificate(rand.Reader, template, template, s.Key.Public(), s.Key)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if cert, err := parse(long); err != nil || !bytes.Equal(cert.Raw, long) {
			t.Fatalf("parse = %v, %v", cert, err)
		}
		if cert, err := parse(long[:100]); err == nil {
			t.Fatalf("half a certificate is %v", cert.Subject)
		}
	}
	if recall(long) != nil || recall(long[:100]) != nil || recall(nil) != nil {
		t.Error("recalled")
	}
}
