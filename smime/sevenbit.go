package smime

import (
	"context"
	"errors"

	"dnseal/smime/internal/transit"
	"dnseal/smime/message"
)

// SevenBit returns the edit that makes the body of m transit-proof without signing it: 7-bit, in
// short lines, as Sign prepares it. It is for next hops that take no 8-bit content (RFC 6152,
// Section 3: convert or refuse). Of the header only the fields that describe the body change: 8-bit
// text in others remains. The caller closes the edit.
//
// Errors: ErrNotTransitProof where something signed or encrypted would have to change,
// ErrAmbiguous, *LimitError, what the spool returned.
func SevenBit(ctx context.Context, m *message.Message) (*message.Edit, error) {
	s := &signing{ctx: ctx, m: m, src: m.Open(), opts: SignOptions{NoHeaderProtection: true, RefuseOpaque: true}}
	if err := s.prepare(); err != nil {
		return nil, err
	}
	// m may have been decrypted.
	edit := &message.Edit{Body: message.NewSecretSpool(0), Changes: s.removed}
	e := transit.Emitter{Ctx: s.ctx, Src: s.src, W: edit.Body, Plan: s.plan}
	if err := e.Content(s.root, m.Size()); err != nil {
		return nil, errors.Join(err, edit.Close())
	}
	edit.Changes = append(edit.Changes, message.Change{Op: message.Append, Name: "MIME-Version", Value: " 1.0"})
	fields, _ := message.ParseHeader(s.header)
	for _, f := range fields {
		edit.Changes = append(edit.Changes, message.Change{Op: message.Append, Name: f.Name(), Value: f.Value()})
	}
	return edit, nil
}
