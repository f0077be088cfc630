package fleet

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"dnseal/sender/identity"
)

// nameKeyLength is how many octets the name key has.
const nameKeyLength = 32

// CreateNameKey makes the file of a new name key: 64 hexadecimal digits, readable by its owner
// alone. Errors: [fs.ErrExist] where there is one, what the file system returned.
func CreateNameKey(path string) error {
	key := make([]byte, nameKeyLength)
	_, _ = rand.Read(key) // crypto/rand never fails
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return identity.WithHint(fmt.Errorf("fleet: name key: %w", err), "all names were made with the key that is there, which is never overwritten: give --name-key %s", identity.Quote(path))
	}
	if err != nil {
		return fmt.Errorf("fleet: name key: %w", err)
	}
	_, err = f.WriteString(hex.EncodeToString(key) + "\n")
	err = errors.Join(err, f.Sync(), f.Close())
	if err != nil {
		_ = os.Remove(path) // half a key
		return fmt.Errorf("fleet: name key: %w", err)
	}
	return identity.SyncDir(filepath.Dir(path))
}

// ReadNameKey reads the key of {hash(…)}: 64 hexadecimal digits. Errors, with a hint where it
// helps: there is none, it is another text, others may read it.
func ReadNameKey(path string) ([]byte, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, identity.WithHint(fmt.Errorf("fleet: name key: %w", err), "where no name was made yet, --new-name-key makes it; else restore it: without it nobody can tell which name is whose")
	}
	if err != nil {
		return nil, fmt.Errorf("fleet: name key: %w", err)
	}
	defer func() { _ = f.Close() }() // only read
	info, err := f.Stat()
	if err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o077 != 0 {
		return nil, identity.WithHint(fmt.Errorf("fleet: others may read the name key %s", path), "chmod 600 %s", identity.Quote(path))
	}
	text, err := io.ReadAll(io.LimitReader(f, 2*nameKeyLength+3))
	if err != nil {
		return nil, fmt.Errorf("fleet: name key: %w", err)
	}
	key := make([]byte, nameKeyLength)
	if text = bytes.TrimSpace(text); len(text) != 2*nameKeyLength {
		return nil, fmt.Errorf("fleet: name key: %s does not have %d hexadecimal digits", path, 2*nameKeyLength)
	}
	if _, err = hex.Decode(key, text); err != nil {
		return nil, fmt.Errorf("fleet: name key: %s does not have %d hexadecimal digits", path, 2*nameKeyLength)
	}
	return key, nil
}
