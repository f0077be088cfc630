//go:build unix && !submit

package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"dnseal/lookup/lookuptest/peertest/authority"
)

// TestLifeByCommands takes an identity through its life by the commands that an administrator
// types, at Knot with NSD as a secondary, and verifies through unbound.
func TestLifeByCommands(t *testing.T) {
	t.Parallel()
	s := authority.Start(t, authority.Knot, "knot.lab", authority.Options{Secondaries: []authority.Kind{authority.NSD}})
	second := s.Secondary(t, authority.NSD)
	resolver, dir := authority.Resolver(t, s), t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "anchor"), []byte(s.Anchor), 0o600))
	must(t, os.WriteFile(filepath.Join(dir, "mail.eml"), []byte("From: alice@knot.lab\r\nSubject: Chairs\r\n\r\nThree, please.\r\n"), 0o600))
	zone := "--server " + s.Addr + " --name-server " + s.Addr + " --name-server " + second.Addr + " --tsig-key " + s.Key.File(t)
	// run runs dnseal in dir and returns what it prints.
	run := func(status int, command string) string {
		cmd := exec.CommandContext(t.Context(), os.Args[0], strings.Fields(command)...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "DNSEAL_TEST_MAIN=1", "DNSEAL_IDENTITIES=keys", "DNSEAL_RESOLVER="+resolver, "DNSEAL_TRUST_ANCHOR=anchor")
		out, err := cmd.CombinedOutput()
		exit, ended := errors.AsType[*exec.ExitError](err)
		if err != nil && !ended || ended && exit.ExitCode() != status || err == nil && status != 0 {
			t.Fatalf("dnseal %s: %v, want status %d\n%s", command, err, status, out)
		}
		return string(out)
	}
	sign := func(name string) {
		must(t, os.WriteFile(filepath.Join(dir, name), []byte(run(0, "sign mail.eml")), 0o600))
	}

	run(0, "identity new alice@knot.lab")
	run(0, "identity publish alice@knot.lab --ttl 1 --wait "+zone)
	sign("first.eml")
	run(0, "verify first.eml")
	run(0, "identity rollover alice@knot.lab --keep-old --wait "+zone)
	sign("second.eml")
	run(0, "verify first.eml second.eml") // the old record is kept
	run(0, "identity status "+zone)
	run(0, "identity revoke alice@knot.lab --wait "+zone)
	if out := run(1, "verify first.eml second.eml"); strings.Contains(out, "pass") {
		t.Errorf("after the revocation:\n%s", out)
	}
	if out := run(2, "sign mail.eml"); !strings.Contains(out, "revoked") {
		t.Errorf("signing after the revocation: %s", out)
	}
}
