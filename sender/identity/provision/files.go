package provision

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"dnseal/sender/identity"
)

// link makes to the same file as from, or a copy where the file system has no links, or where from
// is a symbolic link, whose path means another file from elsewhere. Where to is there already it
// stays; where from is not there nothing is done.
func link(from, to string) error {
	info, err := os.Lstat(from)
	switch {
	case err == nil && info.Mode()&fs.ModeSymlink == 0:
		err = os.Link(from, to)
	case err == nil && !exists(to):
		err = errors.ErrUnsupported
	}
	if err == nil || errors.Is(err, fs.ErrExist) || errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	data, err := os.ReadFile(from)
	if err != nil {
		return fmt.Errorf("provision: %w", err)
	}
	return identity.ReplaceFile(to, data, 0o600)
}

// readAtMost reads a file, of a longer one the first bytes.
func readAtMost(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // only read from
	return io.ReadAll(io.LimitReader(f, limit))
}

// sameContents reports whether two files are there and equal.
func sameContents(a, b string) bool {
	x, errX := os.ReadFile(a)
	y, errY := os.ReadFile(b)
	return errX == nil && errY == nil && bytes.Equal(x, y)
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// remove removes a file, if it is there.
func remove(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("provision: %w", err)
	}
	return nil
}
