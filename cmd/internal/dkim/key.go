package dkim

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"strings"

	"dnseal/cmd/internal/cli"
	"dnseal/smime/message"
)

// Key is a private key and the name of the record with its public key.
type Key struct {
	Domain   string // d=, in lower-case A-labels
	Selector string // s=
	Private  crypto.Signer
}

// Sizes of RSA keys, in bits.
const (
	minRSA = 1024 // RFC 8301, Section 3.2: verifiers take no smaller one
	// StrongRSA is what signers should have at least (RFC 8301, Section 3.2).
	StrongRSA = 2048
	maxRSA    = 4096 // RFC 8301, Section 3.2: verifiers need not take larger ones
)

// maxKeyFile is the most bytes of a key file.
const maxKeyFile = 64 << 10

// ErrExposed says that others can read a key file.
var ErrExposed = errors.New("can be read by others")

// ReadKey reads a private key: PEM with PKCS #8 or PKCS #1, an RSA key of 1024 to 4096 bits or an
// Ed25519 key, as "dnseal dkim new", opendkim-genkey and openssl write it. Errors: [fs.ErrNotExist]
// for a missing file, [ErrExposed] for one that others can read, those of the file system, and one
// that says what is in the file instead. They have advice after a semicolon.
func ReadKey(file string) (crypto.Signer, error) {
	info, err := os.Stat(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, notThere(file)
	case err == nil && !info.Mode().IsRegular(): // a named pipe would be waited for
		return nil, fmt.Errorf("%s is no regular file; name the PEM file of a private key", file)
	}
	text, err := cli.ReadFile(file, maxKeyFile)
	if errors.Is(err, fs.ErrPermission) {
		return nil, fmt.Errorf("%w; the user that dnseal runs as must own it: chown USER %s", err, file)
	}
	if err != nil {
		return nil, fmt.Errorf("%w; name the PEM file of a private key", err)
	}
	key, err := ParseKey(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return nil, fmt.Errorf("the key %s %w (mode %04o); chmod 600 %s", file, ErrExposed, mode, file)
	}
	return key, nil
}

// notThere is [fs.ErrNotExist] in our words.
type notThere string

func (e notThere) Error() string {
	return "the file " + string(e) + " does not exist; make a key with: dnseal dkim new DOMAIN --selector SELECTOR"
}

func (notThere) Is(target error) bool { return target == fs.ErrNotExist }

// ParseKey is ReadKey for the contents of a file.
func ParseKey(text []byte) (crypto.Signer, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("no PEM; write a private key as PKCS #8 or PKCS #1 (openssl pkey)")
	}
	key, err := parseBlock(block)
	if err != nil {
		return nil, err
	}
	switch key := key.(type) {
	case ed25519.PrivateKey:
		return key, nil
	case *rsa.PrivateKey:
		bits := key.N.BitLen()
		if bits < minRSA || bits > maxRSA {
			return nil, fmt.Errorf("an RSA key of %d bits; verifiers take %d to %d (RFC 8301), so make another with dnseal dkim new", bits, minRSA, maxRSA)
		}
		return key, nil
	}
	return nil, errOther
}

var errOther = errors.New("neither an RSA nor an Ed25519 key; DKIM knows no others, so make one with dnseal dkim new")

func parseBlock(block *pem.Block) (any, error) {
	switch block.Type {
	case "RSA PRIVATE KEY":
		if block.Headers["DEK-Info"] != "" {
			return nil, errEncrypted
		}
		key, err := x509.ParsePKCS1PrivateKey(block.Bytes)
		return key, unreadable(err)
	case "PRIVATE KEY":
		key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
		return key, unreadable(err)
	case "ENCRYPTED PRIVATE KEY":
		return nil, errEncrypted
	}
	if block.Type == "EC PRIVATE KEY" {
		return nil, errOther
	}
	return nil, fmt.Errorf("%q instead of a private key; name the file of the private key", block.Type)
}

var errEncrypted = errors.New("an encrypted key; a daemon cannot ask for the passphrase, so decrypt it with: openssl pkey")

func unreadable(err error) error {
	if err == nil {
		return nil
	}
	return errors.New("the private key is damaged; make another with dnseal dkim new")
}

// selector is RFC 6376, Section 3.1, with the underscore that many have in theirs.
var selector = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)*$`)

// maxName is the most octets of a name (RFC 1035, Section 2.3.4), as text without its last dot.
const maxName = 253

// CheckName returns the domain in lower-case A-labels and the selector in lower case, or an error
// that says which of them can have no record, with advice.
func CheckName(domain, sel string) (string, string, error) {
	a, err := message.ParseAddress("postmaster@" + strings.TrimSuffix(domain, "."))
	if err != nil || strings.HasPrefix(a.Domain, "[") || strings.Contains(domain, "@") {
		return "", "", fmt.Errorf("%q is no domain; write it like example.org", domain)
	}
	if !selector.MatchString(sel) {
		return "", "", fmt.Errorf("%q is no selector; write letters, digits and hyphens, such as s2026", sel)
	}
	sel = strings.ToLower(sel)
	if name := (Key{Domain: a.Domain, Selector: sel}).Name(); len(name) > maxName {
		return "", "", fmt.Errorf("the name %s has %d characters, at most %d are possible; choose a shorter selector", name, len(name), maxName)
	}
	return a.Domain, sel, nil
}

// Name is where the record is, without a final dot: "s1._domainkey.example.org" (RFC 6376, Section
// 3.6.2.1).
func (k Key) Name() string { return k.Selector + "._domainkey." + k.Domain }

// Algorithm is "rsa-sha256" or "ed25519-sha256" (RFC 6376, Section 3.3; RFC 8463, Section 3).
func (k Key) Algorithm() string {
	if _, ok := k.Private.(ed25519.PrivateKey); ok {
		return "ed25519-sha256"
	}
	return "rsa-sha256"
}

// Bits is the size of an RSA key; 0 for Ed25519.
func (k Key) Bits() int {
	if key, ok := k.Private.(*rsa.PrivateKey); ok {
		return key.N.BitLen()
	}
	return 0
}

// Record is the text of the record (RFC 6376, Section 3.6.1; RFC 8463, Section 4).
func (k Key) Record() string {
	typ, public := "rsa", []byte(nil)
	switch key := k.Private.Public().(type) {
	case *rsa.PublicKey:
		public, _ = x509.MarshalPKIXPublicKey(key) // an RSA key always has this form
	case ed25519.PublicKey:
		typ, public = "ed25519", key
	}
	return "v=DKIM1; k=" + typ + "; p=" + base64.StdEncoding.EncodeToString(public)
}
