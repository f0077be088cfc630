package cms

import (
	"bytes"
	"crypto/x509"
	"hash/maphash"
	"sync/atomic"
)

const (
	// maxRemembered certificates are kept, of at most maxRememberedSize octets each: about 3 MiB with what was made of them.
	maxRemembered     = 256
	maxRememberedSize = 4 << 10
)

// remembered holds certificates that were parsed before: most messages are from people who sent others, and to parse a certificate takes a
// tenth of the time a message does. Where one goes is nothing that a sender can foresee, and it is found by all its octets.
var (
	remembered     [maxRemembered]atomic.Pointer[x509.Certificate]
	rememberedSeed = maphash.MakeSeed()
)

// certificateOf is x509.ParseCertificate, whose result may be shared.
func certificateOf(der []byte) (*x509.Certificate, error) {
	if len(der) > maxRememberedSize {
		return x509.ParseCertificate(der)
	}
	slot := &remembered[maphash.Bytes(rememberedSeed, der)%maxRemembered]
	if cert := slot.Load(); cert != nil && bytes.Equal(cert.Raw, der) {
		return cert, nil
	}
	cert, err := x509.ParseCertificate(der)
	if err == nil {
		slot.Store(cert)
	}
	return cert, err
}
