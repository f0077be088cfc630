package sasl

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
)

// Cost of argon2id (RFC 9106): the second of the two recommendations of OWASP for little memory, 19
// MiB and two passes.
const (
	argonMemory = 19 << 10 // KiB
	argonPasses = 2
	argonLanes  = 1
	saltLength  = 16
	hashLength  = 32
)

// maxUsers and maxUserLine bound a users file.
const (
	maxUsers    = 100000
	maxUserLine = 1024
	maxPassword = 1024
)

// users are password hashes by name.
type users map[string]hash

// hash is a password hash of argon2id. The zero value matches no password.
type hash struct {
	salt, sum []byte
}

// HashPassword returns a hash with a new salt, as it is written in a users file. Error: the
// password is empty, longer than 1024 bytes, or has a NUL byte.
func HashPassword(password string) (string, error) {
	if password == "" || len(password) > maxPassword || strings.ContainsRune(password, 0) {
		return "", fmt.Errorf("relay: a password has 1 to %d bytes and no NUL", maxPassword)
	}
	h := hash{salt: make([]byte, saltLength)}
	_, _ = rand.Read(h.salt)
	h.sum = argon(password, h.salt)
	return h.String(), nil
}

func argon(password string, salt []byte) []byte {
	return argon2.IDKey([]byte(password), salt, argonPasses, argonMemory, argonLanes, hashLength)
}

// matches reports whether the hash belongs to the password. It needs 19 MiB and some 20 ms; the
// time does not depend on how much of the password is right.
func (h hash) matches(password string) bool {
	sum := argon(password, h.salt)
	return len(h.sum) == hashLength && subtle.ConstantTimeCompare(sum, h.sum) == 1
}

const hashPrefix = "$argon2id$v=19$m=19456,t=2,p=1$"

// String is the hash in the string format of the Password Hashing Competition, as Dovecot
// ({ARGON2ID}) reads it too.
func (h hash) String() string {
	return hashPrefix + base64.RawStdEncoding.EncodeToString(h.salt) + "$" + base64.RawStdEncoding.EncodeToString(h.sum)
}

// parseHash reads what String writes. Other costs than ours are an error: each login would be as
// expensive as the file says.
func parseHash(s string) (hash, error) {
	rest, ok := strings.CutPrefix(s, hashPrefix)
	if !ok {
		return hash{}, fmt.Errorf("relay: password hash does not begin with %s; make it by dnseal relay passwd", hashPrefix)
	}
	salt, sum, _ := strings.Cut(rest, "$")
	var h hash
	var err1, err2 error
	h.salt, err1 = base64.RawStdEncoding.Strict().DecodeString(salt)
	h.sum, err2 = base64.RawStdEncoding.Strict().DecodeString(sum)
	if err := errors.Join(err1, err2); err != nil {
		return hash{}, fmt.Errorf("relay: password hash: %w", err)
	}
	if len(h.salt) < 8 || len(h.salt) > 64 || len(h.sum) != hashLength {
		return hash{}, errors.New("relay: password hash: wrong length")
	}
	return h, nil
}

// ValidUser checks a name for a users file: 1 to 255 bytes of UTF-8 without colon, white space and
// control characters, not beginning with "#". The only error names the user and that rule.
func ValidUser(name string) error {
	if name == "" || len(name) > 255 || !utf8.ValidString(name) || name[0] == '#' ||
		strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r == 0x7f || r == ':' }) {
		return fmt.Errorf("relay: user %q: want 1 to 255 bytes without colon, white space and control characters, not beginning with #", name)
	}
	return nil
}

// CheckUsers reports why a users file cannot be used. Errors name the file and the line.
func CheckUsers(path string) error {
	_, err := readUsers(path)
	return err
}

// CheckUserLines is CheckUsers for the text of a file. Errors name the line.
func CheckUserLines(text string) error {
	_, err := parseUsers(strings.NewReader(text))
	return err
}

// readUsers reads a users file: a line "name:hash" each, empty lines and lines that begin with "#"
// left out. It is refused when others than its owner and group can read it, or others than its
// owner write it. Errors name the file and the line.
func readUsers(path string) (users, error) {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() { // a pipe may block
		return nil, fmt.Errorf("relay: users: %s is no regular file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("relay: users: %w", err)
	}
	defer f.Close() //nolint:errcheck // only read
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("relay: users: %w", err)
	}
	if mode := info.Mode().Perm(); mode&0o027 != 0 {
		return nil, fmt.Errorf("relay: users: %s has mode %04o: others can read or change it; run chmod 640 %s", path, mode, path)
	}
	list, err := parseUsers(f)
	if err != nil {
		return nil, fmt.Errorf("relay: users: %s: %w", path, err)
	}
	return list, nil
}

func parseUsers(r io.Reader) (users, error) {
	list := users{}
	sc := bufio.NewScanner(r)
	sc.Buffer(make([]byte, 0, maxUserLine), maxUserLine)
	for n := 1; sc.Scan(); n++ {
		line := bytes.TrimRight(sc.Bytes(), "\r")
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		name, hash, _ := strings.Cut(string(line), ":")
		h, err := parseHash(hash)
		if err = errors.Join(ValidUser(name), err); err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		if _, twice := list[name]; twice {
			return nil, fmt.Errorf("line %d: duplicate user %q", n, name)
		}
		if list[name] = h; len(list) > maxUsers {
			return nil, fmt.Errorf("line %d: more than %d users", n, maxUsers)
		}
	}
	return list, sc.Err()
}
