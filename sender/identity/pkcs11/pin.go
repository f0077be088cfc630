//go:build cgo && pkcs11

package pkcs11

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// maxPIN is the most octets read of a file with a PIN.
const maxPIN = 1024

// credential is what a pin-source begins with that names a systemd credential.
const credential = "credential:" //nolint:gosec // a name of one

// pin returns given or, where it is empty, what pin-source names: a file, as path or file: URI, or
// credential:NAME, a systemd credential. Its first line counts.
func (u URI) pin(given string) (string, error) {
	source := u.attrs[attrPINSource]
	if given != "" || source == "" {
		return given, nil
	}
	path, secret, err := pinFile(source)
	if err != nil {
		return "", err
	}
	// The opening of a pipe may block.
	if named, wrong := os.Stat(path); wrong == nil && !named.Mode().IsRegular() {
		return "", fmt.Errorf("pkcs11: pin-source: %s is no regular file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("pkcs11: pin-source: %w", err)
	}
	defer func() { _ = f.Close() }() // only read
	info, err := f.Stat()
	switch {
	case err != nil:
		return "", fmt.Errorf("pkcs11: pin-source: %w", err)
	case !info.Mode().IsRegular(): // another one since
		return "", fmt.Errorf("pkcs11: pin-source: %s is no regular file", path)
	case !secret && info.Mode().Perm()&0o077 != 0:
		return "", withHint(fmt.Errorf("pkcs11: pin-source: %s can be read by others (mode %04o)", path, info.Mode().Perm()), "chmod 600 %s", path)
	}
	data, err := io.ReadAll(io.LimitReader(f, maxPIN+1))
	if err != nil || len(data) > maxPIN {
		return "", fmt.Errorf("pkcs11: pin-source: %s cannot be read, or is larger than %d octets", path, maxPIN)
	}
	line, _, _ := strings.Cut(string(data), "\n")
	return strings.TrimSuffix(line, "\r"), nil
}

// pinFile returns the file of a pin-source, and whether it is a credential, which systemd protects.
func pinFile(source string) (string, bool, error) {
	if name, ok := strings.CutPrefix(source, credential); ok {
		dir := os.Getenv("CREDENTIALS_DIRECTORY")
		if dir == "" || name != filepath.Base(name) {
			return "", false, withHint(fmt.Errorf("pkcs11: pin-source: there is no credential %q", name), "the unit needs LoadCredential=%s:FILE", name)
		}
		return filepath.Join(dir, name), true, nil
	}
	path := strings.TrimPrefix(strings.TrimPrefix(source, "file:"), "//")
	if !filepath.IsAbs(path) {
		return "", false, withHint(errors.New("pkcs11: a URI whose pin-source is no absolute path"), "write the whole path of the file")
	}
	return path, false, nil
}

// currentPIN is the PIN that the token was logged in to with.
func (t *token) currentPIN() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.login.pin
}
