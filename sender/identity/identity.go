// Package identity keeps the keys of DNS-bound names on disk: makes them, gives
// them self-signed certificates with the right profile, loads them and says
// which DNS record publishes them.
//
// An identity is a folder DIR/NAME with key.pem (PKCS#8, mode 0600) and
// cert.pem (its certificate first, then the chain without the root). The names
// do not say the form, the contents do: see [Load]. A folder without any certificate
// holds a raw key: it can sign mail of its own address and is
// published by a record that carries the key (RFC 8162; RFC 6698, usage 3,
// selector 1).
//
// [ParseName] knows the kinds of names, [Create] and [Load] make and read
// folders, [Identity.Record] and [FormatRecord] give the record to publish.
//
// Errors that a person can mend say how: they have a method Hint() string,
// found with [Hint].
//
// Standards: RFC 8162 (SMIMEA), RFC 6698 and RFC 7671 (TLSA), RFC 5280 (certificates), RFC 8550
// (their use for mail), RFC 4056 (RSASSA-PSS), RFC 5958 (PKCS#8).
//
// # Limitations
//
// Keys are files, protected by their mode alone: they are not encrypted. It publishes no record and
// asks no DNS. It makes no request to a CA, and replaces no key: a rollover is a second identity or
// the work of the caller. The file system must keep a rename atomic.
package identity

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"fmt"

	"dnseal/smime/cms"
)

// Kind is what a name stands for (RFC 8162 for mail; DANCE client authentication for the others).
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
	Name string // canonical, as ParseName returns it
	Kind Kind
	// Key signs; never nil.
	Key crypto.Signer
	// PSS says that the RSA key signs by RSASSA-PSS (RFC 4056) instead of PKCS #1 v1.5: the key or
	// its certificate is for RSASSA-PSS only (RFC 4055, Section 1.2), or the line "Signature
	// scheme: RSASSA-PSS" stands above the key in key.pem, or the certificate is self-signed by
	// RSASSA-PSS. The keys that Create makes stay keys for both, so that every program can read
	// certificate and record, and have the line.
	PSS bool
	// Certificate is the key's; nil for a raw key.
	Certificate *x509.Certificate
	// Chain holds the other certificates of cert.pem, in its order.
	Chain []*x509.Certificate
	// KeyFile and CertFile are the paths. CertFile is empty for a raw key.
	KeyFile, CertFile string

	signer cms.Signer // made ready by Load; the zero value where the key is none that signs mail
}

// Signer returns what signs as the identity. That of one that Load returned is ready: what is the
// same in all signatures was made once.
func (id *Identity) Signer() cms.Signer {
	if id.signer.Key != nil {
		return id.signer
	}
	return cms.Signer{Key: id.Key, Certificate: id.Certificate, PSS: id.PSS}
}

// KeyType describes the key for people, such as "ECDSA P-256" or "RSA 2048 bit".
func (id *Identity) KeyType() string {
	switch k := id.Key.Public().(type) {
	case *ecdsa.PublicKey:
		return "ECDSA " + k.Params().Name
	case *rsa.PublicKey:
		words := fmt.Sprintf("RSA %d bit", k.N.BitLen())
		if id.PSS {
			words += ", signs by RSASSA-PSS"
		}
		return words
	case *cms.PSSPublicKey:
		return fmt.Sprintf("RSA %d bit, for RSASSA-PSS only", k.N.BitLen())
	case ed25519.PublicKey:
		return "Ed25519"
	}
	return fmt.Sprintf("%T", id.Key.Public())
}
