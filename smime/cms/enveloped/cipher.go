package enveloped

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/des" //nolint:gosec // mail of before 2010 is encrypted with it; nothing is written
	"crypto/rand"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"dnseal/smime/cms/internal/algorithm"
	"dnseal/smime/cms/internal/ber"
)

// mode is how a cipher is used. The zero value is none.
type mode uint8

const (
	modeCBC mode = iota + 1
	modeGCM
	modeChaCha20Poly1305
)

// cipherRow is a content-encryption algorithm.
type cipherRow struct {
	name    Cipher
	oid     string
	mode    mode
	keySize int
	block   func(key []byte) (cipher.Block, error)
	written bool
}

// Ciphers of old mail, and of programs that ask for another size, are only read.
const (
	aes192CBC    Cipher = "aes-192-cbc"
	aes192GCM    Cipher = "aes-192-gcm"
	tripleDESCBC Cipher = "3des-cbc"
)

// cipherTable has the content-encryption algorithms.
var cipherTable = [...]cipherRow{
	{AES128CBC, oidAES128CBC, modeCBC, 16, aes.NewCipher, true},
	{AES256CBC, oidAES256CBC, modeCBC, 32, aes.NewCipher, true},
	{AES128GCM, oidAES128GCM, modeGCM, 16, aes.NewCipher, true},
	{AES256GCM, oidAES256GCM, modeGCM, 32, aes.NewCipher, true},
	{ChaCha20Poly1305, oidChaCha20Poly1305, modeChaCha20Poly1305, 32, nil, true},
	{aes192CBC, oidAES192CBC, modeCBC, 24, aes.NewCipher, false},
	{aes192GCM, oidAES192GCM, modeGCM, 24, aes.NewCipher, false},
	{tripleDESCBC, oidTripleDESCBC, modeCBC, 24, des.NewTripleDESCipher, false},
}

// contentCipher is a content-encryption algorithm with its parameters.
type contentCipher struct {
	*cipherRow
	iv      []byte // or nonce
	tagSize int    // of authenticated ones
}

const (
	// RFC 5084, Section 3.2, recommends a nonce of 12 octets; RFC 8103, Section 3, wants one.
	nonceSize = 12
	tagSize   = 16
	// RFC 5084, Section 3.2: AES-GCM-ICVlen ::= INTEGER (12 | 13 | 14 | 15 | 16), DEFAULT 12.
	minTagSize = 12
)

// newCipher returns a cipher to write with, with a new iv; false for one that is not written.
func newCipher(name Cipher) (contentCipher, bool) {
	if name == "" {
		name = AES128CBC
	}
	for i := range cipherTable {
		row := &cipherTable[i]
		if row.name != name || !row.written {
			continue
		}
		c := contentCipher{cipherRow: row, iv: make([]byte, aes.BlockSize)}
		if row.mode != modeCBC {
			c.iv, c.tagSize = c.iv[:nonceSize], tagSize
		}
		_, _ = rand.Read(c.iv) // never fails
		return c, true
	}
	return contentCipher{}, false
}

// algorithmIdentifier is the DER of contentEncryptionAlgorithm.
func (c contentCipher) algorithmIdentifier() []byte {
	parameters := ber.TLV(ber.TagOctetString, c.iv)
	if c.mode == modeGCM {
		parameters = ber.TLV(ber.TagSequence, parameters, []byte{ber.TagInteger, 1, byte(c.tagSize)})
	}
	return algorithm.Encode(c.oid, parameters)
}

// readCipher finds the cipher of a contentEncryptionAlgorithm; authenticated says where it stands.
// The error is an *UnsupportedError.
func readCipher(alg algorithm.Identifier, authenticated bool) (contentCipher, error) {
	for i := range cipherTable {
		row := &cipherTable[i]
		if string(alg.OID) != row.oid {
			continue
		}
		// RFC 5084, Section 3: AES-GCM is for AuthEnvelopedData. Elsewhere its tag has no place.
		switch {
		case authenticated && row.mode == modeCBC:
			return contentCipher{}, unsupported("%s in AuthEnvelopedData", alg)
		case !authenticated && row.mode != modeCBC:
			return contentCipher{}, unsupported("%s in EnvelopedData", alg)
		}
		c := contentCipher{cipherRow: row}
		if !c.readParameters(alg.Parameters) {
			return contentCipher{}, unsupported("%s with parameters that are not its own", alg)
		}
		return c, nil
	}
	return contentCipher{}, unsupported("%s", alg)
}

// readParameters reads the IV of RFC 3565, Section 4.1, and RFC 3370, Section 5.1, or the nonce of
// RFC 8103, Section 3: all an OCTET STRING; or what GCM has.
func (c *contentCipher) readParameters(der []byte) bool {
	s := cryptobyte.String(der)
	var iv cryptobyte.String
	switch c.mode {
	case modeCBC:
		ok := s.ReadASN1(&iv, cbasn1.OCTET_STRING) && s.Empty()
		c.iv = iv
		return ok && len(iv) == c.blockSize()
	case modeChaCha20Poly1305:
		ok := s.ReadASN1(&iv, cbasn1.OCTET_STRING) && s.Empty()
		c.iv, c.tagSize = iv, tagSize
		return ok && len(iv) == nonceSize
	case modeGCM:
	}
	return c.readGCMParameters(s)
}

// readGCMParameters reads RFC 5084, Section 3.2:
//
//	GCMParameters ::= SEQUENCE {
//	  aes-nonce   OCTET STRING,
//	  aes-ICVlen  AES-GCM-ICVlen DEFAULT 12 }
func (c *contentCipher) readGCMParameters(s cryptobyte.String) bool {
	var parameters, iv cryptobyte.String
	ok := s.ReadASN1(&parameters, cbasn1.SEQUENCE) && s.Empty() && parameters.ReadASN1(&iv, cbasn1.OCTET_STRING)
	c.iv, c.tagSize = iv, minTagSize
	if !parameters.Empty() {
		ok = ok && parameters.ReadASN1Integer(&c.tagSize) && parameters.Empty()
	}
	// crypto/cipher has other nonces or other tags than usual, but not both.
	return ok && c.tagSize >= minTagSize && c.tagSize <= tagSize && (len(iv) == nonceSize || c.tagSize == tagSize && len(iv) > 0)
}

func (c *contentCipher) blockSize() int {
	if c.name == tripleDESCBC {
		return des.BlockSize
	}
	return aes.BlockSize
}

// aead is the authenticated cipher with this key.
func (c *contentCipher) aead(key []byte) (cipher.AEAD, error) {
	if c.mode == modeChaCha20Poly1305 {
		return newChaCha20Poly1305(key)
	}
	block, err := c.block(key)
	switch {
	case err != nil:
		return nil, err
	case len(c.iv) != nonceSize:
		return cipher.NewGCMWithNonceSize(block, len(c.iv))
	default:
		return cipher.NewGCMWithTagSize(block, c.tagSize)
	}
}
