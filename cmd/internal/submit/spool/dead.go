package spool

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

const (
	deadFolder = "dead"
	reasonFile = "reason"
)

// Dead is the folder of what was set aside; it may be missing.
func (s *Spool) Dead() string { return filepath.Join(s.dir, deadFolder) }

// SetAside moves an entry to the dead ones, with the reason. It returns where it is then.
func (s *Spool) SetAside(name, reason string) (string, error) {
	from, to := filepath.Join(s.dir, name), filepath.Join(s.dir, deadFolder, name)
	err := os.MkdirAll(filepath.Dir(to), 0o700)
	if err == nil {
		// Best effort: a full disk must not keep a bad entry in the way of others.
		_ = writeFile(filepath.Join(from, reasonFile), func(w io.Writer) error {
			_, wrong := fmt.Fprintln(w, oneLine(reason))
			return wrong
		})
		err = os.Rename(from, to)
	}
	if err == nil {
		err = errors.Join(s.sync(filepath.Dir(to)), s.sync(s.dir))
	}
	if err != nil {
		return "", fmt.Errorf("submit: spool: %w", err)
	}
	return to, nil
}

// Return makes a message that a person moved back one that came now, as one of the entries.
func (s *Spool) Return(e *Entry, entries []*Entry) error {
	e.Envelope.Refused, e.Envelope.Since, e.Returned = false, max(s.counted(), newest(entries)), false
	if err := s.Update(e); err != nil {
		return err
	}
	if err := os.Remove(filepath.Join(e.folder, reasonFile)); err != nil {
		return fmt.Errorf("submit: spool: %w", err)
	}
	return nil
}

// room makes room for a message of this size by removing dead ones, the oldest first, and returns
// their names. What does not fit all the same is [ErrFull], and nothing is removed.
func (s *Spool) room(size int64, entries []*Entry, damaged []Damage) (dropped []string, err error) {
	number, total := len(entries)+len(damaged)+1, size+overhead
	for _, e := range entries {
		total += e.Envelope.Size + overhead
	}
	for _, d := range damaged {
		total += weight(filepath.Join(s.dir, d.Name))
	}
	if number > s.limits.Messages {
		return nil, fmt.Errorf("submit: %w: it holds %d messages, and may hold %d", ErrFull, number-1, s.limits.Messages)
	}
	if total > s.limits.Bytes {
		return nil, fmt.Errorf("submit: %w: with this message of %d bytes it would hold %d, with %d counted for each message beside its own, and may hold %d", ErrFull, size, total, overhead, s.limits.Bytes)
	}
	return s.bury(s.limits.Messages-number, s.limits.Bytes-total)
}

// bury leaves at most so many dead messages, of so many bytes, the newest.
func (s *Spool) bury(number int, bytes int64) (dropped []string, err error) {
	folder := filepath.Join(s.dir, deadFolder)
	files, err := os.ReadDir(folder)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("submit: spool: %w", err)
	}
	for _, file := range slices.Backward(files) {
		path := filepath.Join(folder, file.Name())
		number--
		bytes -= weight(path)
		if number >= 0 && bytes >= 0 {
			continue
		}
		if err := os.RemoveAll(path); err != nil {
			return dropped, fmt.Errorf("submit: spool: %w", err)
		}
		dropped = append(dropped, file.Name())
	}
	return dropped, nil
}

// weight is what a folder of a message takes.
func weight(folder string) int64 {
	total := int64(overhead)
	files, _ := os.ReadDir(folder) // what cannot be read counts as an empty one
	for _, f := range files {
		if info, err := f.Info(); err == nil && !strings.HasPrefix(f.Name(), envelopeFile) && f.Name() != reasonFile {
			total += info.Size()
		}
	}
	return total
}
