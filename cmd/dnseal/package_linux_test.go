//go:build linux && !submit

package main

import (
	"bytes"
	"cmp"
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

var (
	packages = flag.String("packages", "", "folder with dnseal.deb and old.deb for TestPackage; make packages-test makes it")
	debians  = flag.String("debians", "", "folders with a Debian each, separated by commas, for TestPackage; .ci/package-root makes them")
)

// TestPackage installs, upgrades, removes, purges and reinstalls the package in copies of Debian,
// and follows README from the installation to a signed message there.
func TestPackage(t *testing.T) {
	t.Parallel()
	if *packages == "" || *debians == "" {
		t.Skip("skipped: the packages have their turn with make packages-test, which makes Debians to install them in")
	}
	for root := range strings.SplitSeq(*debians, ",") {
		t.Run(filepath.Base(root), func(t *testing.T) {
			t.Run("life", func(t *testing.T) {
				debian(t, root, readPackageScript(t, "life.sh"), "life: done")
			})
			t.Run("README", func(t *testing.T) {
				debian(t, root, readmeInstall(t), "readme: done")
			})
		})
	}
}

func readPackageScript(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "package", name))
	must(t, err)
	return string(text)
}

// readmeInstall is a script with the commands that README shows for a signed message on a new
// Debian, each as it stands there, and between them what a test needs in place of the real DNS.
func readmeInstall(t *testing.T) string {
	t.Helper()
	commands := strings.Split(strings.TrimSpace(readmeBlocks(t, "### From a new Debian to a signed message")[0]), "\n")
	if len(commands) > 6 {
		t.Errorf("%d commands, at most 6", len(commands))
	}
	script := readPackageScript(t, "readme.sh")
	for _, line := range commands {
		script += "\n{\n" + strings.TrimSpace(line) + "\n} >/tmp/out\nafter\n"
	}
	return script + "\narrived\n"
}

// debian runs a script in a copy of the Debian in root, with processes, mounts and a network of its
// own, and wants it to end with a line.
func debian(t *testing.T, root, script, last string) {
	t.Helper()
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "script"), []byte("set -eux\n"+script), 0o600))
	enter, err := filepath.Abs(filepath.Join("testdata", "package", "enter.sh"))
	must(t, err)
	cmd := exec.CommandContext(t.Context(), "unshare", "--mount", "--pid", "--net", "--uts", "--ipc", "--fork", "--kill-child", "sh", "-eu", enter, root, *packages, dir)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err = cmd.Run()
	if exit, ended := errors.AsType[*exec.ExitError](err); ended && exit.ExitCode() == 77 {
		t.Skip(cmp.Or(strings.TrimSpace(out.String()), "skipped"))
	}
	if err != nil || !strings.Contains(out.String(), "\n"+last+"\n") {
		t.Fatalf("%v\n%s", err, &out)
	}
	t.Log(out.String())
}
