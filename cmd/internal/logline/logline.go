// Package logline is the log of relay and milter: what its lines are called, what their fields say,
// and how they are written and read.
//
//	logline.go  New, the log of a daemon
//	fields.go   each field, in the order of dnseal-log(5)
//	events.go   each kind of line
//	parse.go    a line read again: text.go and json.go its two forms, prefix.go what syslog and
//	            journald put before it
//
// What strangers wrote is in values alone, quoted, and cut to a length: it can make neither another
// field nor another line.
package logline

import (
	"io"
	"log/slog"
	"unicode/utf8"

	"dnseal/cmd/internal/cli"
)

// The fields that every line of a daemon, or of a listener, begins with.
const (
	Door = "door"
	Role = "role"
)

// Limits of a value, in bytes. Only the stack of a fault of ours is longer than the others.
const (
	maxValue = 1000
	maxStack = 16 << 10
)

// New makes the log of a daemon, "relay" or "milter", in text or, with the format "json", in JSON:
// one line for each message, and for each event that an operator should know.
func New(w io.Writer, format, door string) *slog.Logger {
	opts := &slog.HandlerOptions{ReplaceAttr: bounded}
	var h slog.Handler = slog.NewTextHandler(w, opts)
	if format == "json" {
		h = slog.NewJSONHandler(cli.JSON{W: w}, opts)
	}
	return slog.New(h).With(slog.String(Door, door))
}

// bounded cuts a value that is too long for a line.
func bounded(_ []string, a slog.Attr) slog.Attr {
	var text string
	switch a.Value.Kind() {
	case slog.KindString:
		text = a.Value.String()
	case slog.KindAny:
		err, ok := a.Value.Any().(error)
		if !ok {
			return a
		}
		text = err.Error()
	default:
		return a
	}
	most := maxValue
	if a.Key == "stack" {
		most = maxStack
	}
	if len(text) > most {
		text = cut(text, most) + "..."
		return slog.String(a.Key, text)
	}
	return a
}

// cut is the beginning of text, of at most so many bytes, with no character halved.
func cut(text string, most int) string {
	for most > 0 && !utf8.RuneStart(text[most]) {
		most--
	}
	return text[:most]
}
