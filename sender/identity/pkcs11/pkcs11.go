// Package pkcs11 signs with private keys on PKCS #11 tokens: hardware security modules, smart
// cards, SoftHSM. A key is named by a URI (RFC 7512), as [ParseURI] reads it; [Open] finds it,
// [Generate] makes one. The private key never leaves the token.
//
// It is in builds with cgo and the build tag pkcs11 only, see [Built]: a PKCS #11 module is a C
// library. In all others Open and Generate return [ErrNotBuilt].
//
// Of each module and token there is one connection in a process, which all keys share: the token is
// logged in to once, and at most 16 sessions (fewer where the token has fewer) sign at the same
// time. A token that was removed or restarted is connected to again by the next signature. A PIN
// that a token refused is never tried again. Every call has a time limit: the caller gets an error,
// the call into the module, which nothing can end, keeps its session until it returns. Where such
// calls have all sessions of a token, the next ones get the error at once.
//
// Standards: PKCS #11 2.40 and 3.0 (EdDSA), RFC 7512 (URIs).
//
// # Limitations
//
// A token that asks for its PIN on a pad of its own waits there as long as the time limit. Modules
// are never unloaded; a replaced module needs a restart. SoftHSM, and some others, show a token
// that was made, or came back, only when they are initialised: that is done again, every two
// seconds at most, while no other token of the module is connected to; else it needs a restart.
package pkcs11

import (
	"crypto"
	"errors"
	"fmt"
	"io"
	"time"
)

// ErrNotBuilt says that this program has no PKCS #11.
var ErrNotBuilt = errors.New("this dnseal is built without PKCS #11")

// ErrNotFound says that the token is there and has no such private key.
var ErrNotFound = errors.New("no such private key")

// ErrClosed says that Close was called.
var ErrClosed = errors.New("the module was closed")

// ErrPIN says that the token asks for a PIN and none was given, or that the PIN is wrong.
var ErrPIN = errors.New("the PIN is missing or wrong")

// DefaultTimeout is how long Open, Generate and a signature may take at most.
const DefaultTimeout = 30 * time.Second

// Options are for Open and Generate. Zero values are the defaults.
type Options struct {
	// PIN of the token's user; empty: that of the URI's pin-source, or none.
	PIN string
	// Timeout is for Open and Generate, and for each signature; 0: DefaultTimeout.
	Timeout time.Duration
}

// Key is a private key on a token. It is safe for concurrent use.
type Key struct {
	public crypto.PublicKey
	uri    URI
	place  string
	sign   func(digest []byte, opts crypto.SignerOpts) ([]byte, error)
}

// Public returns an *rsa.PublicKey, an *ecdsa.PublicKey or an ed25519.PublicKey.
func (k *Key) Public() crypto.PublicKey { return k.public }

// Sign signs a digest: RSA by PKCS #1 v1.5, or by RSASSA-PSS with *rsa.PSSOptions; ECDSA, whose
// signature is the ASN.1 form. Ed25519 signs the message itself, with crypto.Hash(0). The token
// makes the random numbers. Errors: options that do not fit to the key; a token that is not there,
// does not answer in time or refuses; one with a Hint() where a person can mend it.
func (k *Key) Sign(_ io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	return k.sign(digest, opts)
}

// URI names exactly this key: it is the one given to Open or Generate, with the key's id.
func (k *Key) URI() URI { return k.uri }

// String says where the key is, for people.
func (k *Key) String() string { return k.place }

// hinted is an error with advice.
type hinted struct {
	error
	hint string
}

// Hint says what to do about the error.
func (e *hinted) Hint() string  { return e.hint }
func (e *hinted) Unwrap() error { return e.error }

// withHint adds advice, which has no capital and no period.
func withHint(err error, format string, args ...any) error {
	return &hinted{err, fmt.Sprintf(format, args...)}
}
