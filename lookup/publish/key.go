package publish

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"strings"

	"github.com/miekg/dns"
)

// Key is a TSIG key: HMAC-SHA256, HMAC-SHA384 or HMAC-SHA512 (RFC 8945, Section 6). No text form
// of it shows the secret.
type Key struct {
	// Name is the absolute name of the key, lower case.
	Name string
	// Algorithm is "hmac-sha256", "hmac-sha384" or "hmac-sha512".
	Algorithm string
	// Warning is a sentence about the file: others can read it. "": none.
	Warning string
	secret  string // base64
}

// String is the name and the algorithm.
func (k Key) String() string { return k.Name + " (" + k.Algorithm + ")" }

// GoString is String.
func (k Key) GoString() string { return k.String() }

// LogValue is String.
func (k Key) LogValue() slog.Value { return slog.StringValue(k.String()) }

// maxKeyFile bounds a key file, which has some 150 octets.
const maxKeyFile = 64 << 10

// ErrKey is the error of a key file that cannot be used.
var ErrKey = errors.New("publish: no usable TSIG key")

// LoadKey reads a key file (see [ParseKey]). A file that others can read gets a Warning.
// Errors: those of the file system; one that wraps ErrKey, with the line.
func LoadKey(file string) (*Key, error) {
	// The opening of a named pipe may block.
	if named, err := os.Stat(file); err == nil && named.Mode()&fs.ModeNamedPipe != 0 {
		return nil, fmt.Errorf("publish: TSIG key: %s is a named pipe, and no file", file)
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("publish: TSIG key: %w", err)
	}
	defer f.Close() //nolint:errcheck // it was only read
	text, err := io.ReadAll(io.LimitReader(f, maxKeyFile+1))
	if err != nil {
		return nil, fmt.Errorf("publish: TSIG key: %w", err)
	}
	k, err := ParseKey(string(text), file)
	if err != nil {
		return nil, err
	}
	if info, err := f.Stat(); err == nil && info.Mode().Perm()&0o007 != 0 {
		k.Warning = fmt.Sprintf("everybody on this machine can read the TSIG key %s (mode %04o): chmod o= %s", file, info.Mode().Perm(), file)
	}
	return k, nil
}

// ParseKey reads the one key in text, in the form that tsig-keygen and rndc-confgen write, where
// other clauses of rndc.conf are skipped:
//
//	key "name" { algorithm hmac-sha256; secret "base64"; };
//
// or as a line "hmac-sha256:name:base64", the form that Knot's tools read, also as a comment, which
// is how "keymgr -t" begins. file is for messages. Errors wrap ErrKey and never hold the secret: a
// syntax error, none or several keys, a name that is none, an algorithm below SHA-256 or unknown, a
// secret that is no base64.
func ParseKey(text, file string) (*Key, error) {
	if len(text) > maxKeyFile {
		return nil, fmt.Errorf("%w: %s is longer than %d octets", ErrKey, file, maxKeyFile)
	}
	var err error
	found := parseColons(text)
	if found == nil {
		found, err = parseClauses(text)
	}
	if err == nil {
		err = found.check()
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrKey, file, err)
	}
	return found, nil
}

// parseColons reads the first line as "algorithm:name:secret"; nil: it is not of that form.
func parseColons(text string) *Key {
	line, _, _ := strings.Cut(strings.TrimLeft(text, "\n\r\t "), "\n")
	line = strings.TrimSpace(strings.TrimLeft(line, "# "))
	parts := strings.Split(line, ":")
	if len(parts) != 3 || !strings.HasPrefix(strings.ToLower(line), "hmac-") || strings.ContainsAny(line, " \t{;") {
		return nil
	}
	return &Key{Algorithm: parts[0], Name: parts[1], secret: parts[2]}
}

// algorithms are those that are not weak (RFC 8945, Section 6).
var algorithms = map[string]string{"hmac-sha256": dns.HmacSHA256, "hmac-sha384": dns.HmacSHA384, "hmac-sha512": dns.HmacSHA512}

// check brings the fields to their form.
func (k *Key) check() error {
	name, err := canonical(k.Name)
	if err != nil || name == "." {
		return fmt.Errorf("%q is no name of a key", k.Name)
	}
	k.Name = name
	k.Algorithm = strings.TrimSuffix(strings.ToLower(k.Algorithm), ".")
	switch k.Algorithm {
	case "":
		return errors.New("the key has no algorithm; write: algorithm hmac-sha256;")
	case "hmac-md5", "hmac-md5.sig-alg.reg.int", "hmac-sha1", "hmac-sha224":
		return fmt.Errorf("%s is too weak; make a key with hmac-sha256: tsig-keygen -a hmac-sha256 NAME", k.Algorithm)
	}
	if algorithms[k.Algorithm] == "" {
		return fmt.Errorf("the algorithm %q is unknown; hmac-sha256, hmac-sha384 and hmac-sha512 are known", k.Algorithm)
	}
	switch raw, err := base64.StdEncoding.DecodeString(k.secret); {
	case k.secret == "":
		return errors.New("the key has no secret")
	case err != nil || len(raw) == 0:
		return errors.New("the secret is not base64")
	}
	return nil
}

// canonical checks a domain name, and returns it absolute in lower case.
func canonical(name string) (string, error) {
	// RFC 1035, Section 2.3.4.
	if _, ok := dns.IsDomainName(name); !ok || name == "" || len(name) > 1024 {
		return "", fmt.Errorf("%q is no domain name", name)
	}
	return dns.CanonicalName(name), nil
}
