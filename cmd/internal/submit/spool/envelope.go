package spool

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"
)

// Envelope is what a message is handed in with, and what became of it so far. As a file it has a
// line "Key: value" for each.
type Envelope struct {
	From    string    // the envelope sender; empty: the null sender
	To      []string  // recipients who have not got it
	Spooled time.Time // by a clock that may have been wrong: for people
	// Since is the time that the spool had counted when the message came; see [Spool.Old].
	Since    time.Duration
	Size     int64 // octets of the message: a file of another size is damaged
	Attempts int
	Last     string // why the last attempt failed
	// Refused says that the server refused the message for good: it is not tried again before a
	// person moves it back from the dead ones.
	Refused bool
}

// Limits of a file.
const (
	maxEnvelope   = 1 << 20
	maxLine       = 4 << 10
	MaxRecipients = 1000
)

func (v *Envelope) write(w io.Writer) error {
	b := bufio.NewWriter(w)
	// An error stays in b.
	line := func(key, value string) { _, _ = fmt.Fprintf(b, "%s: %s\n", key, value) }
	line("From", "<"+v.From+">")
	for _, to := range v.To {
		line("To", "<"+to+">")
	}
	line("Spooled", v.Spooled.UTC().Format(time.RFC3339))
	line("Since", v.Since.String())
	line("Size", strconv.FormatInt(v.Size, 10))
	line("Attempts", strconv.Itoa(v.Attempts))
	if v.Last != "" {
		line("Last", oneLine(v.Last))
	}
	if v.Refused {
		line("Refused", "yes")
	}
	return b.Flush()
}

// oneLine is a text without what would end the line, cut to what is read back.
func oneLine(text string) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
	if len(text) > maxLine/2 {
		text = strings.ToValidUTF8(text[:maxLine/2], "")
	}
	return strings.TrimSpace(text)
}

// ReadEnvelope reads the file of an envelope. Errors name the line.
func ReadEnvelope(r io.Reader) (Envelope, error) {
	var v Envelope
	seen := map[string]bool{}
	lines := bufio.NewScanner(io.LimitReader(r, maxEnvelope))
	lines.Buffer(nil, maxLine)
	n := 0
	for lines.Scan() {
		n++
		key, value, ok := strings.Cut(lines.Text(), ": ")
		if !ok {
			return Envelope{}, fmt.Errorf("envelope: line %d: want \"Key: value\"", n)
		}
		if seen[key] && key != "To" {
			return Envelope{}, fmt.Errorf("envelope: line %d: %q stands twice", n, key)
		}
		seen[key] = true
		if err := v.set(key, value); err != nil {
			return Envelope{}, fmt.Errorf("envelope: line %d: %w", n, err)
		}
	}
	if err := lines.Err(); err != nil {
		return Envelope{}, fmt.Errorf("envelope: line %d: %w", n+1, err)
	}
	if !seen["From"] || !seen["To"] || !seen["Spooled"] || !seen["Size"] {
		return Envelope{}, errors.New("envelope: it needs From, To, Spooled and Size")
	}
	return v, nil
}

func (v *Envelope) set(key, value string) (err error) {
	switch key {
	case "From":
		v.From, err = path(value)
	case "To":
		if len(v.To) == MaxRecipients {
			return fmt.Errorf("more than %d recipients", MaxRecipients)
		}
		var to string
		if to, err = path(value); err == nil && to == "" {
			err = errors.New("an empty recipient")
		}
		v.To = append(v.To, to)
	case "Spooled":
		v.Spooled, err = time.Parse(time.RFC3339, value)
	case "Since":
		v.Since, err = span(value)
	case "Size":
		v.Size, err = number(value)
	case "Attempts":
		var n int64
		n, err = number(value)
		v.Attempts = int(min(n, math.MaxInt32))
	case "Last":
		v.Last = value
	case "Refused":
		v.Refused = value == "yes"
	default:
		err = fmt.Errorf("unknown key %q", key)
	}
	return err
}

// number reads a whole number that is not negative.
func number(value string) (int64, error) {
	n, err := strconv.ParseInt(value, 10, 64)
	if err == nil && n < 0 {
		err = errors.New("a negative number")
	}
	return n, err
}

// span reads a time as [time.Duration] writes it; of half of the longest, so that two can be added.
func span(value string) (time.Duration, error) {
	d, err := time.ParseDuration(value)
	if err == nil && (d < 0 || d > math.MaxInt64/2) {
		err = fmt.Errorf("%q is no time that can be counted", value)
	}
	return d, err
}

// path reads an address in angle brackets (RFC 5321, Section 4.1.2).
func path(value string) (string, error) {
	inner, ok := strings.CutPrefix(value, "<")
	inner, closed := strings.CutSuffix(inner, ">")
	if !ok || !closed || strings.ContainsFunc(inner, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return "", fmt.Errorf("want an address in angle brackets, not %q", value)
	}
	return inner, nil
}
