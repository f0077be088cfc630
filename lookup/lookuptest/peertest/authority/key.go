//go:build unix

package authority

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/miekg/dns"
)

// Key is a TSIG key (RFC 8945).
type Key struct {
	Name      string // without a dot at the end
	Algorithm string // as BIND and Knot write it: hmac-sha256
	Secret    string // in base64
}

// NewKey makes a key for HMAC-SHA256.
func NewKey(name string) Key {
	secret := make([]byte, 32)
	_, _ = rand.Read(secret) // it never fails
	return Key{Name: name, Algorithm: "hmac-sha256", Secret: base64.StdEncoding.EncodeToString(secret)}
}

// String is the key as BIND's configuration has it, the form of --tsig-key too.
func (k Key) String() string {
	return fmt.Sprintf("key %q { algorithm %s; secret %q; };\n", k.Name, k.Algorithm, k.Secret)
}

// File writes the key to a file that only its owner can read, and returns the path.
func (k Key) File(tb testing.TB) string {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), k.Name+".key")
	if err := os.WriteFile(path, []byte(k.String()), 0o600); err != nil {
		tb.Fatal(err)
	}
	return path
}

// sign adds TSIG to a message and returns a client that knows the key.
func (k Key) sign(m *dns.Msg, c *dns.Client) {
	name := dns.Fqdn(k.Name)
	c.TsigSecret = map[string]string{name: k.Secret}
	m.SetTsig(name, dns.Fqdn(k.Algorithm), 300, now().Unix())
}
