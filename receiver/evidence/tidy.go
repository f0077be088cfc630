package evidence

import (
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
)

// tidy seals the files that no process writes, and removes those that are older than Keep.
func (j *Journal) tidy() error {
	entries, err := os.ReadDir(j.opts.Dir)
	if err != nil {
		return fmt.Errorf("evidence: %w", err)
	}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), Extension) || !e.Type().IsRegular() {
			continue
		}
		j.tidyFile(e)
	}
	return nil
}

// tidyFile seals or removes one file, where that is due.
func (j *Journal) tidyFile(e fs.DirEntry) {
	name, what, turn := filepath.Join(j.opts.Dir, e.Name()), "evidence of a process that was stopped is sealed", j.sealLeft
	old, err := j.expired(e)
	if old {
		what, turn = "evidence removed", removeOld
	}
	done := false
	if err == nil {
		done, err = turn(name)
	}
	if done || err != nil {
		j.did(what, name, err)
	}
}

func (j *Journal) did(what, name string, err error) {
	if err != nil {
		j.opts.Log.Error("evidence cannot be tidied", slog.String("file", name), slog.String("error", err.Error()))
		return
	}
	j.opts.Log.Info(what, slog.String("file", name))
}

// expired reports whether a file is older than Keep. It goes by when it was written last.
func (j *Journal) expired(e fs.DirEntry) (bool, error) {
	if j.opts.Keep <= 0 {
		return false, nil
	}
	info, err := e.Info()
	if err != nil {
		return false, err
	}
	return j.opts.Now().Sub(info.ModTime()) > j.opts.Keep, nil
}

// removeOld removes a file that no process writes.
func removeOld(name string) (bool, error) {
	f, err := os.Open(name)
	if err != nil {
		return false, err
	}
	defer f.Close() //nolint:errcheck // it was only read
	if lock(f) != nil {
		return false, nil // its writer is at work
	}
	return true, os.Remove(name)
}

// sealLeft seals a file that has no seal, and that no process writes. A last line that was cut
// goes.
func (j *Journal) sealLeft(name string) (bool, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_APPEND, 0)
	if err != nil {
		return false, err
	}
	defer f.Close() //nolint:errcheck // after an error, or closed already
	sealed, err := endsInSeal(f)
	if err != nil || sealed {
		return false, err
	}
	info, err := f.Stat()
	if err != nil || info.Size() == 0 { // another process has just made it
		return false, err
	}
	if err = lock(f); err != nil {
		return false, nil //nolint:nilerr // its writer is at work
	}
	w, err := resume(name, f)
	if err != nil || w == nil {
		return false, err
	}
	return true, j.seal(&dayFile{Writer: w, file: f})
}
