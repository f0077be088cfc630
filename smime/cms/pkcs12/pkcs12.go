//go:build !submit

// Package pkcs12 reads PKCS #12 files (RFC 7292) with one private key and its certificates, as
// OpenSSL, GnuTLS, GnuPG, NSS and Thunderbird write them.
//
// NSS and Thunderbird write BER with indefinite lengths: [Read] makes DER of it. Decryption is that
// of software.sslmate.com/src/go-pkcs12.
//
// # Limitations
//
// A file has one private key, outside of what is encrypted as a whole, and at least one
// certificate. The work of making keys of the password is bounded by [MaxIterations], and nothing
// else of the file is decrypted before its MAC was found right. A key that crypto/x509 does not
// read, such as one of ML-DSA, is returned as it is in the file.
package pkcs12

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"

	"software.sslmate.com/src/go-pkcs12"

	"dnseal/smime/cms/internal/ber"
)

// MaxSize is the largest file that is read, in octets.
const MaxSize = 1 << 20

// MaxIterations bounds the iterations of all key derivations of a file together. NSS has 600,000
// for each of three.
const MaxIterations = 10_000_000

var (
	// ErrPassword says that the password is another one, or that the file was changed.
	ErrPassword = errors.New("pkcs12: the password is not that of the file")
	// ErrUnsupported says that the file has something that is not read: an algorithm, two keys, no
	// certificate, more than MaxIterations.
	ErrUnsupported = errors.New("pkcs12: not supported")
	// ErrKeyForm says that crypto/x509 does not read a certificate.
	ErrKeyForm = errors.New("pkcs12: the form of a certificate is not supported")
	// ErrMalformed says that the file is no PKCS #12.
	ErrMalformed = errors.New("pkcs12: malformed")
)

// Contents are what a file holds.
type Contents struct {
	Key crypto.PrivateKey // as x509.ParsePKCS8PrivateKey returns it
	// KeyInfo is the key in DER where crypto/x509 does not read it, and Key is nil then: a
	// PrivateKeyInfo, or with Encrypted an EncryptedPrivateKeyInfo (RFC 5958, Sections 2 and 3).
	KeyInfo   []byte
	Encrypted bool
	// Certificates in the order of the file; the first need not be the key's.
	Certificates []*x509.Certificate
}

// Read reads a file in BER or DER with its password, which can be empty. A key that crypto/x509
// does not read, such as one for RSASSA-PSS only, is in Contents.KeyInfo. Errors wrap ErrPassword,
// ErrUnsupported, ErrKeyForm or ErrMalformed.
func Read(data []byte, password string) (*Contents, error) {
	p, err := parse(data)
	if err != nil {
		return nil, err
	}
	if err = p.checkMAC(password); err != nil {
		return nil, err
	}
	contents, err := p.read(password)
	if errors.Is(err, ErrKeyForm) {
		return p.readApart(password)
	}
	return contents, err
}

// read reads what crypto/x509 knows.
func (p *pfx) read(password string) (*Contents, error) {
	files, err := p.rebuild(password)
	if err != nil {
		return nil, err
	}
	contents := new(Contents)
	for _, der := range files {
		if err = contents.add(der, password); err != nil {
			return nil, err
		}
	}
	return contents, nil
}

// readApart reads the certificates, with another key in the place of the file's, which stays in
// DER. Errors: as read; ErrKeyForm is about a certificate then.
func (p *pfx) readApart(password string) (*Contents, error) {
	if err := p.work(p.iterations); err != nil { // once more
		return nil, err
	}
	standIn, err := standInBag()
	if err != nil {
		return nil, err
	}
	apart := *p
	apart.bags = slices.Clone(p.bags)
	apart.bags[p.keyAt] = standIn
	contents, err := apart.read(password)
	if err != nil {
		return nil, err
	}
	contents.Key, contents.KeyInfo, contents.Encrypted = nil, p.key, p.shrouded
	return contents, nil
}

// standInBag is a SafeBag with a key that crypto/x509 reads (RFC 7292, Section 4.2.1).
func standInBag() ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return ber.TLV(ber.TagSequence, ber.TLV(ber.TagOID, []byte(oidKeyBag)), ber.TLV(ber.TagContext0, der)), nil
}

// add reads a file of rebuild.
func (c *Contents) add(der []byte, password string) error {
	key, cert, others, err := pkcs12.DecodeChain(der, password)
	switch {
	case errors.Is(err, pkcs12.ErrDecryption):
		return ErrPassword
	case err != nil && (strings.Contains(err.Error(), "x509: ") || strings.Contains(err.Error(), "PKCS#8 private key")):
		// The words of crypto/x509 say no more to a person than this.
		return ErrKeyForm
	case err != nil:
		return fmt.Errorf("%w: %s", ErrUnsupported, strings.TrimPrefix(err.Error(), "pkcs12: "))
	}
	c.Key = key
	for _, cert := range append([]*x509.Certificate{cert}, others...) {
		if !slices.ContainsFunc(c.Certificates, cert.Equal) {
			c.Certificates = append(c.Certificates, cert)
		}
	}
	return nil
}

// normalise returns the DER of the one element in data.
func normalise(data []byte) ([]byte, error) {
	if len(data) > MaxSize {
		return nil, fmt.Errorf("%w: larger than %d octets", ErrUnsupported, MaxSize)
	}
	b := ber.NewReader(bytes.NewReader(data))
	defer b.Release()
	der, err := b.Element(ber.Limit{What: "element-size", Max: MaxSize})
	if err == nil {
		err = b.Finish()
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return der, nil
}

// checkMAC compares the MAC of the file, where it has one, over its contents as they are (RFC 7292,
// Section 4).
func (p *pfx) checkMAC(password string) error {
	switch {
	case p.mac == nil:
		return nil
	case p.pbmac1 != nil:
		if !p.pbmac1.right(password, p.content, p.digest) {
			return ErrPassword
		}
		return nil
	}
	// go-pkcs12 compares the MAC first. What it makes of the rest, which can be BER, does not
	// matter here; it does not decrypt keys for this.
	_, err := pkcs12.DecodeTrustStore(encodePFX(p.content, p.mac), password)
	if errors.Is(err, pkcs12.ErrIncorrectPassword) {
		return ErrPassword
	}
	return nil
}

// maxEncrypted is how many encrypted parts a file can have: GnuTLS makes one of each certificate.
const maxEncrypted = 8

// rebuild writes the file in DER for go-pkcs12, which reads at most two parts: as many files as
// there are encrypted parts, each with the keys first. The MAC is a new one with the same password,
// of one iteration: it only has to be there. Keys come first so that a second one inside of what is
// encrypted, whose iterations are not known, ends it before anything is derived.
func (p *pfx) rebuild(password string) ([][]byte, error) {
	if p.keys != 1 {
		return nil, fmt.Errorf("%w: %d private keys, where one is read", ErrUnsupported, p.keys)
	}
	if len(p.encrypted) > maxEncrypted {
		return nil, fmt.Errorf("%w: %d encrypted parts", ErrUnsupported, len(p.encrypted))
	}
	// The key is decrypted for each file.
	if err := p.work(1 + p.keyIterations*int64(max(len(p.encrypted)-1, 0))); err != nil {
		return nil, err
	}
	plain := contentInfo(oidData, ber.TLV(ber.TagOctetString, ber.TLV(ber.TagSequence, p.bags...)))
	if len(p.encrypted) == 0 {
		file, err := withMAC(ber.TLV(ber.TagSequence, plain), password)
		return [][]byte{file}, err
	}
	var files [][]byte
	for _, encrypted := range p.encrypted {
		file, err := withMAC(ber.TLV(ber.TagSequence, plain, encrypted), password)
		if err != nil {
			return nil, err
		}
		files = append(files, file)
	}
	return files, nil
}

// withMAC writes a file with this AuthenticatedSafe and a MAC of one iteration.
func withMAC(safe []byte, password string) ([]byte, error) {
	salt := make([]byte, 16)
	if _, err := rand.Read(salt); err != nil {
		return nil, err
	}
	mac, err := newPBMAC1(password, salt, safe)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnsupported, err)
	}
	return encodePFX(safe, mac), nil
}

// encodePFX writes RFC 7292, Section 4.
func encodePFX(content, mac []byte) []byte {
	return ber.TLV(ber.TagSequence, []byte{ber.TagInteger, 1, 3}, contentInfo(oidData, ber.TLV(ber.TagOctetString, content)), mac)
}

// contentInfo writes RFC 5652, Section 3.
func contentInfo(oid string, content []byte) []byte {
	return ber.TLV(ber.TagSequence, ber.TLV(ber.TagOID, []byte(oid)), ber.TLV(ber.TagContext0, content))
}
