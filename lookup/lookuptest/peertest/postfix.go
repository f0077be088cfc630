package peertest

import (
	_ "embed" // the files of Postfix
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
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
	WriteFile(tb, dir+"/etc/main.cf", fmt.Sprintf(postfixMain, dir, host, port, strings.Join(settings, "\n")))
	WriteFile(tb, dir+"/etc/master.cf", fmt.Sprintf(postfixMaster, addr))
	LogWhenFailed(tb, dir+"/log/mail.log")
	run := func(program string, args ...string) {
		if out, err := exec.Command(program, args...).CombinedOutput(); err != nil { //nolint:gosec,noctx // of a test; Postfix is stopped after its context
			tb.Errorf("%s %q: %v\n%s", program, args, err, out)
		}
	}
	run("chown", "postfix", dir+"/data")
	run(program, "-c", dir+"/etc", "start")
	tb.Cleanup(func() { run(program, "-c", dir+"/etc", "stop") })
	WaitListening(tb, addr)
	return addr
}
