//go:build unix

package config

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"dnseal/sender/identity"
)

// TestNamedPipes: a pipe in the place of a key or certificate is refused, and not waited for; a
// configuration itself can come from a process, as from <(COMMAND).
func TestNamedPipes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	id, err := identity.Create(dir, "alice@example.org", identity.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(id.KeyFile); err != nil {
		t.Fatal(err)
	}
	pipe := filepath.Join(t.TempDir(), "pipe")
	for _, name := range []string{pipe, id.KeyFile} {
		if err := syscall.Mkfifo(name, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for want, text := range map[string]string{
		"no regular file": "identities = \"" + dir + "\"\n",
		"config:7: " + pipe + " is no regular file": strings.ReplaceAll("[[relay]]\nrole = 'inbound'\nrecipients = ['example.org']\nlisten = '127.0.0.1:0'\nnext-hop = ['127.0.0.1:25']\ntls = 'starttls'\ncertificate = 'P'\nkey = 'P'\n", "'P'", "'"+pipe+"'"),
	} {
		config := filepath.Join(t.TempDir(), "config")
		if err := syscall.Mkfifo(config, 0o600); err != nil {
			t.Fatal(err)
		}
		written := make(chan error, 1)
		go func() { written <- os.WriteFile(config, []byte(text), 0) }()
		if _, err := Load(config); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
		if err := <-written; err != nil {
			t.Error(err)
		}
	}
}
