// Package pkcs8 encrypts and decrypts private keys in PKCS #8 by a passphrase:
// EncryptedPrivateKeyInfo (RFC 5958, Section 3) with PBES2 (RFC 8018, Section 6.2).
//
// It reads what openssl, certtool and gpgsm write: PBKDF2 with HMAC of SHA-1, SHA-256, SHA-384 or
// SHA-512, or scrypt (RFC 7914), and AES-128, AES-192, AES-256 or 3DES in CBC mode. What a file may
// cost is bounded before anything is derived.
//
// # Limitations
//
// PBES1 (MD5 or SHA-1 with DES or RC2) is not read. CBC has no integrity: that a passphrase is
// wrong shows in the plaintext, which is no private key then.
package pkcs8

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/des" //nolint:gosec // only to read keys that others encrypted
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// Limits on what is derived from a passphrase. PBKDF2 at its limit takes a few seconds.
const (
	// MaxIterations is that of package pkcs12.
	MaxIterations = 10_000_000
	// maxMemory is the most octets that scrypt may use: 128 * N * r (RFC 7914, Section 2).
	maxMemory = 256 << 20
	// maxParallel is the largest p of scrypt.
	maxParallel = 16
)

// Errors, to find with errors.Is.
var (
	// ErrPassphrase says that the passphrase is another one, or that the file was changed.
	ErrPassphrase = errors.New("pkcs8: the passphrase is not that of the key")
	// ErrUnsupported says that an algorithm is not read, or that it exceeds a limit.
	ErrUnsupported = errors.New("pkcs8: not supported")
	// ErrMalformed says that it is no EncryptedPrivateKeyInfo.
	ErrMalformed = errors.New("pkcs8: malformed")
)

// Decrypt returns the DER of the PrivateKeyInfo in that of an EncryptedPrivateKeyInfo.
// Errors: [ErrPassphrase], [ErrUnsupported], [ErrMalformed].
func Decrypt(der []byte, passphrase string) ([]byte, error) {
	// RFC 5958, Section 3.
	var info, encrypted cryptobyte.String
	outer := cryptobyte.String(der)
	if !outer.ReadASN1(&info, cbasn1.SEQUENCE) || !outer.Empty() {
		return nil, fmt.Errorf("%w: no EncryptedPrivateKeyInfo", ErrMalformed)
	}
	scheme, err := parsePBES2(&info)
	if err != nil {
		return nil, err
	}
	if !info.ReadASN1(&encrypted, cbasn1.OCTET_STRING) || !info.Empty() {
		return nil, fmt.Errorf("%w: encryptedData", ErrMalformed)
	}
	return scheme.decrypt(encrypted, passphrase)
}

// decrypt removes the padding too (RFC 8018, Section 6.1.1, step 4).
func (s *pbes2) decrypt(encrypted []byte, passphrase string) ([]byte, error) {
	key, err := s.kdf.derive(passphrase, s.cipher.keyLength)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnsupported, err)
	}
	block, err := s.cipher.block(key)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnsupported, err)
	}
	size := block.BlockSize()
	if len(s.iv) != size || len(encrypted) == 0 || len(encrypted)%size != 0 {
		return nil, fmt.Errorf("%w: not of whole blocks", ErrMalformed)
	}
	plain := make([]byte, len(encrypted))
	cipher.NewCBCDecrypter(block, s.iv).CryptBlocks(plain, encrypted)
	padding := int(plain[len(plain)-1])
	if padding < 1 || padding > size {
		return nil, ErrPassphrase
	}
	for _, c := range plain[len(plain)-padding:] {
		if int(c) != padding {
			return nil, ErrPassphrase
		}
	}
	if plain = plain[:len(plain)-padding]; !isPrivateKeyInfo(plain) {
		return nil, ErrPassphrase
	}
	return plain, nil
}

// isPrivateKeyInfo looks at the beginning of RFC 5958, Section 2: one padding in 256 is right by
// chance.
func isPrivateKeyInfo(der cryptobyte.String) bool {
	var s cryptobyte.String
	return der.ReadASN1(&s, cbasn1.SEQUENCE) && der.Empty() && s.SkipASN1(cbasn1.INTEGER) && s.SkipASN1(cbasn1.SEQUENCE) && s.PeekASN1Tag(cbasn1.OCTET_STRING)
}

// What Encrypt writes: every program reads it. Loading such a key takes some tenths of a second.
const (
	iterations = 600_000
	saltLength = 16
	keyLength  = 32
)

// Encrypt is the inverse of Decrypt, with AES-256 and PBKDF2 with HMAC-SHA-256. Errors: an empty
// passphrase.
func Encrypt(der []byte, passphrase string) ([]byte, error) {
	if passphrase == "" {
		return nil, fmt.Errorf("%w: an empty passphrase", ErrUnsupported)
	}
	salt, iv := make([]byte, saltLength), make([]byte, aes.BlockSize)
	for _, b := range [][]byte{salt, iv} {
		if _, err := rand.Read(b); err != nil {
			return nil, err
		}
	}
	key, err := pbkdf2.Key(sha256.New, passphrase, salt, iterations, keyLength)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	padding := aes.BlockSize - len(der)%aes.BlockSize
	plain := append([]byte(nil), der...)
	for range padding {
		plain = append(plain, byte(padding))
	}
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(plain, plain) //nolint:gosec // iv is random: rand.Read has filled it
	return encode(salt, iv, plain)
}

// encode writes RFC 5958, Section 3, with the parameters of RFC 8018, Appendices A.2, A.4 and B.2.
func encode(salt, iv, encrypted []byte) ([]byte, error) {
	var b cryptobyte.Builder
	null := func(b *cryptobyte.Builder) { b.AddASN1NULL() }
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		addAlgorithm(b, oidPBES2, func(b *cryptobyte.Builder) {
			b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
				addAlgorithm(b, oidPBKDF2, func(b *cryptobyte.Builder) {
					b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
						b.AddASN1OctetString(salt)
						b.AddASN1Int64(iterations)
						addAlgorithm(b, oidHMACWithSHA256, null)
					})
				})
				addAlgorithm(b, oidAES256CBC, func(b *cryptobyte.Builder) { b.AddASN1OctetString(iv) })
			})
		})
		b.AddASN1OctetString(encrypted)
	})
	return b.Bytes()
}

func addAlgorithm(b *cryptobyte.Builder, oid string, parameters cryptobyte.BuilderContinuation) {
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1(cbasn1.OBJECT_IDENTIFIER, func(b *cryptobyte.Builder) { b.AddBytes([]byte(oid)) })
		parameters(b)
	})
}

// blockCipher is a cipher in CBC mode.
type blockCipher struct {
	keyLength int
	block     func(key []byte) (cipher.Block, error)
}

// ciphers by the contents octets of their OIDs.
var ciphers = map[string]blockCipher{
	oidAES + "\x02":                    {16, aes.NewCipher},
	oidAES + "\x16":                    {24, aes.NewCipher},
	oidAES256CBC:                       {32, aes.NewCipher},
	"\x2a\x86\x48\x86\xf7\x0d\x03\x07": {24, des.NewTripleDESCipher}, // RFC 8018, Appendix B.2.2
}
