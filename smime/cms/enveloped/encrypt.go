package enveloped

import (
	"crypto"
	"crypto/x509"
	"errors"
	"io"
)

// Cipher is a content-encryption algorithm. The zero value is [AES128CBC].
type Cipher string

// Ciphers. Those with an authentication tag make AuthEnvelopedData, CBC makes EnvelopedData.
const (
	AES128CBC        Cipher = "aes-128-cbc"       // RFC 3565
	AES256CBC        Cipher = "aes-256-cbc"       // RFC 3565
	AES128GCM        Cipher = "aes-128-gcm"       // RFC 5084
	AES256GCM        Cipher = "aes-256-gcm"       // RFC 5084
	ChaCha20Poly1305 Cipher = "chacha20-poly1305" // RFC 8103
)

// Authenticated reports whether the cipher has a tag that proves that content is as it was
// encrypted.
func (c Cipher) Authenticated() bool {
	return c == AES128GCM || c == AES256GCM || c == ChaCha20Poly1305
}

// Recipient is a key that can open what is encrypted.
type Recipient struct {
	// Certificate names the recipient by issuer and serial number (RFC 5652, Section 6.2.1), and
	// has the key.
	Certificate *x509.Certificate
	// Key is the key of a recipient without Certificate, named by its SubjectKeyIdentifier (RFC
	// 5280, 4.2.1.2, method 1): *rsa.PublicKey, *ecdsa.PublicKey on P-256, P-384 or P-521,
	// *ecdh.PublicKey (X25519), *mlkem.EncapsulationKey768 or *mlkem.EncapsulationKey1024.
	Key crypto.PublicKey
	// ByKeyIdentifier names the recipient by key identifier though it has a certificate.
	ByKeyIdentifier bool
	// OAEP encrypts to an RSA key by RSAES-OAEP with SHA-256 (RFC 3560) instead of PKCS #1 v1.5.
	OAEP bool
}

// EncryptOptions are for [Encrypt]. Recipients is needed; the zero value of the rest is safe.
type EncryptOptions struct {
	// Recipients, at most MaxRecipients.
	Recipients []Recipient
	// Cipher of the content; empty: AES128CBC.
	Cipher Cipher
}

// Encrypt writes the DER of a ContentInfo with size octets of content, encrypted for every
// recipient.
func Encrypt(w io.Writer, content io.Reader, size int64, opts EncryptOptions) error {
	return errors.New("enveloped: not built yet")
}
