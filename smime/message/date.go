package message

import (
	"net/mail"
	"strings"
	"time"
)

// Date returns the time that the Date field states (RFC 5322, Section 3.6.1), in UTC. It is the
// zero time where there is no such field, where there are several, and where the value cannot be
// read, or has a zone that is not known.
func (m *Message) Date() time.Time {
	fields := m.Fields("Date")
	if len(fields) != 1 {
		return time.Time{}
	}
	return parseDate(fields[0].Unfolded())
}

// parseDate returns the zero time for what it cannot read.
func parseDate(value string) time.Time {
	// The usual form, which package mail tries after many others.
	if t, err := time.Parse("Mon, 2 Jan 2006 15:04:05 -0700", value); err == nil {
		return t.UTC()
	}
	t, err := mail.ParseDate(strings.TrimSpace(value))
	if err != nil {
		return time.Time{}
	}
	if plain, _, _ := strings.Cut(value, "("); strings.ContainsAny(plain, "+-") {
		return t.UTC()
	}
	// What package time knows of names depends on where the program runs.
	name, offset := t.Zone()
	hours, known := zones[name]
	if !known {
		return time.Time{}
	}
	return t.Add(time.Duration(offset)*time.Second - time.Duration(hours)*time.Hour).UTC()
}

// zones are the names of RFC 5322, Section 4.3, in hours east of UTC.
var zones = map[string]int{
	"UT": 0, "GMT": 0, "UTC": 0, "Z": 0,
	"EDT": -4, "EST": -5, "CDT": -5, "CST": -6, "MDT": -6, "MST": -7, "PDT": -7, "PST": -8,
}
