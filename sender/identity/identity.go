// Package identity keeps the keys of DNS-bound names on disk: makes them, gives
// them self-signed certificates with the right profile, loads them and says
// which DNS record publishes them.
//
// An identity is a folder DIR/NAME with key.pem (0600) and cert.pem.
package identity

import (
	"crypto"
	"crypto/x509"
	"time"

	"dnseal/lookup"
)

// Kind is what a name stands for (DESIGN 3).
type Kind string

// Kinds of names.
const (
	Mail    Kind = "mail"    // alice@example.org, SMIMEA
	Device  Kind = "device"  // sensor7._device.example.net, TLSA
	Service Kind = "service" // _smtp-client.relay1.example.net, TLSA
	Host    Kind = "host"    // device73.example.net, TLSA
)

// Identity is a key pair bound to a DNS-published name.
type Identity struct {
	Name        string // canonical: as a folder name
	Kind        Kind
	Key         crypto.Signer
	Certificate *x509.Certificate
	Chain       []*x509.Certificate
	// KeyFile and CertFile are the paths.
	KeyFile, CertFile string
}

// CreateOptions are for Create. Zero values are the defaults.
type CreateOptions struct {
	// Algorithm: "p256" (default), "p384", "rsa2048", "rsa3072", "rsa4096", "ed25519".
	Algorithm string
	// Days of validity of the certificate; 0: 3650 (dates do not count under DANE-EE).
	Days int
	// Now is the time of making; zero: time.Now.
	Now time.Time
}

// ParseName returns the kind and canonical form of a name.
func ParseName(name string) (Kind, string, error) { panic("unwritten") }

// Create makes a new identity in dir; it never overwrites one (fs.ErrExist).
func Create(dir, name string, opts CreateOptions) (*Identity, error) { panic("unwritten") }

// Load reads one identity. It refuses a key that others can read, and a key that does not fit its certificate.
func Load(dir, name string) (*Identity, error) { panic("unwritten") }

// List returns the names in dir, sorted.
func List(dir string) ([]string, error) { panic("unwritten") }

// OwnerName returns the absolute owner name of the identity's record and its type.
func (id *Identity) OwnerName() (string, lookup.Type, error) { panic("unwritten") }

// Record returns the record that publishes the identity.
func (id *Identity) Record(usage, selector, matching uint8) (lookup.Record, error) {
	panic("unwritten")
}
