package receiver

import (
	"net/mail"
	"slices"
	"strings"

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
		out = append(out, hop(f.Unfolded()))
	}
	slices.Reverse(out)
	return out
}

func hop(value string) Hop {
	var h Hop
	clauses, date := value, ""
	if i := strings.LastIndexByte(value, ';'); i >= 0 {
		clauses, date = value[:i], value[i+1:]
	}
	// RFC 5322, Section 3.3.
	if t, err := mail.ParseDate(strings.TrimSpace(date)); err == nil {
		t = t.UTC()
		h.At = &t
	}
	words := strings.Fields(clauses)
	for i, w := range words[:max(len(words)-1, 0)] {
		if strings.EqualFold(w, "by") {
			h.By = words[i+1]
			break
		}
	}
	return h
}
