package publish

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
)

// NewKey makes a key for HMAC-SHA256 with a random secret of 32 octets (RFC 8945, Section 10, wants
// at least the length of the digest). The error is about the name.
func NewKey(name string) (*Key, error) {
	secret := make([]byte, 32)
	_, _ = rand.Read(secret) // it never fails
	return ParseKey(fmt.Sprintf("key %q { algorithm hmac-sha256; secret %q; };", name, base64.StdEncoding.EncodeToString(secret)), "new key")
}

// Secret is the secret in base64, for a server that shares the key.
func (k *Key) Secret() string { return k.secret }

// File is the key in BIND's form with its secret, for a file of mode 0600. [ParseKey] and the tools
// of BIND read it.
func (k *Key) File() string {
	return fmt.Sprintf("key %q {\n\talgorithm %s;\n\tsecret %q;\n};\n", k.Name, k.Algorithm, k.secret)
}
