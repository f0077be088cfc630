//go:build linux && !submit

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestReadmeFleet runs the commands of README's section of a fleet as they stand there.
func TestReadmeFleet(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	program, err := os.Executable()
	must(t, err)
	must(t, os.WriteFile(filepath.Join(dir, "dnseal"), []byte("#!/bin/sh\nDNSEAL_TEST_MAIN=1 exec '"+program+"' \"$@\"\n"), 0o700))
	cmd := exec.CommandContext(t.Context(), "sh", "-e", "-c", readmeBlocks(t, "## A fleet of devices")[0])
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"))
	out, err := cmd.CombinedOutput()
	for _, want := range []string{"enrolled 2 identities", "active              2", "retired 1 identity", "fleet.zone has 1 record", "retired 0 identities"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("no %q", want)
		}
	}
	if err != nil || t.Failed() {
		t.Errorf("%v: %s", err, out)
	}
}
