package report

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"dnseal/cmd/internal/cli"
	"dnseal/cmd/internal/logline"
)

// Finder finds the lines of one message. It is made by [NewFinder].
type Finder struct {
	counter Counter
	id      string
}

// NewFinder returns a Finder of a Message-ID, with or without its angle brackets.
func NewFinder(opts Options, id string) *Finder {
	return &Finder{counter: Counter{opts: opts}, id: strings.Trim(strings.TrimSpace(id), "<>")}
}

// Line returns a line for people where it is of the message, else "".
func (f *Finder) Line(text []byte) string {
	l := &f.counter.line
	if !l.Parse(text) || strings.Trim(string(l.Get("message_id")), "<>") != f.id || !f.counter.wanted(l) {
		return ""
	}
	var b strings.Builder
	l.Each(func(key, value []byte) {
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		shown := string(value)
		if shown == "" || strings.ContainsAny(shown, " \"=") {
			shown = strconv.Quote(shown)
		}
		b.WriteString(cli.Printable(string(key)) + "=" + cli.Printable(shown))
	})
	return b.String()
}

// layouts are the forms of a time.
var layouts = []string{time.RFC3339, "2006-01-02 15:04:05", "2006-01-02 15:04", time.DateOnly}

// ParseTime reads a time as --since and --until have it; empty: the zero time. A time without a
// zone is local, or in UTC.
func ParseTime(text string, utc bool) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	zone := time.Local
	if utc {
		zone = time.UTC
	}
	for _, layout := range layouts {
		if t, err := time.ParseInLocation(layout, text, zone); err == nil {
			return t, nil
		}
	}
	if ago, ok := length(text); ok {
		return time.Now().Add(-ago), nil
	}
	return time.Time{}, cli.Hint(fmt.Errorf("%q is no time", text), `write 2026-11-24, "2026-11-24 15:04", 2026-11-24T15:04:05Z, or 36h or 7d for that long ago`)
}

// length reads 90m, 36h or 7d.
func length(text string) (time.Duration, bool) {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		return time.Duration(n) * 24 * time.Hour, err == nil
	}
	d, err := time.ParseDuration(text)
	return d, err == nil && d >= 0
}

// Check returns an error for a door, a role or a number of rows that there is not.
func (o *Options) Check() error {
	switch {
	case o.Door != "" && o.Door != "relay" && o.Door != "milter":
		return cli.Hint(fmt.Errorf("there is no door %q", o.Door), "write relay or milter")
	case o.Role != "" && doorOf(roleLine(o.Role)) == "":
		return cli.Hint(fmt.Errorf("there is no role %q", o.Role), "write submission, inbound, sign or verify")
	case o.Top < 1 || o.Top > maxRows:
		return fmt.Errorf("--top is from 1 to %d", maxRows)
	}
	return nil
}

// roleLine is a line with a role and nothing else that counts.
func roleLine(role string) *logline.Line {
	l := &logline.Line{}
	l.Parse([]byte("time=2006-01-02T15:04:05Z level=INFO msg=x role=" + strconv.Quote(role)))
	return l
}
