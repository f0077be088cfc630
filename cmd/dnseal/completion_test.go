//go:build !submit

package main

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"dnseal/sender/identity"
)

// offered is what the shell offers behind words. The last of them is what is written so far.
func offered(t *testing.T, words ...string) []string {
	t.Helper()
	cmd := newRoot()
	var out, errs bytes.Buffer
	cmd.SetOut(&out)
	cmd.SetErr(&errs)
	cmd.SetArgs(append([]string{cobra.ShellCompNoDescRequestCmd}, words...))
	if err := cmd.Execute(); err != nil {
		t.Fatal(err, errs.String())
	}
	lines := strings.Fields(out.String())
	return lines[:len(lines)-1] // the directive
}

// TestCompleteNames: the shell completes the names of identities wherever one is asked for.
func TestCompleteNames(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	names := []string{"alice@example.org", "bob@example.org", "sensor7._device.example.net"}
	for _, name := range names {
		if _, err := identity.Create(dir, name, identity.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	for _, words := range []string{
		"identity show", "identity record", "identity publish", "identity revoke", "identity rollover", "identity status",
		"identity check", "identity csr", "identity import", "identity ca sign",
		"sign --identity", "decrypt --identity", "encrypt --sign-as", "submit --identity", "submit --client", "fleet handover make --giver",
	} {
		command := strings.Fields(words)
		var flag []string
		if last := len(command) - 1; strings.HasPrefix(command[last], "--") {
			command, flag = command[:last], command[last:]
		}
		args := slices.Concat(command, []string{"--identities", dir}, flag, []string{""})
		if got := offered(t, args...); !slices.Equal(got, names) {
			t.Errorf("%s: %q", words, got)
		}
	}
	if got := offered(t, "identity", "record", "--identities", dir, names[0], ""); !slices.Equal(got, names[1:]) {
		t.Errorf("the second name: %q", got)
	}
	if got := offered(t, "check", "--as", ""); !slices.Equal(got, []string{"user:", "tls:", "net:"}) {
		t.Errorf("--as: %q", got)
	}
}
