// Package signing signs one message as identities, without rules: for programs where the user is
// the one who may sign, such as a device. It is the part of package sender that needs neither rules
// nor the DNS, and so keeps small what imports it alone.
//
// Standards: RFC 8551 (S/MIME), RFC 9788 (header protection), RFC 6409, Section 8 (fields that are
// added).
//
// # Limitations
//
// It does not ask whether the record of an identity is published: package sender does.
package signing

import (
	"context"
	"errors"
	"fmt"

	"dnseal/sender/identity"
	"dnseal/sender/internal/edits"
	"dnseal/smime"
	"dnseal/smime/message"
)

// Message returns the edit that makes m a message signed by all ids, with Date and Message-ID added
// where they are missing (RFC 6409, Section 8). It is what sender.Sender.Handle does, without its
// rules.
//
// Of opts, Signers and Chain are filled in; Time is required, and Unsigned are the attributes of
// the ids, in their order, such as those of sender.Staple. Without certificates a signature speaks
// for the protected From only, so that header protection cannot be left out, and devices and
// services need theirs. Errors: those of smime.Sign, ctx's among them.
func Message(ctx context.Context, m *message.Message, ids []*identity.Identity, opts smime.SignOptions) (*message.Edit, error) {
	if len(ids) == 0 {
		return nil, errors.New("sender: no identity to sign with")
	}
	pre := &message.Edit{Changes: message.MissingFields(m, messageIDHost(m, ids[0]), opts.Time)}
	prepared, err := edits.Apply(m, pre)
	if err != nil {
		return nil, err
	}
	if prepared != m {
		defer edits.Release(prepared)
	}
	edit, err := Prepared(ctx, prepared, ids, opts)
	if err != nil {
		return nil, err
	}
	return edits.Compose(m, pre, edit), nil
}

// Prepared is [Message] for a message that has all its fields.
func Prepared(ctx context.Context, m *message.Message, ids []*identity.Identity, opts smime.SignOptions) (*message.Edit, error) {
	for _, id := range ids {
		if err := id.CanSign(); err != nil {
			return nil, err
		}
		if err := checkBare(id, opts); err != nil {
			return nil, err
		}
		opts.Signers = append(opts.Signers, id.Signer())
		// RFC 8550, Section 2.3.
		opts.Chain = append(opts.Chain, id.Chain...)
	}
	return smime.Sign(ctx, m, opts)
}

// checkBare refuses signatures without certificate that would state no name.
func checkBare(id *identity.Identity, opts smime.SignOptions) error {
	switch {
	case id.Certificate != nil && !opts.NoCertificates:
		return nil
	case id.Kind != identity.Mail:
		return fmt.Errorf("sender: %s is a %s: it cannot sign without its certificate, which states its name", id.Name, id.Kind)
	case opts.NoHeaderProtection:
		return fmt.Errorf("sender: %s: without certificate and header protection the signature would state no name", id.Name)
	}
	return nil
}

// messageIDHost is the right side of a new Message-ID (RFC 5322, Section 3.6.4): the domain of the
// From address, else of the identity.
func messageIDHost(m *message.Message, id *identity.Identity) string {
	if from, err := m.From(); err == nil && len(from) > 0 {
		return from[0].Domain
	}
	if a, err := message.ParseAddress(id.Name); err == nil {
		return a.Domain
	}
	return id.Name
}
