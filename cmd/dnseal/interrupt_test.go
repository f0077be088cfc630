//go:build !submit

package main

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"dnseal/cmd/internal/worldtest"
)

// TestInterrupt: SIGINT ends a command that waits for standard input.
func TestInterrupt(t *testing.T) {
	t.Parallel()
	for _, command := range []string{"sign", "verify", "explain"} {
		t.Run(command, func(t *testing.T) {
			t.Parallel()
			in, typed, err := os.Pipe()
			must(t, err)
			defer typed.Close()
			stderr := &worldtest.Buffer{}
			cmd := exec.CommandContext(t.Context(), os.Args[0], command)
			cmd.Env = append(os.Environ(), "DNSEAL_TEST_MAIN=1", "DNSEAL_IDENTITIES=.")
			cmd.Stdin, cmd.Stderr = in, stderr
			must(t, cmd.Start())
			must(t, in.Close())
			// More than a pipe holds: once it is written, the program is reading.
			_, err = typed.WriteString(strings.Repeat("X-Field: a message that does not end\n", 4000))
			must(t, err)
			must(t, cmd.Process.Signal(os.Interrupt))
			_ = cmd.Wait() // the status is looked at
			if got := cmd.ProcessState.ExitCode(); got != 3 || stderr.String() != "dnseal: error: interrupted\n" {
				t.Errorf("exit status %d:\n%s", got, stderr)
			}
		})
	}
}
