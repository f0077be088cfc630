package spool

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// A device can start in 1970, have its clock set while it runs, or be without power for a month. So
// the age of a message is not the difference of two times of day: the spool counts the time from
// one pass to the next, and from one to the next a quarter of the limit at most.

const clockFile = "clock"

// clock is what the spool has counted, up to when.
type clock struct {
	counted time.Duration
	seen    time.Time // zero: never
}

// at is the clock at a time of day.
func (c clock) at(now time.Time, expire time.Duration) clock {
	if !c.seen.IsZero() {
		c.counted += min(max(now.Sub(c.seen), 0), expire/4)
	}
	c.seen = now
	return c
}

// Old reports whether a message was in the spool for longer than its limit, as the spool counts: at
// least the fourth pass after it came. The caller gives it up only when it was tried once more.
func (s *Spool) Old(e *Entry) bool {
	return s.limits.Expire > 0 && s.counted()-e.Envelope.Since > s.limits.Expire
}

// Expire is the limit.
func (s *Spool) Expire() time.Duration { return s.limits.Expire }

// counted is the time that the spool has counted until now.
func (s *Spool) counted() time.Duration { return s.readClock().at(s.now(), s.limits.Expire).counted }

// Count goes on counting after a pass that left entries there. Without any the clock starts anew.
// It is kept when it is a sixteenth of the limit further: the memory of devices wears.
func (s *Spool) Count(entries []*Entry) error {
	path := filepath.Join(s.dir, clockFile)
	if len(entries) == 0 {
		return removeFile(path)
	}
	old := s.readClock()
	old.counted = max(old.counted, newest(entries))
	next := old.at(s.now(), s.limits.Expire)
	if d := next.seen.Sub(old.seen); !old.seen.IsZero() && d >= 0 && d < s.limits.Expire/16 {
		return nil
	}
	text := fmt.Sprintf("Counted: %s\nSeen: %s\n", next.counted, next.seen.UTC().Format(time.RFC3339))
	return replaceFile(path, text)
}

// newest is the latest time of the clock that entries came at. The file of the clock can be lost:
// it is not synchronised with the disk.
func newest(entries []*Entry) (since time.Duration) {
	for _, e := range entries {
		since = max(since, e.Envelope.Since)
	}
	return since
}

// readClock returns the clock that is kept; the zero value where there is none that can be read.
func (s *Spool) readClock() (c clock) {
	text, err := readSmall(filepath.Join(s.dir, clockFile))
	counted, seen, _ := strings.Cut(text, "\n")
	if err == nil {
		c.counted, err = span(strings.TrimPrefix(counted, "Counted: "))
	}
	if err == nil {
		c.seen, err = time.Parse(time.RFC3339, strings.TrimPrefix(seen, "Seen: "))
	}
	if err != nil {
		return clock{}
	}
	return c
}

// readSmall reads a file of two lines.
func readSmall(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close() //nolint:errcheck // only read from
	text, err := io.ReadAll(io.LimitReader(f, 200))
	return strings.TrimSuffix(string(text), "\n"), err
}

// replaceFile replaces a file, without waiting for the disk.
func replaceFile(path, text string) error {
	err := os.WriteFile(path+".new", []byte(text), 0o600)
	if err == nil {
		err = os.Rename(path+".new", path)
	}
	if err != nil {
		return fmt.Errorf("submit: spool: %w", err)
	}
	return nil
}
