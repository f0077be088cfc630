package receiver

import (
	"slices"

	"dnseal/smime/message"
)

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
