//go:build unix

package peertest

import (
	"context"
	_ "embed" // the files of Postfix
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

var (
	//go:embed postfix/main.cf
	postfixMain string
	//go:embed postfix/master.cf
	postfixMaster string
)

// Postfix runs a Postfix that has its files in dir (see [ShortDir]), until the test ends, and
// returns its host:port. It hands every message on to next, a host:port as well; settings are
// further lines of main.cf.
func Postfix(tb testing.TB, dir, next string, settings ...string) string {
	tb.Helper()
	program, addr := Program(tb, "postfix"), FreeAddr(tb)
	NeedRoot(tb, "only root can start Postfix")
	host, port, _ := net.SplitHostPort(next)
	for _, d := range []string{"etc", "spool", "data", "log"} {
		if err := os.Mkdir(filepath.Join(dir, d), 0o755); err != nil { //nolint:gosec // Postfix runs as several users
			tb.Fatal(err)
		}
	}
	WriteFile(tb, dir+"/etc/main.cf", mainWithout(fmt.Sprintf(postfixMain, dir, host, port), settings)+strings.Join(settings, "\n")+"\n")
	WriteFile(tb, dir+"/etc/master.cf", fmt.Sprintf(postfixMaster, addr))
	log := dir + "/log/mail.log"
	LogWhenFailed(tb, log)
	postfix := func(command string) error { return runPostfix(tb, program, "-c", dir+"/etc", command) }
	if err := errors.Join(runPostfix(tb, "chown", "postfix", dir+"/data"), postfix("start")); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := postfix("stop"); err != nil {
			tb.Errorf("%v\nkilled: %v", err, killPostfix(dir))
		}
	})
	// No client may connect before its logger runs: on a busy machine Postfix stood still then.
	WaitFor(tb, "Postfix's logger", func() bool {
		text, err := os.ReadFile(log)
		return err == nil && strings.Contains(string(text), "daemon started")
	})
	WaitListening(tb, addr)
	return addr
}

// mainWithout takes the lines out of a main.cf that settings replace; Postfix warns of what stands
// there twice.
func mainWithout(main string, settings []string) string {
	name := func(line string) string { n, _, _ := strings.Cut(line, "="); return strings.TrimSpace(n) }
	var kept strings.Builder
	for line := range strings.Lines(main) {
		if !slices.ContainsFunc(settings, func(s string) bool { return name(s) == name(line) }) {
			kept.WriteString(line)
		}
	}
	return kept.String()
}

// runPostfix runs a command, for a minute at most, also when the test's own context has ended.
func runPostfix(tb testing.TB, program string, args ...string) error {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if out, err := exec.CommandContext(ctx, program, args...).CombinedOutput(); err != nil { //nolint:gosec // of a test
		return fmt.Errorf("%s %q: %w\n%s", program, args, err, out)
	}
	return nil
}

// killPostfix ends a Postfix that does not stop: its first process and those of its group.
func killPostfix(dir string) error {
	text, err := os.ReadFile(dir + "/spool/pid/master.pid")
	if err != nil {
		return err
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return err
	}
	return syscall.Kill(-pid, syscall.SIGKILL)
}
