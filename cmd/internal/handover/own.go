package handover

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"dnseal/cmd/internal/cli"
)

// mayReplace returns an error where something is there that is no regular file, or whose beginning
// is not that of one that is made here. A file that is empty may be replaced.
func mayReplace(path string, isOurs func(begin []byte) bool) error {
	info, err := os.Lstat(path) // opening may block, and a link would itself be replaced
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return cli.Hint(fmt.Errorf("--to: %s is there and is no regular file; it stays as it is", path), "name a file that is written whole, then read it")
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // only read from
	begin, err := bufio.NewReader(f).Peek(1 << 10)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if len(begin) == 0 || isOurs(begin) {
		return nil
	}
	return cli.Hint(fmt.Errorf("%s is there, and was not made by this command; it stays as it is", path), "name another file with --to, or move this one away")
}

// isSignedData is the DER or BER of a ContentInfo with SignedData (RFC 5652, Section 3).
func isSignedData(begin []byte) bool {
	const signedData = "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02"
	at := strings.Index(string(begin), signedData)
	return begin[0] == 0x30 && at > 0 && at <= 6
}

// isTaken is the first row of a table that take writes.
func isTaken(begin []byte) bool {
	line, _, whole := strings.Cut(string(begin), "\n")
	return strings.HasPrefix(line, NameColumn+",") && (!whole || strings.HasSuffix(line, ","+KeyColumn+","+ProvenanceColumn))
}
