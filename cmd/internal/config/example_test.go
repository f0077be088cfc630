package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dnseal/cmd/internal/relay/sasl"
)

// TestExampleFile loads the example that is installed, in a folder that has all it names.
func TestExampleFile(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../dnseal/dist/dnseal.toml")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, name := range []string{"billing@example.org", "sensor7._device.example.net"} {
		makeIdentity(t, filepath.Join(dir, "identities"), name)
	}
	makeIdentity(t, dir, "mx.example.net")
	if err = os.Rename(filepath.Join(dir, "mx.example.net"), filepath.Join(dir, "tls")); err != nil {
		t.Fatal(err)
	}
	hash, err := sasl.HashPassword("a password")
	if err != nil {
		t.Fatal(err)
	}
	if err = os.WriteFile(filepath.Join(dir, "users"), []byte("billing:"+hash+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	example := strings.NewReplacer("/var/lib/dnseal", dir, "/etc/dnseal", dir, `"postfix"`, `"0"`).Replace(string(text))
	c, err := Load(write(t, dir, example))
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Milters) != 2 || len(c.Relays) != 1 || len(c.Sign.Rules) != 3 || len(c.Domains) != 1 {
		t.Errorf("the example has %d milters, %d relays, %d rules, %d domains", len(c.Milters), len(c.Relays), len(c.Sign.Rules), len(c.Domains))
	}
	if c.NeedListeners("milter", "f") != nil || c.NeedListeners("relay", "f") != nil {
		t.Error("the example has no listeners")
	}
}

// TestInstalledFile: what packages install as dnseal.toml is a configuration without mistakes.
func TestInstalledFile(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../dnseal/dist/dnseal.installed.toml")
	if err != nil {
		t.Fatal(err)
	}
	c, n := parse(string(text), "dnseal.toml")
	if err := n.err(); err != nil {
		t.Fatal(err)
	}
	if len(c.Milters) != 2 || len(c.Sign.Rules) != 1 {
		t.Errorf("%d milters, %d rules", len(c.Milters), len(c.Sign.Rules))
	}
}

// TestReadme: what the README says to write is a configuration without mistakes.
func TestReadme(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, block := range strings.Split(string(text), "```toml\n")[1:] {
		block, _, _ = strings.Cut(block, "```")
		all.WriteString(block + "\n")
	}
	c, n := parse(all.String(), "README.md")
	if err := n.err(); err != nil {
		t.Errorf("%v in:\n%s", err, &all)
	}
	if len(c.Milters) == 0 || len(c.Relays) == 0 || len(c.Domains) == 0 {
		t.Errorf("the README shows %d milters, %d relays, %d domains", len(c.Milters), len(c.Relays), len(c.Domains))
	}
}
