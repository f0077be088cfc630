package cms

import (
	"bytes"
	"crypto/rand"
	"crypto/x509"
	"slices"
	"sync"
	"testing"
)

// A certificate that was read before is the same one again; one that differs in its last octet is another.
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

// What is parsed once more is the same, but for what is too long to be kept.
func TestCertificateOf(t *testing.T) {
	t.Parallel()
	s := identities[0].signer(t)
	template := &x509.Certificate{SerialNumber: s.Certificate.SerialNumber, DNSNames: slices.Repeat([]string{"a.example.org"}, 300)}
	long, err := x509.CreateCertificate(rand.Reader, template, template, s.Key.Public(), s.Key)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		der  []byte
		want bool
	}{{s.Certificate.Raw, true}, {long, false}} {
		same := 0
		last, err := certificateOf(tt.der)
		for range 100 {
			// Other tests may displace it now and then.
			cert, again := certificateOf(bytes.Clone(tt.der))
			if err != nil || again != nil || !cert.Equal(last) {
				t.Fatalf("%d octets: %v, %v", len(tt.der), err, again)
			}
			if cert == last {
				same++
			}
			last = cert
		}
		if same > 0 != tt.want {
			t.Errorf("%d octets: the same %d times of 100", len(tt.der), same)
		}
	}
	if _, err := certificateOf(long[:100]); err == nil {
		t.Error("half a certificate is one")
	}
}
