package relay

import (
	"bufio"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// Bounds of a file of denied clients.
const (
	maxDenied   = 2_000_000
	maxDenyLine = 1024
)

// ReadDeny reads a file of denied clients: an entry of [ParseDeny] a line. Empty lines and what
// follows "#" at the beginning of a line or after white space are left out. 300,000 names take
// about 15 MiB of memory. Errors name the line, and there are those of the file system.
func ReadDeny(path string) (*Deny, error) {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() { // a pipe may block
		return nil, fmt.Errorf("relay: deny: %s is no regular file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("relay: deny: %w", err)
	}
	defer f.Close() //nolint:errcheck // only read
	sum := sha256.New()
	d, err := parseDenyFile(io.TeeReader(f, sum))
	if err != nil {
		return nil, fmt.Errorf("relay: deny: %s: %w", path, err)
	}
	d.text = [sha256.Size]byte(sum.Sum(nil))
	return d, nil
}

// SameText reports whether both come from files with the same text. Safe on nil.
func (d *Deny) SameText(other *Deny) bool {
	return d != nil && other != nil && d.text == other.text && d.text != [sha256.Size]byte{}
}

func parseDenyFile(r io.Reader) (*Deny, error) {
	d := &Deny{}
	sc := bufio.NewScanner(r)
	sc.Buffer(make([]byte, 0, maxDenyLine), maxDenyLine)
	n := 1
	for ; sc.Scan(); n++ {
		if n == 1 && strings.HasPrefix(sc.Text(), "\ufeff") {
			return nil, errors.New("line 1: a byte order mark stands before the text; save it as UTF-8 without one")
		}
		entry := denyEntry(sc.Text())
		if entry == "" {
			continue
		}
		if err := d.add(entry); err != nil {
			return nil, fmt.Errorf("line %d: %q: %w", n, entry, err)
		}
		if d.Len() > maxDenied {
			return nil, fmt.Errorf("line %d: more than %d entries", n, maxDenied)
		}
	}
	if err := sc.Err(); err != nil {
		return nil, fmt.Errorf("line %d: %w", n, err)
	}
	return d, nil
}

// denyEntry is a line without its comment.
func denyEntry(line string) string {
	if i := strings.IndexByte(line, '#'); i == 0 || i > 0 && strings.IndexByte(" \t", line[i-1]) >= 0 {
		line = line[:i]
	}
	return strings.TrimSpace(line)
}
