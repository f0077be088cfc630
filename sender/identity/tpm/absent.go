//go:build submit && !tpm

// Package tpm is not in this build: see tpm.go, and the build tag tpm, which puts it back.
package tpm

import (
	"crypto"
	"errors"
	"io"
)

// Built says whether this program has TPM 2.0.
const Built = false

// BlockType is the type of the PEM block.
const BlockType = "TSS2 PRIVATE KEY"

// ErrAuth is never returned here.
var ErrAuth = errors.New("the password of the key is missing or wrong")

// Env names the environment variable with the TPM of other builds.
const Env = "DNSEAL_TPM"

// Options are for Open and Create.
type Options struct{ Auth string }

// Key is never made here.
type Key struct{}

// Public implements [crypto.Signer].
func (*Key) Public() crypto.PublicKey { return nil }

// Sign implements [crypto.Signer].
func (*Key) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) { return nil, errNotBuilt }

// Open returns an error: the key is in a TPM.
func Open([]byte, Options) (*Key, error) { return nil, errNotBuilt }

// Create returns an error.
func Create(string, Options) (*Key, []byte, error) { return nil, nil, errNotBuilt }

var errNotBuilt error = absent{}

type absent struct{}

func (absent) Error() string { return "the key is in a TPM, and this dnseal is built without TPM 2.0" }

// Hint says what to do.
func (absent) Hint() string { return "build it with -tags submit,tpm" }
