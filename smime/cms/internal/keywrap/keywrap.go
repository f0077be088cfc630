// Package keywrap wraps one key in another: AES key wrap (RFC 3394), which [Wrap] and [Unwrap] do,
// and the Triple-DES key wrap of old mail (RFC 3217), which [UnwrapTripleDES] reads.
//
// # Limitations
//
// Keys are at least 16 octets and a multiple of 8; AES key wrap with padding (RFC 5649) is not
// here. Nothing is wrapped by Triple-DES.
package keywrap

import (
	"bytes"
	"crypto/aes"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
)

// ErrUnwrap says that a wrapped key was not wrapped with this key, or was damaged.
var ErrUnwrap = errors.New("keywrap: the integrity check fails")

// block is half of an AES block: what the algorithm computes with.
const block = 8

// Overhead is how much longer than the key Wrap makes it, in octets.
const Overhead = block

// initial is the initial value of RFC 3394, Section 2.2.3.1.
var initial = []byte{0xa6, 0xa6, 0xa6, 0xa6, 0xa6, 0xa6, 0xa6, 0xa6}

// Wrap is RFC 3394, Section 2.2.1. The error says that kek is no AES key, or key is none that can
// be wrapped.
func Wrap(kek, key []byte) ([]byte, error) {
	if len(key)%block != 0 || len(key) < 2*block {
		return nil, fmt.Errorf("keywrap: a key of %d octets cannot be wrapped", len(key))
	}
	c, err := aes.NewCipher(kek)
	if err != nil {
		return nil, fmt.Errorf("keywrap: %w", err)
	}
	out := append(bytes.Clone(initial), key...)
	n := len(key) / block
	for t := uint64(1); t <= uint64(6*n); t++ {
		register := out[block*(1+int(t-1)%n):][:block]
		step(c.Encrypt, out[:block], register, 0, t)
	}
	return out, nil
}

// Unwrap is RFC 3394, Section 2.2.2. Errors: ErrUnwrap, also for a wrapped key of a length that
// there is not; else that kek is no AES key.
func Unwrap(kek, wrapped []byte) ([]byte, error) {
	if len(wrapped)%block != 0 || len(wrapped) < 3*block {
		return nil, ErrUnwrap
	}
	c, err := aes.NewCipher(kek)
	if err != nil {
		return nil, fmt.Errorf("keywrap: %w", err)
	}
	out := bytes.Clone(wrapped)
	n := len(out)/block - 1
	for t := uint64(6 * n); t >= 1; t-- {
		register := out[block*(1+int(t-1)%n):][:block]
		step(c.Decrypt, out[:block], register, t, 0)
	}
	if subtle.ConstantTimeCompare(out[:block], initial) != 1 {
		return nil, ErrUnwrap
	}
	return out[block:], nil
}

// step puts A and one register through the cipher: A is combined with before in front of it, and
// with after behind it.
func step(crypt func(dst, src []byte), a, register []byte, before, after uint64) {
	var b [aes.BlockSize]byte
	binary.BigEndian.PutUint64(b[:block], binary.BigEndian.Uint64(a)^before)
	copy(b[block:], register)
	crypt(b[:], b[:])
	binary.BigEndian.PutUint64(a, binary.BigEndian.Uint64(b[:block])^after)
	copy(register, b[block:])
}
