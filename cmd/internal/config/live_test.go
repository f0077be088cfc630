package config

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"dnseal/sender/identity"
	"dnseal/sender/identity/provision"
)

// TestIdentitiesFollowTheirFolders: a switch is seen without a reload, and a revoked identity keeps
// no daemon from starting.
func TestIdentitiesFollowTheirFolders(t *testing.T) {
	t.Parallel()
	const name = "alice@example.org"
	dir := t.TempDir()
	first, err := identity.Create(filepath.Join(dir, "identities"), name, identity.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "dnseal.toml")
	text := "identities = \"" + filepath.Join(dir, "identities") + "\"\n[[sign.rule]]\nwho = [\"user:alice\"]\nfrom = [\"" + name + "\"]\n"
	if err = os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Load(file)
	if err != nil {
		t.Fatal(err)
	}
	f, err := provision.Lock(filepath.Join(dir, "identities"), name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err = errors.Join(f.MakeNext(provision.NextOptions{}), f.Switch(time.Now())); err != nil {
		t.Fatal(err)
	}
	second, err := c.SenderOptions(nil).Fresh(name)
	if err != nil || second.KeyID() == first.KeyID() {
		t.Fatalf("the switch is not seen: %v", err)
	}
	if err = f.Revoke(time.Now(), second.KeyID()); err != nil {
		t.Fatal(err)
	}
	if c, err = Load(file); err != nil {
		t.Fatalf("a revoked identity keeps daemons from starting: %v", err)
	}
	if _, err := c.Identity(name); !errors.Is(err, identity.ErrRevoked) {
		t.Fatalf("a revoked identity: %v", err)
	}
}
