package keywrap

import (
	"crypto/cipher"
	"crypto/des" //nolint:gosec // mail of before 2010 is encrypted with it; nothing is written
	"crypto/sha1"
	"crypto/subtle"
	"slices"
)

// TripleDESSize is the length of a wrapped Triple-DES key in octets (RFC 3217, Section 3.1).
const TripleDESSize = 40

const tripleDESKey = 24

// tripleDESInitial is the initialization vector of RFC 3217, Section 3.1.
var tripleDESInitial = []byte{0x4a, 0xdd, 0xa2, 0x2c, 0x79, 0xe8, 0x21, 0x05}

// UnwrapTripleDES is RFC 3217, Section 3.2. ErrUnwrap says that wrapped was not wrapped with kek.
// The parity of the key is not looked at: the checksum is over all its bits.
func UnwrapTripleDES(kek, wrapped []byte) ([]byte, error) {
	c, err := des.NewTripleDESCipher(kek) //nolint:gosec // see above
	if err != nil || len(wrapped) != TripleDESSize {
		return nil, ErrUnwrap
	}
	out := make([]byte, TripleDESSize)
	cipher.NewCBCDecrypter(c, tripleDESInitial).CryptBlocks(out, wrapped)
	slices.Reverse(out)
	iv, body := out[:des.BlockSize], out[des.BlockSize:]
	cipher.NewCBCDecrypter(c, iv).CryptBlocks(body, body)
	key, check := body[:tripleDESKey], body[tripleDESKey:]
	sum := sha1.Sum(key)
	if subtle.ConstantTimeCompare(sum[:len(check)], check) != 1 {
		return nil, ErrUnwrap
	}
	return key, nil
}
