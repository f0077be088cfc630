//go:build unix

package peertest

import (
	_ "embed" // the configuration of unbound
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Program returns the absolute path of an outside program: in PATH, where Debian keeps servers, or
// where make peers unpacks them. Without it see [Missing].
func Program(tb testing.TB, name string) string {
	tb.Helper()
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	for _, dir := range []string{"usr/sbin", "usr/bin", "usr/lib/dovecot", "usr/lib/cyrus/bin", "usr/lib/postgresql/15/bin"} {
		unpacked, _ := filepath.Glob(filepath.Join(Module(tb), ".cache/peers/*", dir, name))
		for _, path := range append(unpacked, filepath.Join("/", dir, name)) {
			if _, err := os.Stat(path); err == nil {
				return path
			}
		}
	}
	Missing(tb, name)
	return ""
}

// Missing skips the test, see [Skip], with a message that names what it needs.
func Missing(tb testing.TB, what string) {
	tb.Helper()
	Skip(tb, what+" is missing; make peers brings it")
}

// NeedRoot skips the test, see [Skip], unless it runs as root; why says what only root can do.
func NeedRoot(tb testing.TB, why string) {
	tb.Helper()
	if os.Getuid() != 0 {
		Skip(tb, why)
	}
}

// Skip skips the test and says why; with DNSEAL_PEERS=required in the environment it fails instead.
func Skip(tb testing.TB, why string) {
	tb.Helper()
	if os.Getenv("DNSEAL_PEERS") == "required" {
		tb.Fatal(why)
	}
	tb.Skip("skipped: " + why)
}

// Module returns the absolute path of the folder that holds go.mod.
func Module(tb testing.TB) string {
	tb.Helper()
	dir, err := os.Getwd()
	for err == nil && dir != "/" {
		if _, missing := os.Stat(filepath.Join(dir, "go.mod")); missing == nil {
			return dir
		}
		dir = filepath.Dir(dir)
	}
	tb.Fatalf("no go.mod above the working directory: %v", err)
	return ""
}

// Mail returns the messages of a folder of testdata/cases/mail by name, with CRLF line ends.
func Mail(tb testing.TB, folder string) map[string]string {
	tb.Helper()
	files, err := filepath.Glob(filepath.Join(Module(tb), "testdata/cases/mail", folder, "*.eml"))
	if err != nil || len(files) == 0 {
		tb.Fatalf("no cases in %s: %v", folder, err)
	}
	out := map[string]string{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			tb.Fatal(err)
		}
		out[strings.TrimSuffix(filepath.Base(file), ".eml")] = string(text)
	}
	return out
}

// WriteFile writes a file that a server under another user can read.
func WriteFile(tb testing.TB, path, text string) {
	tb.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil { //nolint:gosec // see above
		tb.Fatal(err)
	}
}

// ShortDir returns a new folder that other users may enter, with a path short enough for sockets.
func ShortDir(tb testing.TB) string {
	tb.Helper()
	dir, err := os.MkdirTemp("", "peer") //nolint:usetesting // TempDir has the name of the test in it, and is closed to others
	if err == nil {
		tb.Cleanup(func() { _ = os.RemoveAll(dir) })
		err = os.Chmod(dir, 0o755) //nolint:gosec // see above
	}
	if err != nil {
		tb.Fatal(err)
	}
	return dir
}

// FreeAddr returns a port that is free for UDP and TCP, on a loopback address of the test's own
// (all of 127.0.0.0/8 is this machine's). Another test, of this or another package, could take a
// port of 127.0.0.1 before the program that it is for listens.
func FreeAddr(tb testing.TB) string {
	tb.Helper()
	l, err := net.Listen("tcp", fmt.Sprintf("127.%d.%d.%d:0", 1+rand.IntN(254), rand.IntN(256), 1+rand.IntN(254))) //nolint:gosec,noctx // nothing secret, and it does not block
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// FreeLocalhost is a port of 127.0.0.1 that is free for TCP, for programs that listen on addresses
// of interfaces only. It is none of those that the system hands out.
func FreeLocalhost(tb testing.TB) string {
	tb.Helper()
	for range 100 {
		addr := fmt.Sprintf("127.0.0.1:%d", 10_000+rand.IntN(20_000)) //nolint:gosec // nothing secret
		if l, err := net.Listen("tcp", addr); err == nil {            //nolint:noctx // it does not block
			_ = l.Close()
			return addr
		}
	}
	tb.Fatal("no free port")
	return ""
}

// At returns host:port as NSD and unbound write it, host@port.
func At(addr string) string { return strings.Replace(addr, ":", "@", 1) }

// patience bounds a wait for a server or a state, also on a loaded machine.
const patience = 6 * time.Minute

// WaitFor polls a condition that no event reports; what is for the message after six minutes.
func WaitFor(tb testing.TB, what string, done func() bool) {
	tb.Helper()
	for end := time.Now().Add(patience); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			tb.Fatalf("timed out after %s waiting for %s", patience, what)
		}
	}
}

// WaitListening waits until a server accepts connections at host:port.
func WaitListening(tb testing.TB, addr string) {
	tb.Helper()
	WaitFor(tb, "a listener at "+addr, func() bool {
		d := net.Dialer{Timeout: time.Second}
		conn, err := d.DialContext(tb.Context(), "tcp", addr)
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	})
}

//go:embed unbound.conf
var unboundConf string

// UnboundConf writes the files of an unbound that listens at addr, and returns the arguments to run
// it with. An empty anchor is none. server holds further lines of the server section, zones the
// sections after it.
func UnboundConf(tb testing.TB, dir, addr, anchor, modules, server, zones string) []string {
	tb.Helper()
	if anchor != "" {
		WriteFile(tb, filepath.Join(dir, "root.key"), anchor)
		server += fmt.Sprintf("  trust-anchor-file: \"%s/root.key\"\n", dir)
	}
	conf := filepath.Join(dir, "unbound.conf")
	WriteFile(tb, conf, fmt.Sprintf(unboundConf, At(addr), dir, modules, server, zones))
	return []string{"-d", "-c", conf}
}

// UnboundForwarder is [UnboundConf] of one that forwards to the server up. It validates with the
// modules "validator iterator".
func UnboundForwarder(tb testing.TB, dir, addr, up, anchor, modules, server string) []string {
	tb.Helper()
	return UnboundConf(tb, dir, addr, anchor, modules, server, "forward-zone:\n  name: \".\"\n  forward-addr: "+At(up)+"\n")
}

// Unbound runs unbound as a validating forwarder to the server up until the test ends, and returns
// its host:port.
func Unbound(tb testing.TB, up, anchor, more string) string {
	tb.Helper()
	program, dir, addr := Program(tb, "unbound"), tb.TempDir(), FreeAddr(tb)
	Run(tb, program, UnboundForwarder(tb, dir, addr, up, anchor, "validator iterator", more)...)
	LogWhenFailed(tb, filepath.Join(dir, "log"))
	WaitListening(tb, addr)
	return addr
}

// LogWhenFailed logs the end of a server's log when the test failed.
func LogWhenFailed(tb testing.TB, path string) {
	tb.Helper()
	tb.Cleanup(func() {
		if log, err := os.ReadFile(path); err == nil && tb.Failed() {
			tb.Logf("%s: %s", path, log[max(0, len(log)-20000):])
		}
	})
}
