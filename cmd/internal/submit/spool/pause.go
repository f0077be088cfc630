package spool

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Pause is how long the server is left alone after attempts that failed.
type Pause struct {
	Failures int // attempts in a row
	Until    time.Time
}

const pauseFile = "pause"

// Pauses grow from the first to the longest, and vary by half: devices that lost their server at
// the same moment do not come back at the same moment.
const (
	firstPause   = 30 * time.Second
	longestPause = 2 * time.Hour
)

// After is the pause after one more failure.
func (p Pause) After(now time.Time) Pause {
	d := longestPause
	if p.Failures < 8 { // 30 s << 8 is more than the longest
		d = min(d, firstPause<<p.Failures)
	}
	d = d/2 + rand.N(d) //nolint:gosec // no secret
	return Pause{Failures: min(p.Failures+1, 1000), Until: now.Add(d).Truncate(time.Second)}
}

// Over reports whether the server may be asked. A time that no pause can reach is that of a clock
// that was set since.
func (p Pause) Over(now time.Time) bool {
	return !now.Before(p.Until) || p.Until.Sub(now) > 2*longestPause
}

// Pause returns the pause that is kept; the zero value where there is none that can be read.
func (s *Spool) Pause() (p Pause) {
	text, err := readSmall(filepath.Join(s.dir, pauseFile))
	failures, until, _ := strings.Cut(text, "\n")
	if err == nil {
		p.Failures, err = strconv.Atoi(strings.TrimPrefix(failures, "Failures: "))
	}
	if err == nil {
		p.Until, err = time.Parse(time.RFC3339, strings.TrimPrefix(until, "Until: "))
	}
	if err != nil || p.Failures < 0 {
		return Pause{}
	}
	return p
}

// SetPause keeps a pause; the zero value ends it. It is not synchronised with the disk: what is
// lost with it is a pause.
func (s *Spool) SetPause(p Pause) error {
	path := filepath.Join(s.dir, pauseFile)
	if p == (Pause{}) {
		return removeFile(path)
	}
	return replaceFile(path, fmt.Sprintf("Failures: %d\nUntil: %s\n", p.Failures, p.Until.UTC().Format(time.RFC3339)))
}

// removeFile removes a file that may not be there.
func removeFile(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("submit: spool: %w", err)
	}
	return nil
}
