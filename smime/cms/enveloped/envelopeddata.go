package enveloped

import (
	"io"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"dnseal/smime/cms/internal/algorithm"
	"dnseal/smime/cms/internal/ber"
)

// decryption is one message that is read.
type decryption struct {
	b    *ber.Reader
	w    io.Writer
	opts *DecryptOptions
	// What was read so far.
	recipients recipients
	content    *Content
}

// readEnveloped reads the contents of RFC 5652, Section 6.1:
//
//	EnvelopedData ::= SEQUENCE {
//	  version               CMSVersion,
//	  originatorInfo        [0] IMPLICIT OriginatorInfo OPTIONAL,
//	  recipientInfos        RecipientInfos,
//	  encryptedContentInfo  EncryptedContentInfo,
//	  unprotectedAttrs      [1] IMPLICIT UnprotectedAttributes OPTIONAL }
func (d *decryption) readEnveloped() error {
	if err := d.readRecipients(); err != nil {
		return err
	}
	err := d.b.Inside(ber.TagSequence, "encryptedContentInfo", func() error {
		c, err := d.readContentInfo(false)
		if err != nil {
			return err
		}
		return d.decryptCBC(c)
	})
	if err != nil {
		return err
	}
	return d.skipOptional(ber.TagContext1, limitAttributesSize)
}

// readRecipients reads what EnvelopedData and AuthEnvelopedData begin with.
func (d *decryption) readRecipients() error {
	version, err := d.b.Tagged(ber.TagInteger, "version", ber.LimitElement)
	switch {
	case err != nil:
		return err
	// RFC 5083, Section 2.1.
	case d.recipients.strict && string(version) != "\x02\x01\x00":
		return d.b.Syntax("version: not that of AuthEnvelopedData")
	}
	if err := d.skipOptional(ber.TagContext0, limitOriginatorSize); err != nil {
		return err
	}
	if err := d.recipients.read(d.b); err != nil {
		return err
	}
	d.content.Recipients = d.recipients.count
	if len(d.recipients.candidates) == 0 {
		return d.recipients.noKey()
	}
	return nil
}

// skipOptional reads past an element that nothing is done with.
func (d *decryption) skipOptional(tag byte, size ber.Limit) error {
	return d.b.Optional(tag, func() error { return d.b.SkipUntil(d.b.Offset()+int64(size.Max), size) })
}

// readContentInfo reads the beginning of
//
//	EncryptedContentInfo ::= SEQUENCE {
//	  contentType                 ContentType,
//	  contentEncryptionAlgorithm  ContentEncryptionAlgorithmIdentifier,
//	  encryptedContent            [0] IMPLICIT EncryptedContent OPTIONAL }
func (d *decryption) readContentInfo(authenticated bool) (contentCipher, error) {
	contentType, err := algorithm.ReadOID(d.b, "contentType")
	if err != nil {
		return contentCipher{}, err
	}
	d.content.Type = objectIdentifier(contentType)
	at := d.b.Offset()
	der, err := d.b.Element(ber.LimitElement)
	if err != nil {
		return contentCipher{}, err
	}
	s := cryptobyte.String(der)
	var alg algorithm.Identifier
	if !algorithm.Read(&s, &alg, cbasn1.SEQUENCE) || !s.Empty() {
		return contentCipher{}, &ber.SyntaxError{Offset: at, Reason: "contentEncryptionAlgorithm: not an AlgorithmIdentifier"}
	}
	c, err := readCipher(alg, authenticated)
	if err == nil {
		d.content.Cipher = c.name
	}
	return c, err
}

// copyContent writes encryptedContent to w as it comes.
func (d *decryption) copyContent(w io.Writer, limit ber.Limit) error {
	_, err := d.b.CopyImplicit(ber.TagImplicitOctet, "encryptedContent", w, limit)
	return err
}

func (d *decryption) decryptCBC(c contentCipher) error {
	key, err := d.recipients.open(d.opts, c.keySize, d.content)
	if err != nil {
		return err
	}
	block, err := c.block(key)
	if err != nil {
		return ErrDecrypt
	}
	dec := newCBCDecrypter(d.w, block, c.iv)
	defer dec.release()
	if err = d.copyContent(dec, limitContent(d.opts.MaxContent, block.BlockSize())); err != nil {
		return err
	}
	err = dec.close()
	d.content.Size = dec.n
	return err
}

// writeEnveloped writes a ContentInfo with EnvelopedData.
func (e *encryption) writeEnveloped(w io.Writer, content io.Reader, size int64, infos []byte) error {
	block, err := e.block(e.contentKey)
	if err != nil {
		return err
	}
	head := e.head(oidEnvelopedData, e.envelopedVersion(), infos, paddedSize(size, block.BlockSize()), 0)
	if _, err = w.Write(head); err != nil {
		return err
	}
	return encryptCBC(w, content, size, block, e.iv)
}

// envelopedVersion is RFC 5652, Section 6.1, without originatorInfo and unprotectedAttrs.
func (e *encryption) envelopedVersion() byte {
	switch {
	case e.other:
		return 3
	case e.version == 0:
		return 0
	default:
		return 2
	}
}

// head is everything up to size octets of encrypted content, which tail octets follow:
//
//	ContentInfo { contentType,
//	  [0] EnvelopedData { version, recipientInfos, { id-data, algorithm, [0] encryptedContent
func (e *encryption) head(contentType string, version byte, infos []byte, size, tail int64) []byte {
	outer := ber.TLV(ber.TagOID, []byte(contentType))
	inner := append(ber.TLV(ber.TagOID, []byte(algorithm.OIDData)), e.algorithmIdentifier()...)

	// From the inside out: how many octets each element's contents take.
	encrypted := int64(len(inner)) + wrapped(size)
	data := int64(3+len(infos)) + wrapped(encrypted) + tail
	info := int64(len(outer)) + wrapped(wrapped(data))

	der := ber.AppendHeader(make([]byte, 0, len(infos)+256), ber.TagSequence, info)
	der = append(der, outer...)
	der = ber.AppendHeader(der, ber.TagContext0, wrapped(data))
	der = ber.AppendHeader(der, ber.TagSequence, data)
	der = append(der, ber.TagInteger, 1, version)
	der = append(der, infos...)
	der = ber.AppendHeader(der, ber.TagSequence, encrypted)
	der = append(der, inner...)
	return ber.AppendHeader(der, ber.TagImplicitOctet, size)
}

// wrapped is what an element with that many octets of contents takes.
func wrapped(contents int64) int64 { return int64(ber.HeaderSize(contents)) + contents }
