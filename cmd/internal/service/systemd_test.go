package service

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"dnseal/cmd/internal/worldtest"
)

// These tests set the environment, so they are not parallel.

func TestNotify(t *testing.T) {
	log := &worldtest.Buffer{}
	s := newService("relay", "", log)
	t.Setenv("NOTIFY_SOCKET", "")
	s.notify(daemon.SdNotifyReady)
	path := filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	must(t, err)
	defer conn.Close()
	t.Setenv("NOTIFY_SOCKET", path)
	s.notify(daemon.SdNotifyReloading)
	buf := make([]byte, 200)
	n, err := conn.Read(buf)
	if got := string(buf[:n]); err != nil || got != "RELOADING=1" {
		t.Errorf("systemd got %q, %v", got, err)
	}
	if log.String() != "" {
		t.Errorf("log:\n%s", log)
	}
}

func TestWatchdogInterval(t *testing.T) {
	for _, tt := range []struct {
		usec, pid string
		want      time.Duration
	}{{"", "", 0}, {"10000000", "", 5 * time.Second}, {"10000000", "1", 0}, {"10000000", strconv.Itoa(os.Getpid()), 5 * time.Second}, {"x", "", 0}} {
		t.Setenv("WATCHDOG_USEC", tt.usec)
		t.Setenv("WATCHDOG_PID", tt.pid)
		if got := watchdogInterval(); got != tt.want {
			t.Errorf("watchdogInterval() with %q for %q = %v, want %v", tt.usec, tt.pid, got, tt.want)
		}
	}
}

func TestSocketsOfOthers(t *testing.T) {
	t.Setenv("LISTEN_PID", "1")
	t.Setenv("LISTEN_FDS", "1")
	if got, err := systemdSockets(); err != nil || len(got) != 0 {
		t.Errorf("systemdSockets() meant for another process = %v, %v", got, err)
	}
	if os.Getenv("LISTEN_FDS") != "" {
		t.Error("LISTEN_FDS is still there")
	}
}

// TestSocketsRefused wants a daemon not to start with a descriptor that is no listening socket, or
// with a number of sockets that is none.
func TestSocketsRefused(t *testing.T) {
	w := newWorld(t)
	w.config(oneMilter)
	f, err := os.Create(w.Path("file"))
	must(t, err)
	defer f.Close()
	for count, want := range map[string]string{
		"1":    "systemd: socket 3 is not a listening stream socket",
		"x":    `systemd: LISTEN_FDS="x" is not a number of sockets`,
		"-1":   `systemd: LISTEN_FDS="-1" is not a number of sockets`,
		"1025": `systemd: LISTEN_FDS="1025" is not a number of sockets`,
	} {
		cmd := exec.CommandContext(t.Context(), "sh", "-c", `LISTEN_PID=$$ exec "$0" "$1"`, os.Args[0], w.Path("dnseal.toml"))
		cmd.Env = append(os.Environ(), "DNSEAL_TEST_SERVICE=milter", "LISTEN_FDS="+count)
		cmd.ExtraFiles = []*os.File{f}
		if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), want) {
			t.Errorf("LISTEN_FDS=%s: %v, %s, want %q", count, err, out, want)
		}
	}
}
