package cms

import (
	"bytes"
	"crypto/x509"
	"hash/maphash"
	"sync/atomic"

	"dnseal/smime/certificate"
)

const (
	// maxRemembered certificates are kept, of at most maxRememberedSize octets each: about 3 MiB
	// with what was made of them.
	maxRemembered     = 256
	maxRememberedSize = 4 << 10
)

// remembered holds certificates that were parsed before: most messages are from people who sent
// others, and to parse a certificate takes a tenth of the time a message does. A sender
// cannot predict the slot, and a certificate is found by all its octets.
var (
	remembered     [maxRemembered]atomic.Pointer[x509.Certificate]
	rememberedSeed = maphash.MakeSeed()
)

// slot is where a certificate with this DER would be.
func slot(der []byte) *atomic.Pointer[x509.Certificate] {
	return &remembered[maphash.Bytes(rememberedSeed, der)%maxRemembered]
}

// recall returns the certificate with this DER if it was parsed before, else nil.
func recall(der []byte) *x509.Certificate {
	if cert := slot(der).Load(); cert != nil && bytes.Equal(cert.Raw, der) {
		return cert
	}
	return nil
}

// parse is certificate.Parse for what recall did not find.
func parse(der []byte) (*x509.Certificate, error) {
	cert, err := certificate.Parse(der)
	if err == nil && len(der) <= maxRememberedSize {
		slot(der).Store(cert)
	}
	return cert, err
}
