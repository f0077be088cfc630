//go:build !submit

package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"dnseal/cmd/internal/cli"
	"dnseal/lookup/lookuptest/peertest"
	"dnseal/sender/identity"
)

// TestOwners starts the program as a user of its own where files, folders and groups belong to
// root, as they do on the day of installation. Each mistake is one line with the place in the file,
// the cause, and what to do.
func TestOwners(t *testing.T) {
	t.Parallel()
	peertest.NeedRoot(t, "only root can start a program as another user")
	const nobody = 65534
	program := installed(t)
	for _, tt := range []struct {
		name, config, root string // root: what belongs to root alone
		want               string
	}{
		{"identities", "", "keys", `dnseal.toml:1: open DIR/keys: permission denied; it must belong to the user that dnseal runs as: chown -R USER DIR/keys`},
		{"folder of an identity", "", "keys/alice@example.org", `dnseal.toml:1: key of alice@example.org: open DIR/keys/alice@example.org/key.pem: permission denied; it must belong to the user that dnseal runs as: chown -R USER DIR/keys/alice@example.org`},
		{"key", "", "keys/alice@example.org/key.pem", `dnseal.toml:1: key of alice@example.org: open DIR/keys/alice@example.org/key.pem: permission denied; it must belong`},
		{"key of the server", "[[relay]]\nrole = \"submission\"\nlisten = \"unix:DIR/run/s\"\nnext-hop = [\"127.0.0.1:25\"]\ntls = \"starttls\"\ncertificate = \"DIR/server.pem\"\nkey = \"DIR/server.key\"\n", "server.key", `dnseal.toml:13: open DIR/server.key: permission denied; the user that dnseal runs as must read it: chgrp GROUP DIR/server.key && chmod 640 DIR/server.key`},
		{"folder of the socket", "[[milter]]\nrole = \"sign\"\nlisten = \"unix:DIR/run/s\"\n", "run", `dnseal.toml:9: listen unix:DIR/run/s: not allowed; `},
		{"group of the socket", "[[milter]]\nrole = \"sign\"\nlisten = \"unix:DIR/run/s\"\nsocket-group = \"root\"\n", "", `dnseal.toml:9: listen unix:DIR/run/s: the process may not give the socket to that group; make its user a member`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			must(t, os.Chmod(filepath.Dir(dir), 0o755))
			id, err := identity.Create(filepath.Join(dir, "keys"), "alice@example.org", identity.CreateOptions{})
			must(t, err)
			must(t, os.Mkdir(filepath.Join(dir, "run"), 0o700))
			copyFile(t, id.CertFile, filepath.Join(dir, "server.pem"), 0o644)
			copyFile(t, id.KeyFile, filepath.Join(dir, "server.key"), 0o600)
			config := "identities = \"DIR/keys\"\n[dns]\nresolvers = [\"127.0.0.1:1\"]\n[[sign.rule]]\nwho = [\"net:127.0.0.1\"]\nfrom = [\"alice@example.org\"]\n" + tt.config
			must(t, os.WriteFile(filepath.Join(dir, "dnseal.toml"), []byte(strings.ReplaceAll(config, "DIR", dir)), 0o644))
			must(t, filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
				if err != nil || path == filepath.Join(dir, tt.root) {
					return err
				}
				return os.Chown(path, nobody, nobody)
			}))
			daemon := "milter"
			if strings.Contains(tt.config, "[[relay]]") {
				daemon = "relay"
			}
			ctx, cancel := context.WithTimeout(t.Context(), hang)
			defer cancel()
			cmd := exec.CommandContext(ctx, program, daemon, "--config", "dnseal.toml")
			cmd.Dir = dir
			cmd.Env = append(os.Environ(), "DNSEAL_TEST_MAIN=1")
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
			out, _ := cmd.CombinedOutput()
			want := "dnseal: error: " + strings.ReplaceAll(tt.want, "DIR", dir)
			if !strings.HasPrefix(string(out), want) || strings.Count(string(out), "\n") != 1 || cmd.ProcessState.ExitCode() != int(cli.ExitUsage) {
				t.Errorf("status %d:\n%s\nwant\n%s", cmd.ProcessState.ExitCode(), out, want)
			}
		})
	}
}

// installed copies the program to where everybody can start it.
func installed(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	must(t, os.Chmod(filepath.Dir(dir), 0o755))
	path := filepath.Join(dir, "dnseal")
	copyFile(t, os.Args[0], path, 0o755)
	return path
}

func copyFile(t *testing.T, from, to string, mode os.FileMode) {
	t.Helper()
	data, err := os.ReadFile(from)
	must(t, err)
	must(t, os.WriteFile(to, data, mode))
}
