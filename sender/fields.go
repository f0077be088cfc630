package sender

import (
	"log/slog"
	"slices"
	"strings"

	"dnseal/smime/message"
)

// controlPrefix begins the header fields by which listed submitters control the signing (optional
// fields: RFC 5322, Section 3.6.8); they never leave this system.
const controlPrefix = "X-Dnseal-"

// controlSign is the one control field: no, clear or opaque.
const controlSign = controlPrefix + "Sign"

// clean returns the edit that every message gets, whatever becomes of it: without control fields,
// and without results that claim to be by a verifier of ours. The attributes say of how many, and
// what ends the header in place of its empty line.
func (s *Sender) clean(m *message.Message) (*message.Edit, []slog.Attr) {
	var attrs []slog.Attr
	// RFC 8601, Section 5.
	forged := message.ForgedResults(m, s.opts.AuthservID)
	if len(forged) > 0 {
		attrs = append(attrs, slog.Int("forged_results", len(forged)))
	}
	if m.Stray() != "" {
		attrs = append(attrs, slog.String("header_ends_at", m.Stray()))
	}
	control := message.RemoveAll(m.Header(), func(f message.Field) bool { return f.Begins(controlPrefix) })
	return &message.Edit{Changes: append(control, forged...)}, attrs
}

// originators collects who a message says it is from, for decide.
func originators(m *message.Message, env *message.Envelope) *request {
	req := &request{who: env.Submitter, mailFrom: env.MailFrom}
	// RFC 5322, Section 3.6.2.
	req.from, req.fromErr = m.From()
	fields := m.Fields("From")
	req.shown, req.fields = message.ShownIn(fields...), len(fields)
	for _, f := range fields {
		for a := range message.AddressesIn(f.Value()) {
			if a.Local != "" { // else a name such as Shop @ example.org
				req.named = append(req.named, a)
			}
		}
	}
	if len(req.from) == 0 && env.MailFrom != "" {
		// MTAs write a From that is missing, and take the envelope sender for it.
		if a, err := message.ParseAddress(env.MailFrom); err == nil {
			req.also = append(req.also, a)
		}
	}
	// RFC 5322, Sections 3.6.2 and 3.6.6.
	for _, name := range []string{"Sender", "Resent-From", "Resent-Sender"} {
		for _, f := range m.Fields(name) {
			addresses, err := message.ParseFrom(f.Value())
			if err != nil {
				shown := message.ShownIn(f)
				addresses, req.alsoCut = withDomain(shown.Addresses), req.alsoCut || shown.Cut
			}
			req.also = append(req.also, addresses...)
		}
	}
	return req
}

// withDomain leaves out the words of a field that holds no address: devices write a login into
// Sender.
func withDomain(addresses []message.Address) []message.Address {
	return slices.DeleteFunc(addresses, func(a message.Address) bool { return a.Domain == "" })
}

// fromText is the From address for the log.
func (r *request) fromText() string {
	if r.fromErr != nil || len(r.from) == 0 {
		return ""
	}
	return r.from[0].String()
}

// isReport reports whether m is a delivery status notification or its like:
// from the null sender, and a multipart/report (RFC 3464; RFC 6522).
func isReport(m *message.Message, env *message.Envelope) bool {
	// RFC 5321, Section 4.5.5.
	if env.MailFrom != "" {
		return false
	}
	// RFC 2045, Section 5.1: media types have no case.
	t, _, _ := strings.Cut(m.First("Content-Type"), ";")
	return strings.EqualFold(strings.TrimSpace(t), "multipart/report")
}
