//go:build linux && !submit

package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

var (
	packages = flag.String("packages", "", "folder with dnseal.deb and old.deb for TestPackage; make packages-test makes it")
	debians  = flag.String("debians", "", "folders with a Debian each, separated by commas, for TestPackage; .ci/package-root makes them")
)

// TestPackage installs, upgrades, removes, purges and reinstalls the package in copies of Debian,
// and follows README from the installation to a signed message there: with the daemon started by
// hand, and with systemd as PID 1, by whose commands the daemons are then used.
func TestPackage(t *testing.T) {
	t.Parallel()
	if *packages == "" || *debians == "" {
		t.Skip("skipped: the packages have their turn with make packages-test, which makes Debians to install them in")
	}
	for root := range strings.SplitSeq(*debians, ",") {
		t.Run(filepath.Base(root), func(t *testing.T) {
			t.Run("life", func(t *testing.T) {
				debian(t, "by-hand", root, readPackageScript(t, "life.sh"), "life: done")
			})
			t.Run("README", func(t *testing.T) {
				debian(t, "by-hand", root, readmeInstall(t, "by-hand.sh")+"\narrived\n", "readme: done")
			})
			t.Run("systemd", func(t *testing.T) {
				debian(t, "systemd", root, readmeInstall(t, "")+"\narrived\n"+readPackageScript(t, "systemd.sh"), "systemd: done")
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
// Debian, each as it stands there, and between them what a test needs in place of the real DNS, and
// what stands in for systemd.
func readmeInstall(t *testing.T, standIn string) string {
	t.Helper()
	commands := strings.Split(strings.TrimSpace(readmeBlocks(t, "### From a new Debian to a signed message")[0]), "\n")
	if len(commands) > 6 {
		t.Errorf("%d commands, at most 6", len(commands))
	}
	script := readPackageScript(t, "readme.sh")
	if standIn != "" {
		script += readPackageScript(t, standIn)
	}
	for _, line := range commands {
		script += "\n{\n" + strings.TrimSpace(line) + "\n} >/tmp/out\nafter\n"
	}
	return script
}

// debian runs a script in a copy of the Debian in root, with processes, mounts and a network of its
// own, by hand or with systemd as PID 1, and wants it to end with a line.
func debian(t *testing.T, mode, root, script, last string) {
	t.Helper()
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "script"), []byte("set -eux\n"+script), 0o600))
	enter, err := filepath.Abs(filepath.Join("testdata", "package", "enter.sh"))
	must(t, err)
	// A guard against hanging; unshare takes what it started with it.
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-eu", enter, mode, root, *packages, dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
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

// TestInstall: make install and the tarball's install.sh write the files of the list, units that
// name the program where it is, and a configuration that an upgrade keeps; uninstall leaves that.
func TestInstall(t *testing.T) {
	t.Parallel()
	program, err := os.Executable()
	must(t, err)
	dir := t.TempDir()
	stage, root := filepath.Join(dir, "stage"), filepath.Join(dir, "root")
	run := func(name string, args ...string) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), name, args...)
		cmd.Env = append(os.Environ(), "DNSEAL_PROGRAM="+program, "DNSEAL_TEST_MAIN=1", "DESTDIR="+root, "PREFIX=/opt/dnseal")
		if out, failed := cmd.CombinedOutput(); failed != nil {
			t.Fatalf("%v: %v\n%s", cmd, failed, out)
		}
	}
	install := filepath.Join(stage, "install.sh")
	config := filepath.Join(root, "etc/dnseal/dnseal.toml")
	run("../../.ci/stage", stage)
	run("sh", install)
	if got, want := filesBelow(t, root), readPackageScript(t, "contents"); got != want {
		t.Errorf("installed is\n%s\nwant\n%s", got, want)
	}
	unit, err := os.ReadFile(filepath.Join(root, "opt/dnseal/lib/systemd/system/dnseal-milter.service"))
	must(t, err)
	if !bytes.Contains(unit, []byte("\nExecStart=/opt/dnseal/bin/dnseal milter ")) {
		t.Errorf("the unit does not name the program:\n%s", unit)
	}
	must(t, os.WriteFile(config, []byte("# ours\n"), 0o600))
	run("sh", install)
	run("sh", install, "uninstall")
	if got := filesBelow(t, root); got != "640 etc/dnseal/dnseal.toml\n" {
		t.Errorf("uninstall left\n%s", got)
	}
	if text, err := os.ReadFile(config); err != nil || string(text) != "# ours\n" {
		t.Errorf("dnseal.toml is %q, %v", text, err)
	}
}

// filesBelow lists mode and name of all files below root, and of the man pages of commands one.
func filesBelow(t *testing.T, root string) string {
	t.Helper()
	var list strings.Builder
	must(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(root, path)
		info, missing := d.Info()
		if command, _ := filepath.Match("dnseal-?*.1", d.Name()); !command || d.Name() == "dnseal-sign.1" {
			fmt.Fprintf(&list, "%o %s\n", info.Mode(), name)
		}
		return errors.Join(err, missing)
	}))
	return list.String()
}
