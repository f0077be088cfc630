package relay

import (
	"slices"

	"dnseal/smime/message"
)

// complete adds the Date and Message-ID that a submission lacks, where the handler did not do so,
// and removes its Bcc fields: these recipients are in the envelope, and no one else may see them.
// Mail that only passes through stays as it is.
func (s *session) complete(tx *transaction, m *message.Message, e *message.Edit) *message.Edit {
	if s.srv.opts.Inbound {
		return e
	}
	full := message.Edit{}
	if e != nil {
		full = *e
	}
	full.Changes = slices.Clone(full.Changes)
	// RFC 5322, Section 3.6.3.
	for i := range m.Fields("Bcc") {
		full.Changes = append(full.Changes, message.Change{Op: message.Delete, Name: "Bcc", Index: i + 1})
	}
	// RFC 6409, Sections 8.2 and 8.3.
	full.Changes = message.AddMissing(full.Changes, m, s.srv.opts.Hostname, tx.whole)
	return &full
}
