package enveloped

import (
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/mlkem"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"io"

	"dnseal/smime/cms"
	"dnseal/smime/cms/internal/ber"
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
	// MaxContent is the most octets of content that are encrypted by a cipher with authentication
	// tag, which are all held in memory; 0: DefaultMaxContent.
	MaxContent int64
}

// Encrypt writes the DER of a ContentInfo with size octets of content, which is id-data, encrypted
// for every recipient. Under CBC memory does not grow with size; under the others it is size.
//
// Keys are wrapped as the programs of mail read it: an RSA key by PKCS #1 v1.5 or OAEP; ECDH by the
// standard method with SHA-256 (P-256), SHA-384 (P-384) or SHA-512 (P-521), without ukm; X25519 by
// HKDF with SHA-256 (RFC 8418); ML-KEM by HKDF with SHA-256 (RFC 9936); the last three with an AES
// key wrap as long as the key of the content.
//
// Errors, before anything is written: no recipient, one without key, an unknown Cipher, a
// *cms.LimitError, cms.ErrUnsupportedKey for a key that nothing can be encrypted to, and what
// cms.CheckStrength says of one that is too weak. Then: io.ErrUnexpectedEOF when content is shorter
// than size, what content or w returned.
func Encrypt(w io.Writer, content io.Reader, size int64, opts EncryptOptions) error {
	c, ok := newCipher(opts.Cipher)
	switch {
	case !ok:
		return fmt.Errorf("enveloped: %q is no cipher that is written", opts.Cipher)
	case size < 0:
		return fmt.Errorf("enveloped: content of %d octets", size)
	case len(opts.Recipients) == 0:
		return errors.New("enveloped: no recipient")
	case len(opts.Recipients) > MaxRecipients:
		return limitRecipients.Exceeded()
	}
	if limit := limitContent(opts.MaxContent, 0); c.mode != modeCBC && size > int64(limit.Max) {
		return limit.Exceeded()
	}
	e := newEncryption(c)
	infos, err := e.recipientInfos(opts.Recipients)
	if err != nil {
		return err
	}
	if c.mode == modeCBC {
		return e.writeEnveloped(w, content, size, infos)
	}
	return e.writeAuthEnveloped(w, content, size, infos)
}

// encryption is one message that is written.
type encryption struct {
	contentCipher
	contentKey []byte
	ephemerals map[ecdh.Curve]*ephemeral
	// What its RecipientInfos say of the version of EnvelopedData: the largest of theirs, and
	// whether there is an OtherRecipientInfo.
	version byte
	other   bool
}

func newEncryption(c contentCipher) *encryption {
	e := &encryption{contentCipher: c, contentKey: make([]byte, c.keySize), ephemerals: map[ecdh.Curve]*ephemeral{}}
	_, _ = rand.Read(e.contentKey) // never fails
	return e
}

// note notes the version of a RecipientInfo.
func (e *encryption) note(version byte) { e.version = max(e.version, version) }

// recipientInfos is the DER of RecipientInfos (see recipients.read).
func (e *encryption) recipientInfos(to []Recipient) ([]byte, error) {
	infos := make([][]byte, 0, len(to))
	for i := range to {
		info, err := e.recipientInfo(&to[i])
		if err != nil {
			return nil, fmt.Errorf("enveloped: recipient %d: %w", i+1, err)
		}
		infos = append(infos, info)
	}
	return ber.SetOf(ber.TagSet, infos), nil
}

// recipientInfo is the DER of one RecipientInfo.
func (e *encryption) recipientInfo(r *Recipient) ([]byte, error) {
	pub, spki, err := r.key()
	if err != nil {
		return nil, err
	}
	id, err := r.identify(spki)
	if err != nil {
		return nil, err
	}
	switch pub := pub.(type) {
	case *rsa.PublicKey:
		return e.encryptKeyTrans(pub, id, r.OAEP)
	case *ecdsa.PublicKey:
		key, err := pub.ECDH()
		if err != nil {
			return nil, err
		}
		return e.encryptKeyAgree(key, id)
	case *ecdh.PublicKey:
		return e.encryptKeyAgree(pub, id)
	case *mlkem.EncapsulationKey768:
		secret, ciphertext := pub.Encapsulate()
		return e.encryptKEM(&kemTable[0], secret, ciphertext, id)
	case *mlkem.EncapsulationKey1024:
		secret, ciphertext := pub.Encapsulate()
		return e.encryptKEM(&kemTable[1], secret, ciphertext, id)
	}
	return nil, fmt.Errorf("%w: it only signs", cms.ErrUnsupportedKey)
}

// key is the key of r, checked, with its DER SubjectPublicKeyInfo.
func (r *Recipient) key() (pub crypto.PublicKey, spki []byte, err error) {
	switch {
	case r.Certificate != nil:
		spki = r.Certificate.RawSubjectPublicKeyInfo
		pub, err = cms.PublicKey(r.Certificate)
	case r.Key != nil:
		pub = r.Key
		spki, err = marshal(pub)
	default:
		err = errors.New("it has neither certificate nor key")
	}
	if err == nil {
		err = cms.CheckStrength(pub)
	}
	return pub, spki, err
}
