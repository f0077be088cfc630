//go:build !submit || tpm

// Package tpm signs with private keys of a TPM 2.0. Such a key is a file, the PEM block "TSS2
// PRIVATE KEY", that only the TPM that made it (or that it was made for) can open: [Open] reads
// one, [Create] makes one. The private key is never outside the TPM unencrypted.
//
// The TPM is the device /dev/tpmrm0 (on Windows that of the system), or what the environment
// variable DNSEAL_TPM names: a device or a UNIX socket, as swtpm has one. Commands of this process
// go to it one after the other. Where it has a resource manager a key stays loaded for a second
// after a signature; else it and the connection are given up at once. Every operation has a time
// limit.
//
// Standards: TPM 2.0 Library 1.59; draft-bottomley-tpm2-keys-01 (the PEM block, as openssl's
// providers and engines for TPMs write it); TCG EK Credential Profile 2.5, template H-2 (the
// storage key above the keys).
//
// # Limitations
//
// Keys with a policy (PCR, signed or other) are not supported, nor are Ed25519 keys, which TPMs do
// not have.
package tpm

import (
	"crypto"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"
)

// Built says whether this program has TPM 2.0: one with the build tag submit has it only with the
// tag tpm.
const Built = true

// BlockType is the type of the PEM block.
const BlockType = "TSS2 PRIVATE KEY"

// Env names the environment variable with the TPM's device or socket.
const Env = "DNSEAL_TPM"

// ErrAuth says that the key has an auth value (a password) and none was given, or a wrong one.
var ErrAuth = errors.New("the password of the key is missing or wrong")

// DefaultTimeout is how long Open and a signature may take at most: a client waits for the message.
const DefaultTimeout = 30 * time.Second

// CreateTimeout is how long Create may take at most, and what uses a key below an RSA storage key,
// which the TPM makes each time: old TPMs need a minute for an RSA key.
const CreateTimeout = 90 * time.Second

// Options are for Open and Create. Zero values are the defaults.
type Options struct {
	// Auth is the auth value of the key: a password; empty: none.
	Auth string
	// Device is the TPM's device or UNIX socket; empty: that of the environment variable
	// DNSEAL_TPM, else /dev/tpmrm0.
	Device string
	// Timeout is for Open and Create, and for each signature; 0: DefaultTimeout, or CreateTimeout.
	Timeout time.Duration
}

// Key is a private key of a TPM. It is safe for concurrent use.
type Key struct {
	file   *keyFile
	public crypto.PublicKey
	device *device
	auth   string
	limit  time.Duration
	// refused says that the TPM refused the password: it locks itself after some tries.
	refused atomic.Bool
}

// Public returns an *rsa.PublicKey or an *ecdsa.PublicKey.
func (k *Key) Public() crypto.PublicKey { return k.public }

// Sign signs a digest: RSA by PKCS #1 v1.5, or by RSASSA-PSS with *rsa.PSSOptions and a salt as
// long as the digest; ECDSA, whose signature is the ASN.1 form. The TPM makes the random numbers.
// Errors: options that do not fit to the key; a TPM that is not there, does not answer in time or
// refuses; [ErrAuth]; one with a Hint() where a person can mend it.
func (k *Key) Sign(_ io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	return k.sign(digest, opts)
}

// String says where the key is, for people.
func (k *Key) String() string { return "TPM 2.0, " + k.device.path }

// Open returns the key of the contents of a PEM block. Errors, most of them with a Hint(): contents
// that are malformed; a key that does not sign, or has a policy; a TPM that is not there or did not
// make the key; [ErrAuth] where the key has a password and there is none. A wrong password shows at
// the first signature.
func Open(der []byte, opts Options) (*Key, error) {
	file, err := parseKeyFile(der)
	if err != nil {
		return nil, err
	}
	public, err := file.signingKey()
	if err != nil {
		return nil, err
	}
	if !file.emptyAuth && opts.Auth == "" {
		return nil, withHint(&authError{"tpm: the key has a password"}, `write it into the file "password" beside the key (chmod 600)`)
	}
	usual := DefaultTimeout
	if file.rsaParent {
		usual = CreateTimeout
	}
	k := &Key{file: file, public: public, device: deviceAt(opts.Device), auth: opts.Auth, limit: opts.timeout(usual)}
	return k, k.device.use(k.limit, func(c *connection) error { return c.load(k) })
}

func (o Options) timeout(usual time.Duration) time.Duration {
	if o.Timeout <= 0 {
		return usual
	}
	return o.Timeout
}

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

// authError is an error of a password.
type authError struct{ text string }

func (e *authError) Error() string        { return e.text }
func (e *authError) Is(target error) bool { return target == ErrAuth }
