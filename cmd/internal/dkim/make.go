package dkim

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Algorithms of new keys.
const (
	RSA2048 = "rsa-2048"
	Ed25519 = "ed25519"
	Both    = "both" // one of each, which sign together (RFC 8463, Section 4)
)

// File is where the key of a selector is in a folder.
func File(dir, domain, selector string) string {
	return filepath.Join(dir, domain+"."+selector+".pem")
}

// Selectors are the selectors of new keys and the algorithm of each: with [Both] that of the
// Ed25519 key has "-ed25519" behind it.
func Selectors(selector, algorithm string) ([][2]string, error) {
	switch algorithm {
	case RSA2048, Ed25519:
		return [][2]string{{selector, algorithm}}, nil
	case Both:
		return [][2]string{{selector, RSA2048}, {selector + "-ed25519", Ed25519}}, nil
	}
	return nil, fmt.Errorf("there is no algorithm %q; write %s, %s or %s", algorithm, RSA2048, Ed25519, Both)
}

// MakeAll makes the keys of a selector, all of them or none. Errors: those of [Selectors],
// [CheckName] and [Make].
func MakeAll(dir, domain, selector, algorithm string) (made []Key, err error) {
	wanted, err := Selectors(selector, algorithm)
	if err != nil {
		return nil, err
	}
	for i := range wanted {
		if domain, wanted[i][0], err = CheckName(domain, wanted[i][0]); err != nil {
			return nil, err
		}
	}
	for _, w := range wanted {
		k, err := Make(dir, domain, w[0], w[1])
		if err != nil {
			for _, k := range made {
				err = errors.Join(err, os.Remove(File(dir, domain, k.Selector)))
			}
			return nil, err
		}
		made = append(made, k)
	}
	return made, nil
}

// Make makes a key and writes it to a new file of mode 0600 in dir, which is made where there is
// none. Errors: a file that is there already, those of the file system.
func Make(dir, domain, selector, algorithm string) (Key, error) {
	private, err := newKey(algorithm)
	if err != nil {
		return Key{}, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return Key{}, fmt.Errorf("dkim: %w", err)
	}
	if err = os.MkdirAll(dir, 0o700); err != nil {
		return Key{}, err
	}
	file := File(dir, domain, selector)
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return Key{}, fmt.Errorf("the file %s exists; choose another selector, which is how keys are replaced", file)
	}
	if err != nil {
		return Key{}, err
	}
	_, err = f.Write(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return Key{}, errors.Join(err, os.Remove(file))
	}
	return Key{Domain: domain, Selector: selector, Private: private}, nil
}

func newKey(algorithm string) (crypto.Signer, error) {
	if algorithm == Ed25519 {
		_, key, err := ed25519.GenerateKey(rand.Reader)
		return key, err
	}
	return rsa.GenerateKey(rand.Reader, StrongRSA)
}

// ZoneLine is the record in zone-file form, its text in strings of at most 255 octets (RFC 6376,
// Section 3.6.2.2).
func (k Key) ZoneLine(ttl uint32) string {
	const most = 255
	var line strings.Builder
	fmt.Fprintf(&line, "%s. %d IN TXT", k.Name(), ttl)
	for rest := k.Record(); rest != ""; {
		n := min(most, len(rest))
		fmt.Fprintf(&line, " %q", rest[:n])
		rest = rest[n:]
	}
	return line.String()
}
