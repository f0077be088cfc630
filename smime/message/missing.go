package message

import (
	"crypto/rand"
	"slices"
	"strings"
	"time"
)

// DateFormat is the date-time of RFC 5322, Section 3.3, for [time.Time.Format].
const DateFormat = "Mon, 2 Jan 2006 15:04:05 -0700"

// MissingFields returns the changes that add the Date and Message-ID a message lacks, as a
// submission server does (RFC 6409, Sections 8.2 and 8.3). They must be there before the message is
// signed: the signature does not protect what is added later. host is the right side of a new
// Message-ID, a domain (RFC 5322, Section 3.6.4); now is the new Date.
func MissingFields(m *Message, host string, now time.Time) []Change {
	var changes []Change
	// RFC 5322, Section 3.6.1.
	if !m.Has("Date") {
		changes = append(changes, Change{Op: Append, Name: "Date", Value: " " + now.Format(DateFormat)})
	}
	// RFC 5322, Section 3.6.4.
	if !m.Has("Message-ID") {
		value := " <" + strings.ToLower(rand.Text()) + "@" + host + ">"
		changes = append(changes, Change{Op: Append, Name: "Message-ID", Value: value})
	}
	return changes
}

// AddMissing returns changes with those of [MissingFields], where none of them adds such a field.
func AddMissing(changes []Change, m *Message, host string, now time.Time) []Change {
	changes = slices.Clone(changes)
	for _, c := range MissingFields(m, host, now) {
		if !slices.ContainsFunc(changes, func(h Change) bool { return h.Op != Delete && strings.EqualFold(h.Name, c.Name) }) {
			changes = append(changes, c)
		}
	}
	return changes
}
