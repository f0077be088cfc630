package relay

import (
	"slices"
	"strings"

	"dnseal/smime/message"
)

// dateFormat is RFC 5322, Section 3.3.
const dateFormat = "Mon, 2 Jan 2006 15:04:05 -0700"

// complete adds the Date and Message-ID that a submission lacks (RFC 6409, Sections 8.2 and 8.3),
// where the handler did not do so, and removes its Bcc fields: who stands in them is in the
// envelope, and for nobody else to see (RFC 5322, Section 3.6.3). Mail that only passes through
// stays as it is.
func (s *session) complete(tx *transaction, m *message.Message, e *message.Edit) *message.Edit {
	if s.srv.opts.Inbound {
		return e
	}
	full := message.Edit{}
	if e != nil {
		full = *e
	}
	full.Changes = slices.Clone(full.Changes)
	for i := range m.Fields("Bcc") {
		full.Changes = append(full.Changes, message.Change{Op: message.Delete, Name: "Bcc", Index: i + 1})
	}
	for _, f := range []struct{ name, value string }{
		{"Date", tx.whole.Format(dateFormat)},
		{"Message-ID", "<" + strings.ToLower(tx.id) + "." + tx.whole.UTC().Format("20060102150405") + "@" + s.srv.opts.Hostname + ">"},
	} {
		if len(m.Fields(f.name)) == 0 && !adds(full.Changes, f.name) {
			full.Changes = append(full.Changes, message.Change{Op: message.Append, Name: f.name, Value: " " + f.value})
		}
	}
	return &full
}

func adds(changes []message.Change, name string) bool {
	return slices.ContainsFunc(changes, func(c message.Change) bool {
		return c.Op != message.Delete && strings.EqualFold(c.Name, name)
	})
}
