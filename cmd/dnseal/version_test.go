//go:build !submit

package main

import (
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// TestVersion: the whole program and the submit build say what they were built from.
func TestVersion(t *testing.T) {
	t.Parallel()
	const flags = "-X dnseal/cmd/internal/cli.release=1.2.0 -X dnseal/cmd/internal/cli.commit=cafe-dirty"
	for _, tags := range []string{"", "submit"} {
		file := filepath.Join(t.TempDir(), "dnseal")
		if out, err := exec.CommandContext(t.Context(), "go", "build", "-tags", tags, "-ldflags", flags, "-o", file, ".").CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		out, err := exec.CommandContext(t.Context(), file, "--version").CombinedOutput()
		shown := tags
		if tags == "" {
			shown = "none"
		}
		want := "dnseal 1.2.0, commit cafe-dirty\nbuilt by " + runtime.Version() + " for " + runtime.GOOS + "/" + runtime.GOARCH + ", build tags: " + shown + "\nwith"
		if err != nil || !strings.HasPrefix(string(out), want) {
			t.Errorf("tags %q: %v, want %q\n%s", tags, err, want, out)
		}
	}
}
