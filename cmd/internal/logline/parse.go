package logline

import (
	"bytes"
	"time"
)

// MaxLine is how long a line of ours can be, with what journald puts around it. Longer ones are not
// ours.
const MaxLine = 256 << 10

// maxFields is how many fields a line has at most.
const maxFields = 100

// Line is a line of the log. The zero value is ready for [Line.Parse], which may be called again
// and again; it then holds the last line alone.
type Line struct {
	Time  time.Time
	Level string // INFO, WARN, ERROR or another level of slog
	Msg   string

	fields []pair
	buffer []byte // for values with escapes
}

type pair struct{ key, value []byte }

// Parse reads a line as relay and milter write it, in text or JSON, also as syslog (RFC 3164, or
// with the time in ISO 8601), "journalctl -o short", "-o cat" or "-o json" and Docker show it. It
// reports whether the line is one of dnseal's. The values stay valid until line changes or Parse is
// called again.
func (l *Line) Parse(line []byte) bool {
	*l = Line{fields: l.fields[:0], buffer: l.buffer[:0]}
	line = bytes.TrimRight(line, "\r\n")
	if len(line) > MaxLine {
		return false
	}
	text, ok := l.unwrap(line)
	return ok && l.own(text)
}

// own reads a line without what others put before it.
func (l *Line) own(text []byte) bool {
	l.fields = l.fields[:0]
	read := l.text
	if len(text) > 0 && text[0] == '{' {
		read = l.json
	}
	if !read(text) || len(l.fields) < 3 || string(l.fields[0].key) != "time" || string(l.fields[1].key) != "level" || string(l.fields[2].key) != "msg" {
		return false
	}
	at, err := time.Parse(time.RFC3339Nano, string(l.fields[0].value))
	if err != nil {
		return false
	}
	l.Time, l.Level, l.Msg = at, word(l.fields[1].value), word(l.fields[2].value)
	return true
}

// word is b as a string, without a copy where it is one of the commonest words.
func word(b []byte) string {
	switch string(b) {
	case "INFO":
		return "INFO"
	case MessageEvent:
		return MessageEvent
	}
	return string(b)
}

// Get is the value of a field, the first where it is there twice; nil: there is none.
func (l *Line) Get(name string) []byte {
	for _, p := range l.fields {
		if string(p.key) == name {
			return p.value
		}
	}
	return nil
}

// Each calls f with each field, in the order of the line.
func (l *Line) Each(f func(key, value []byte)) {
	for _, p := range l.fields {
		f(p.key, p.value)
	}
}

// add keeps a field; false: there are too many.
func (l *Line) add(key, value []byte) bool {
	if len(key) == 0 || len(l.fields) == maxFields {
		return false
	}
	l.fields = append(l.fields, pair{key, value})
	return true
}
