//go:build !submit

package enveloped

import (
	"crypto/cipher"

	"golang.org/x/crypto/chacha20poly1305"
)

// newChaCha20Poly1305 is the cipher of RFC 8103. The build for devices, with the tag submit, which
// only signs, leaves it out.
func newChaCha20Poly1305(key []byte) (cipher.AEAD, error) { return chacha20poly1305.New(key) }
