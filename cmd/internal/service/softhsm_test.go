//go:build cgo && pkcs11 && unix

package service

import (
	"os"
	"path/filepath"
	"testing"

	"dnseal/lookup/lookuptest/peertest"
	"dnseal/sender/identity"
)

// TestTokens: a relay and a milter sign with a key on a PKCS #11 token, which is a folder here. It
// is of all tests with SoftHSM: a process has one, which sees the tokens that were there at its
// start.
func TestTokens(t *testing.T) {
	dir := t.TempDir()
	soft, there := peertest.NewSoftHSM(dir)
	if !there {
		peertest.Missing(t, "softhsm2")
	}
	t.Setenv("SOFTHSM2_CONF", soft.Config)
	soft.Token(t, "mail", "correct-horse")
	found, err := filepath.Glob(filepath.Join(dir, "tokens", "*"))
	if err != nil || len(found) != 1 {
		t.Fatalf("the folder of the token: %q %v", found, err)
	}
	token := &aToken{
		gone:    func() { must(t, os.Rename(found[0], filepath.Join(dir, "away"))) },
		back:    func() { must(t, os.Rename(filepath.Join(dir, "away"), found[0])) },
		cause:   `token \"mail\" (serial `,
		refusal: "there is no token of pkcs11:token=mail",
	}
	for name, test := range map[string]func(*testing.T){"relay": token.testRelay, "milter": token.testMilter} {
		token.options = identity.CreateOptions{PKCS11: "pkcs11:token=mail;object=" + name + "?module-path=" + soft.Module, Passphrase: "correct-horse"}
		t.Run(name, test)
	}
}
