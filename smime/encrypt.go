package smime

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"

	"dnseal/smime/cms/enveloped"
	"dnseal/smime/internal/transit"
	"dnseal/smime/message"
)

// EncryptOptions are for [Encrypt], and for SignOptions.Encrypt. Recipients is needed; the zero
// value of the rest is safe.
type EncryptOptions struct {
	// Recipients can decrypt, and nobody else: the sender too only if he is one of them. Every
	// recipient learns by what keys the others decrypt.
	Recipients []enveloped.Recipient
	// Cipher of the content; empty: AES-128 in CBC mode, which every program reads, and which does
	// not authenticate.
	Cipher enveloped.Cipher
	// NoHeaderProtection leaves the header as it is: without it fields are repeated inside, and
	// outside Subject is replaced by "[...]", Comments and Keywords are removed (RFC 9788, Section
	// 3.2.1, hcp_baseline), and so is Thread-Topic, in which Outlook repeats the Subject.
	NoHeaderProtection bool
	// Memory is what content under a cipher with authentication tag is held in. Nil: each message
	// takes what it needs.
	Memory *message.Memory
	// Again encrypts also what is encrypted already.
	Again bool
}

// Encrypt returns the edit that turns m into an encrypted message (RFC 8551, Sections 3.3 and 3.4)
// without signing it. What is signed already is encrypted as it is, with its header as it is but
// for Bcc, which no encrypted message has. The caller closes the edit. [Sign] signs and then
// encrypts.
//
// Errors: ErrAlreadySecured, *ContentError, *LimitError (these are about the message), those of
// package enveloped about the recipients, of the spool, and ctx's when it ends.
func Encrypt(ctx context.Context, m *message.Message, opts EncryptOptions) (*message.Edit, error) {
	signed := false
	switch Secured(m) {
	case SMIMEEncrypted, PGPEncrypted:
		if !opts.Again {
			return nil, ErrAlreadySecured
		}
		signed = true
	case SMIMESigned, PGPSigned:
		signed = true
	case NotSecured:
	}
	s := &signing{ctx: ctx, m: m, src: m.Open(), opts: SignOptions{Encrypt: &opts, Opaque: true, NoHeaderProtection: signed || opts.NoHeaderProtection}}
	if err := s.prepare(); err != nil {
		return nil, err
	}
	content := message.NewSpool(0)
	err := s.writeEntity(content)
	edit := &message.Edit{Body: content}
	if err == nil {
		err = s.encryptEntity(edit, nil)
	}
	if err != nil {
		return nil, errors.Join(err, edit.Close())
	}
	edit.Changes = append(s.removed, s.fields...)
	return edit, nil
}

// encrypt replaces the body of a signed message by that message encrypted (RFC 8551, Section 3.7).
func (s *signing) encrypt(edit *message.Edit) error {
	var header []byte
	for _, f := range s.fields {
		if f.Name != "MIME-Version" {
			header = slices.Concat(header, []byte(f.Name+":"+f.Value+"\r\n"))
		}
	}
	return s.encryptEntity(edit, append(header, "\r\n"...))
}

// encryptEntity replaces the body, an entity but for its header, by its encryption.
func (s *signing) encryptEntity(edit *message.Edit, header []byte) error {
	plain := edit.Body
	defer plain.Close() //nolint:errcheck // a file that is unlinked already
	size := int64(len(header)) + plain.Size()
	edit.Body = message.NewSpool(0)
	edit.Body.Grow(size + size/transit.Base64Line*2 + 2*signatureRoom)
	b := transit.NewBase64Writer(edit.Body)
	content := io.MultiReader(bytes.NewReader(header), plain.Open())
	opts := enveloped.EncryptOptions{Recipients: s.opts.Encrypt.Recipients, Cipher: s.opts.Encrypt.Cipher}
	if opts.Cipher.Authenticated() {
		release, err := s.opts.Encrypt.Memory.Take(s.ctx, size)
		if err != nil {
			return err
		}
		defer release()
	}
	if err := enveloped.Encrypt(b, content, size, opts); err != nil {
		return err
	}
	s.fields = encryptedFields(opts.Cipher)
	if s.protection() == transit.ProtectCipher && slices.ContainsFunc(s.m.Header(), isSubject) {
		s.fields = append(s.fields, message.Change{Op: message.Append, Name: "Subject", Value: " " + transit.HiddenSubject})
	}
	return b.Close()
}

func isSubject(f message.Field) bool { return f.Is("Subject") }

// encryptedFields describe an encrypted body (RFC 8551, Sections 3.2.1 and 3.2.2).
func encryptedFields(cipher enveloped.Cipher) []message.Change {
	kind := "enveloped-data"
	if cipher.Authenticated() {
		kind = "authEnveloped-data"
	}
	return []message.Change{
		{Op: message.Append, Name: "MIME-Version", Value: " 1.0"},
		{Op: message.Append, Name: "Content-Type", Value: " application/pkcs7-mime; smime-type=" + kind + ";\r\n name=\"smime.p7m\""},
		{Op: message.Append, Name: "Content-Transfer-Encoding", Value: " base64"},
		{Op: message.Append, Name: "Content-Disposition", Value: " attachment; filename=\"smime.p7m\""},
	}
}
