//go:build unix && !submit

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"dnseal/cmd/internal/worldtest"
)

// TestReaderEnded: where the reader of the output has ended, a command ends as SIGPIPE would end
// it, says nothing, and leaves no file that is not whole.
func TestReaderEnded(t *testing.T) {
	t.Parallel()
	vectors, err := filepath.Abs("../../testdata/vectors")
	must(t, err)
	for _, c := range []struct{ args, says, leaves string }{
		{"verify --json VECTORS/001-pass.eml", "", ""},
		{"verify VECTORS/001-pass.eml", "", ""},
		{"verify --save-evidence kept/ VECTORS/001-pass.eml VECTORS/002-pass-opaque.eml VECTORS/001-pass.eml", "dnseal: note: the reader of the output ended early: evidence was kept of the messages before that, and of no others\n", "kept kept/*.evidence"},
		{"verify --html pages/ VECTORS/001-pass.eml VECTORS/001-pass.eml", "", "pages pages/000001-001-pass.eml.html pages/index.html"},
		{"verify --html - VECTORS/001-pass.eml", "", ""},
		{"explain VECTORS/001-pass.eml VECTORS/001-pass.eml", "", ""},
	} {
		t.Run(c.args, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			read, write, err := os.Pipe()
			must(t, err)
			must(t, read.Close())
			stderr := &worldtest.Buffer{}
			cmd := exec.CommandContext(t.Context(), os.Args[0], strings.Fields(strings.ReplaceAll(c.args, "VECTORS", vectors))...)
			cmd.Dir, cmd.Stdout, cmd.Stderr = dir, write, stderr
			cmd.Env = append(os.Environ(), "DNSEAL_TEST_MAIN=1", "DNSEAL_RESOLVER=127.0.0.1:1")
			_ = cmd.Run() // the status is looked at
			must(t, write.Close())
			if got := cmd.ProcessState.ExitCode(); got != 141 || stderr.String() != c.says {
				t.Errorf("exit status %d: %s", got, stderr)
			}
			whole(t, dir, strings.Fields(c.leaves))
		})
	}
}

// whole checks that there is nothing in dir but the names that fit the patterns.
func whole(t *testing.T, dir string, patterns []string) {
	t.Helper()
	found := map[string]bool{}
	for _, p := range patterns {
		names, err := filepath.Glob(filepath.Join(dir, p))
		must(t, err)
		if len(names) == 0 {
			t.Errorf("no %s", p)
		}
		for _, name := range names {
			found[name] = true
		}
	}
	top, err := filepath.Glob(filepath.Join(dir, "*"))
	must(t, err)
	below, err := filepath.Glob(filepath.Join(dir, "*", "*"))
	must(t, err)
	for _, name := range append(top, below...) {
		if !found[name] {
			t.Errorf("%s is left", name)
		}
	}
}
