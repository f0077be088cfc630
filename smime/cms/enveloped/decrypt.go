package enveloped

import (
	"crypto"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"io"

	"dnseal/smime/cms/internal/algorithm"
	"dnseal/smime/cms/internal/ber"
)

// ErrDecrypt says that content cannot be decrypted with a key that is named in it. It says no more,
// whatever failed: a sender who learns that could find out the content by trying.
var ErrDecrypt = errors.New("enveloped: it cannot be decrypted with the key that it names: it was damaged, or is for another key")

// ErrNoKey says that none of the keys at hand is one of the recipients.
var ErrNoKey = errors.New("enveloped: it is encrypted for none of the keys at hand")

// UnsupportedError says that something in what is encrypted for a key at hand is of a kind that is
// not known here.
type UnsupportedError struct {
	// Algorithm is its name, as cms.AlgorithmName has it.
	Algorithm string
}

func (e *UnsupportedError) Error() string {
	return "enveloped: encrypted by " + e.Algorithm + ", which is not supported"
}

// Key is a private key at hand.
type Key struct {
	// Private is a crypto.Decrypter of an *rsa.PublicKey, an ecdh.KeyExchanger, an
	// *ecdsa.PrivateKey, or a crypto.Decapsulator of ML-KEM-768 or ML-KEM-1024.
	Private crypto.PrivateKey
	// Certificate is found by issuer and serial number, or by its key identifier. Nil: the key is
	// found by the SubjectKeyIdentifier that RFC 5280, 4.2.1.2, makes of it.
	Certificate *x509.Certificate

	ready *readyKey // what Ready found
}

// DecryptOptions are for [Decrypt].
type DecryptOptions struct {
	// Keys at hand; several may be tried.
	Keys []Key
	// EveryKey tries each key that the message names, though one has opened it, for Content.Keys.
	EveryKey bool
	// MaxContent is the most octets of content that are decrypted, at most 2 GiB; 0:
	// DefaultMaxContent. Under CBC it is counted with the padding, less one block.
	MaxContent int64
	// Hold is called once before content under an authenticated cipher is held in memory, for a key
	// at hand, and release when it was written. Its error ends the decryption. Nil: it is not
	// called.
	Hold func() (release func(), err error)
}

// Content says what was decrypted, and how it was protected.
type Content struct {
	// Type is the type of the content: id-data, id-signedData, …
	Type asn1.ObjectIdentifier
	// Cipher names the content-encryption algorithm, as the Cipher constants do, or "3des-cbc".
	Cipher Cipher
	// Authenticated is set where a tag proved that the content is as it was encrypted. It does not
	// say by whom: everybody who has the recipient's public key can encrypt.
	Authenticated bool
	// KeyEncryption names how the key that opened it was used: "rsa", "rsa-oaep", "ecdh-p256",
	// "x25519", "ml-kem-768", …
	KeyEncryption string
	// Key is the index in DecryptOptions.Keys of the one that opened it.
	Key int
	// Keys are the indices of those that were tried and open it to the same content: Key, and with
	// DecryptOptions.EveryKey the others.
	Keys []int
	// Recipients counts the recipients that it names.
	Recipients int
	// Size of the content in octets.
	Size int64
}

// Decrypt reads exactly one ContentInfo with EnvelopedData or AuthEnvelopedData (BER or DER) from r
// and writes its content to w: of AuthEnvelopedData nothing before the tag held, of EnvelopedData
// as it comes. What was written is worth nothing where an error is returned.
//
// Content under an authenticated cipher is held in memory, at most twice; under CBC memory does not
// grow with it. A private key is used only for a recipient that names it, after all that can be
// checked without it, and a few times at most.
//
// Errors: *cms.ContentTypeError for another type; *cms.SyntaxError for what is malformed;
// *cms.LimitError for what is over a limit; ErrNoKey; *UnsupportedError for algorithms that are not
// computed here; ErrDecrypt for whatever fails once a key was found; else that one of the keys is
// of a kind that does not decrypt, or what r or w returned.
func Decrypt(r io.Reader, w io.Writer, opts DecryptOptions) (*Content, error) {
	index, err := newKeyIndex(opts.Keys)
	if err != nil {
		return nil, err
	}
	b := ber.NewReader(r)
	defer b.Release()
	d := &decryption{b: b, w: w, opts: &opts, recipients: recipients{index: index, most: opts.mostTried()}, content: new(Content)}
	if err := d.run(); err != nil {
		return nil, err
	}
	return d.content, nil
}

// mostTried is how often a private key is used for the message.
func (opts *DecryptOptions) mostTried() int {
	if opts.EveryKey {
		return max(maxTried, len(opts.Keys))
	}
	return maxTried
}

// run reads RFC 5652, Section 3:
//
//	ContentInfo ::= SEQUENCE {
//	  contentType  ContentType,
//	  content      [0] EXPLICIT ANY DEFINED BY contentType }
func (d *decryption) run() error {
	var a *authenticated
	defer func() { a.release() }()
	err := d.b.Inside(ber.TagSequence, "ContentInfo", func() error {
		contentType, err := algorithm.ReadOID(d.b, "contentType")
		if err != nil {
			return err
		}
		name, read := "EnvelopedData", d.readEnveloped
		switch contentType {
		case oidEnvelopedData:
		case oidAuthEnvelopedData:
			a = new(authenticated)
			name, read = "AuthEnvelopedData", func() error { return d.readAuthEnveloped(a) }
		default:
			return contentTypeError(contentType)
		}
		return d.b.Inside(ber.TagContext0, "content", func() error {
			return d.b.Inside(ber.TagSequence, name, read)
		})
	})
	if err != nil {
		return err
	}
	if err = d.b.Finish(); err != nil || a == nil {
		return err
	}
	return d.decrypt(a)
}
