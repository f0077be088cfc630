package cli

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Span is the value of a flag that is a length of time: a number with a unit, such as 30m, 12h or
// 7d, or several, such as 1h30m. It is never negative.
type Span time.Duration

const day = 24 * time.Hour

// String writes it in the largest unit in which it is whole, as Set reads it; "" for 0.
func (s *Span) String() string {
	d := time.Duration(*s)
	switch {
	case d == 0:
		return ""
	case d%day == 0:
		return fmt.Sprintf("%dd", d/day)
	case d%time.Hour == 0:
		return fmt.Sprintf("%dh", d/time.Hour)
	case d%time.Minute == 0:
		return fmt.Sprintf("%dm", d/time.Minute)
	}
	return d.String()
}

// Set reads it.
func (s *Span) Set(text string) error {
	d, err := time.ParseDuration(text)
	if days, ok := strings.CutSuffix(text, "d"); ok {
		var n uint64
		n, err = strconv.ParseUint(days, 10, 16)
		d = time.Duration(n) * day
	}
	switch {
	case err != nil:
		return Hint(errors.New("it is no length of time"), "write a number and a unit: 30m, 12h, 7d")
	case d < 0:
		return errors.New("it must not be negative")
	}
	*s = Span(d)
	return nil
}

// Type names the value in the help.
func (s *Span) Type() string { return "TIME" }
