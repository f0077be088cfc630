package fleet

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
)

// maxPublicKey is the most octets of a file with a public key.
const maxPublicKey = 64 << 10

// PublicKeyText is what a value in a column of public keys holds: PEM, the base64 of DER, or the
// path of a file in files, the folder of the table (nil: none is read). Files elsewhere are not
// read: the table may come from somebody else. [identity.ReadPublic] tells what it is. Errors: the
// value is empty, or none of these.
func PublicKeyText(column, value string, files *os.Root) ([]byte, error) {
	switch {
	case value == "":
		return nil, fmt.Errorf("the column %s is empty", column)
	case strings.Contains(value, "-----BEGIN "):
		return []byte(value), nil
	}
	// The base64 of a SEQUENCE begins with M.
	if der, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(value), "")); err == nil && len(der) > 32 && der[0] == 0x30 {
		return der, nil
	}
	if files == nil {
		return nil, fmt.Errorf("the column %s has neither PEM nor the base64 of a key", column)
	}
	info, err := files.Stat(value)
	if err == nil && !info.Mode().IsRegular() { // a pipe may block
		err = fmt.Errorf("%s is no regular file", clip(value))
	}
	if err != nil {
		if cause, ok := errors.AsType[*fs.PathError](err); ok {
			err = cause.Err
		}
		return nil, fmt.Errorf("the column %s has neither PEM nor the base64 of a key, and there is no file %q: %w", column, clip(value), err)
	}
	f, err := files.Open(value)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // only read
	return io.ReadAll(io.LimitReader(f, maxPublicKey))
}
