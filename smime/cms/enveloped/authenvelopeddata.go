package enveloped

import (
	"encoding/asn1"
	"io"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"dnseal/smime/cms/internal/algorithm"
	"dnseal/smime/cms/internal/ber"
)

// authenticated is what AuthEnvelopedData has behind its recipients.
type authenticated struct {
	cipher     contentCipher
	ciphertext held
	additional []byte // authAttrs as they are authenticated; nil where there are none
	tag        []byte
	held       func() // ends what DecryptOptions.Hold began; nil: nothing began
}

// release ends the use of memory. Safe on nil.
func (a *authenticated) release() {
	if a != nil && a.held != nil {
		a.held()
	}
}

// readAuthEnveloped reads the contents of RFC 5083, Section 2.1:
//
//	AuthEnvelopedData ::= SEQUENCE {
//	  version                   CMSVersion,
//	  originatorInfo            [0] IMPLICIT OriginatorInfo OPTIONAL,
//	  recipientInfos            RecipientInfos,
//	  authEncryptedContentInfo  EncryptedContentInfo,
//	  authAttrs                 [1] IMPLICIT AuthAttributes OPTIONAL,
//	  mac                       MessageAuthenticationCode,
//	  unauthAttrs               [2] IMPLICIT UnauthAttributes OPTIONAL }
func (d *decryption) readAuthEnveloped(a *authenticated) error {
	d.recipients.strict = true
	if err := d.readRecipients(); err != nil {
		return err
	}
	err := d.b.Inside(ber.TagSequence, "authEncryptedContentInfo", func() (err error) {
		if a.cipher, err = d.readContentInfo(true); err != nil {
			return err
		}
		if d.opts.Hold != nil {
			release, err := d.opts.Hold()
			if err != nil {
				return err
			}
			a.held = release
		}
		return d.copyContent(&a.ciphertext, limitContent(d.opts.MaxContent, 0))
	})
	if err != nil {
		return err
	}
	at := d.b.Offset()
	if err = d.b.Optional(ber.TagContext1, func() error { return a.readAttributes(d.b) }); err != nil {
		return err
	}
	if !a.attributesFit(d.content.Type) {
		return &ber.SyntaxError{Offset: at, Reason: "authAttrs: no contentType, or another one"}
	}
	der, err := d.b.Tagged(ber.TagOctetString, "mac", ber.LimitElement)
	if err != nil {
		return err
	}
	s := cryptobyte.String(der)
	var tag cryptobyte.String
	s.ReadASN1(&tag, cbasn1.OCTET_STRING)
	a.tag = tag
	return d.skipOptional(ber.TagContext2, limitAttributesSize)
}

// readAttributes reads authAttrs. RFC 5083, Section 2.2: they are authenticated as the DER of a
// SET.
func (a *authenticated) readAttributes(b *ber.Reader) error {
	der, err := b.Element(limitAttributesSize)
	if err != nil {
		return err
	}
	der[0] = ber.TagSet
	a.additional = der
	return nil
}

// attributesFit says whether authAttrs go with the type of the content. RFC 5083, Section 2.1:
// where they are absent it is id-data; else contentType says it too. Nothing else authenticates the
// type.
func (a *authenticated) attributesFit(contentType asn1.ObjectIdentifier) bool {
	if a.additional == nil {
		return contentType.Equal(objectIdentifier(algorithm.OIDData))
	}
	outer := cryptobyte.String(a.additional)
	var s, attr, values cryptobyte.String
	if !outer.ReadASN1(&s, cbasn1.SET) {
		return false
	}
	for !s.Empty() {
		var id, value asn1.ObjectIdentifier
		if !s.ReadASN1(&attr, cbasn1.SEQUENCE) || !attr.ReadASN1ObjectIdentifier(&id) || !attr.ReadASN1(&values, cbasn1.SET) || !attr.Empty() {
			return false
		}
		if id.Equal(objectIdentifier(oidContentType)) {
			return values.ReadASN1ObjectIdentifier(&value) && values.Empty() && value.Equal(contentType)
		}
	}
	return false
}

// decrypt writes the content, if its tag holds. The whole message was read before, so that nothing
// is computed with a private key for one that is malformed.
func (d *decryption) decrypt(a *authenticated) error {
	key, err := d.recipients.open(d.opts, a.cipher.keySize, d.content)
	if err != nil {
		return err
	}
	aead, err := a.cipher.aead(key)
	if err != nil || len(a.tag) != a.cipher.tagSize {
		return ErrDecrypt
	}
	content, err := openAEAD(aead, a.cipher.iv, a.ciphertext.joined(a.tag), a.additional)
	if err != nil {
		return err
	}
	d.content.Authenticated, d.content.Size = true, int64(len(content))
	_, err = d.w.Write(content)
	return err
}

// writeAuthEnveloped writes a ContentInfo with AuthEnvelopedData. RFC 5083, Section 2.1: version 0.
func (e *encryption) writeAuthEnveloped(w io.Writer, content io.Reader, size int64, infos []byte) error {
	aead, err := e.aead(e.contentKey)
	if err != nil {
		return err
	}
	buf := make([]byte, size, size+int64(aead.Overhead()))
	if err = readFull(content, buf); err != nil {
		return err
	}
	sealed := aead.Seal(buf[:0], e.iv, buf, nil)
	ciphertext, tag := sealed[:size], sealed[size:]
	mac := ber.AppendHeader(nil, ber.TagOctetString, int64(len(tag)))
	head := e.head(oidAuthEnvelopedData, 0, infos, size, int64(len(mac)+len(tag)))
	for _, p := range [][]byte{head, ciphertext, mac, tag} {
		if _, err = w.Write(p); err != nil {
			return err
		}
	}
	return nil
}
