package encrypt

import (
	"slices"

	"dnseal/sender/recipient"
	"dnseal/smime/message"
)

// Holder is a recipient by his certificate, with the addresses in that.
type Holder struct {
	*recipient.Found
	Addresses []string
}

// In reports whether one of a list of addresses is his.
func (h Holder) In(list []string) bool {
	return slices.ContainsFunc(list, func(address string) bool {
		a, err := message.ParseAddress(address)
		return err == nil && slices.Contains(h.Addresses, a.String())
	})
}

// Apart splits holders of certificates into those that the others may know of, and those whom
// --bcc or the field Bcc of m names, and neither named nor its fields To and Cc. Of these nobody
// is to learn (RFC 5322, Section 3.6.3). The error is that of [Addressed].
func Apart(holders []Holder, m *message.Message, named, bcc []string) (shown, hidden []*recipient.Found, err error) {
	inBcc, err := Addressed(m, "Bcc")
	if err != nil {
		return nil, nil, err
	}
	inTo, err := Addressed(m, "To", "Cc")
	if err != nil {
		inTo = nil // who is not known to be shown is hidden
	}
	for _, h := range holders {
		if h.In(slices.Concat(bcc, inBcc)) && !h.In(slices.Concat(named, inTo)) {
			hidden = append(hidden, h.Found)
		} else {
			shown = append(shown, h.Found)
		}
	}
	return shown, hidden, nil
}
