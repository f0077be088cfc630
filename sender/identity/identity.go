// Package identity keeps the keys of DNS-bound names on disk: makes them, gives
// them self-signed certificates with the right profile, loads them and says
// which DNS record publishes them.
//
// An identity is a folder DIR/NAME with key.pem (PKCS#8, mode 0600) and
// cert.pem (its certificate first, then the chain without the root). The names
// do not say the form, the contents do: see [Loader.Load]. key.pem always says where the
// key is: there, in a systemd credential, or, where it has the public half alone, with somebody
// else: such an identity can be published and cannot sign. A folder without any certificate
// holds a raw key: it can sign mail of its own address and is
// published by a record that carries the key (RFC 8162; RFC 6698, usage 3,
// selector 1).
//
// A key that others encrypt to, where that is not the one that signs, is in the subfolder encrypt,
// and an ML-DSA key that signs beside another one in pq; see [Use].
//
// [ParseName] knows the kinds of names, [Create], [Import] and [Load] make and read folders,
// package lint says what is wrong with them, package request asks a CA for a certificate,
// [Identity.Record] and [FormatRecord] give the record to publish.
//
// Errors that a person can mend say how: they have a method Hint() string,
// found with [Hint].
//
// Standards: RFC 8162 (SMIMEA), RFC 6698 and RFC 7671 (TLSA), RFC 5280 (certificates), RFC 8550
// (their use for mail), RFC 4056 (RSASSA-PSS), RFC 5958 (PKCS#8), RFC 8018 (PBES2), RFC 9881
// (ML-DSA), RFC 9935 (ML-KEM), RFC 8410 (X25519).
//
// # Limitations
//
// A private key in a file is protected by the mode of the file, and by encryption where its
// passphrase is elsewhere. The package publishes no record and asks no DNS, and replaces no private
// key: package provision does. The file system must keep a rename atomic.
package identity

import (
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/mlkem"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"

	"filippo.io/mldsa"

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
	// Public is the public half of the key; never nil in what Load, LoadPublic and Create return.
	Public crypto.PublicKey
	// Key signs. It is nil where the private key is not here: key.pem has the public half alone (a
	// supplier keeps the private one), or the identity is that of LoadPublic. Records can be made
	// of such an identity, signatures not: see CanSign.
	Key crypto.Signer
	// Private is the private key of one that decrypts and cannot sign, for which Key is nil: a
	// *ecdh.PrivateKey (X25519), a *mlkem.DecapsulationKey768 or a *mlkem.DecapsulationKey1024.
	Private crypto.PrivateKey
	// PostQuantum is the ML-DSA key of the same name, which signs beside a Key of another kind;
	// nil: there is none.
	PostQuantum *Identity
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

	// KeyWasThere says that Create used a key that was on the PKCS #11 token already.
	KeyWasThere bool

	keyText []byte     // of Create: what key.pem says about a key that is elsewhere
	signer  cms.Signer // made ready by Load; the zero value where the key is none that signs mail

	anyUse bool // loaded from a folder that can have a key for encryption alone
}

// ErrNoPrivateKey says that an identity cannot sign because its private key is not here.
var ErrNoPrivateKey = errors.New("its private key is not here")

// CanSign returns nil where the identity has its private key, else an [ErrNoPrivateKey] that names
// the identity, with a [Hint]; another error for a key for encryption alone.
func (id *Identity) CanSign() error {
	if id.Key != nil {
		return nil
	}
	if onlyEncrypts(id.public()) {
		err := fmt.Errorf("identity: %s cannot sign: its key is for encryption alone (%s)", id.Name, id.KeyType())
		return WithHint(err, "make a key that signs: dnseal identity new %s", Quote(id.Name))
	}
	err := fmt.Errorf("identity: %s cannot sign: %w", id.Name, ErrNoPrivateKey)
	return WithHint(err, "the holder of the private key signs; if you have it, put it into %s (chmod 600), in place of the public key", Quote(id.KeyFile))
}

// public returns the public key, also of an Identity that a caller made of a Key.
func (id *Identity) public() crypto.PublicKey {
	if id.Public == nil && id.Key != nil {
		return id.Key.Public()
	}
	if id.Public == nil && id.Private != nil {
		return publicOf(id.Private)
	}
	return id.Public
}

// Signer returns what signs as the identity, by its PostQuantum key too where that is here. That of
// one that Load returned is ready: what is the same in all signatures was made once. Without a
// private key it has no Key, and every signature with it is an error: see CanSign.
func (id *Identity) Signer() cms.Signer {
	if id.signer.Key != nil {
		return id.signer
	}
	s := cms.Signer{Key: id.Key, Certificate: id.Certificate, PSS: id.PSS}
	if id.PostQuantum != nil && id.PostQuantum.Key != nil {
		beside := id.PostQuantum.Signer()
		beside.Chain = id.PostQuantum.Chain
		s.PostQuantum = &beside
	}
	return s
}

// KeyType describes the key for people, such as "ECDSA P-256" or "RSA 2048 bit".
func (id *Identity) KeyType() string {
	switch k := id.public().(type) {
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
	case *mldsa.PublicKey:
		return k.Parameters().String()
	case *ecdh.PublicKey:
		return "X25519"
	case *mlkem.EncapsulationKey768:
		return "ML-KEM-768"
	case *mlkem.EncapsulationKey1024:
		return "ML-KEM-1024"
	}
	return fmt.Sprintf("%T", id.public())
}
