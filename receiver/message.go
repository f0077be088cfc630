package receiver

import (
	"slices"
	"strings"
	"unicode/utf8"

	"dnseal/smime/message"
)

// Limits of what a report repeats from the header: characters of a field, addresses.
const (
	maxRepeated  = 1000
	maxAddressed = 100
)

// repeats puts into the report what names the message: Message-ID, Date, Subject and To (RFC 5322,
// Section 3.6). They are the outer fields, which only a protected header proves.
func (r *Report) repeats(m *message.Message) {
	r.MessageID = shortened(strings.TrimSpace(m.First("Message-ID")))
	if date := m.Date(); !date.IsZero() {
		r.Date = &date
	}
	r.Subject = decoded(m.First("Subject"))
	for _, f := range m.Fields("To") {
		for a := range message.AddressesIn(cut(f.Unfolded(), maxAddressed*maxRepeated)) {
			if len(r.To) == maxAddressed {
				return
			}
			// A field is read in several ways, and most give the same addresses.
			if to := shortened(a.String()); !slices.Contains(r.To, to) {
				r.To = append(r.To, to)
			}
		}
	}
}

// shortened is text in valid UTF-8, of at most maxRepeated characters.
func shortened(text string) string {
	text = strings.ToValidUTF8(cut(text, utf8.UTFMax*maxRepeated), "\uFFFD")
	if utf8.RuneCountInString(text) <= maxRepeated {
		return text
	}
	return string([]rune(text)[:maxRepeated-1]) + "…"
}

// cut is the first n octets of text.
func cut(text string, n int) string { return text[:min(n, len(text))] }

// maxHops is how many Received fields are reported; RFC 5321, Section 6.3 has loops end at a
// hundred.
const maxHops = 100

// hops reads the Received fields, in the order of the way (RFC 5321, Section 4.4).
func hops(m *message.Message) []Hop {
	out := []Hop{}
	for _, f := range m.Fields("Received") {
		if len(out) == maxHops {
			break
		}
		r := message.ParseReceived(f.Unfolded())
		h := Hop{By: r.By}
		if !r.At.IsZero() {
			h.At = &r.At
		}
		out = append(out, h)
	}
	slices.Reverse(out)
	return out
}
