//go:build submit

// Package pkcs12 is not in this build, for devices: see pkcs12.go. It refuses every file.
package pkcs12

import (
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
)

// Errors, of which ErrUnsupported alone is returned.
var (
	ErrPassword    = errors.New("pkcs12: the password is not that of the file")
	ErrUnsupported = errors.New("pkcs12: not supported")
	ErrKeyForm     = errors.New("pkcs12: the form of a certificate is not supported")
	ErrMalformed   = errors.New("pkcs12: malformed")
)

// Contents are what a file holds.
type Contents struct {
	Key          crypto.PrivateKey
	KeyInfo      []byte
	Encrypted    bool
	Certificates []*x509.Certificate
}

// Read returns ErrUnsupported.
func Read([]byte, string) (*Contents, error) {
	return nil, fmt.Errorf("%w: this is the submit build of dnseal", ErrUnsupported)
}
