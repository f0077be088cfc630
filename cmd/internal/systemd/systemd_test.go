package systemd

import (
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// These tests set the environment, so they are not parallel.

func TestNotify(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "")
	if err := Notify(Ready); err != nil {
		t.Errorf("Notify without a socket: %v", err)
	}
	path := filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	t.Setenv("NOTIFY_SOCKET", path)
	if err = Notify(Reloading, "STATUS=reading"); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 200)
	n, err := conn.Read(buf)
	if got := string(buf[:n]); err != nil || got != "RELOADING=1\nSTATUS=reading" {
		t.Errorf("systemd was told %q, %v", got, err)
	}
}

func TestBeat(t *testing.T) {
	for _, tt := range []struct {
		usec, pid string
		want      time.Duration
	}{{"", "", 0}, {"10000000", "", 5 * time.Second}, {"10000000", "1", 0}, {"10000000", strconv.Itoa(os.Getpid()), 5 * time.Second}, {"x", "", 0}} {
		t.Setenv("WATCHDOG_USEC", tt.usec)
		t.Setenv("WATCHDOG_PID", tt.pid)
		if got := Beat(); got != tt.want {
			t.Errorf("Beat() with %q for %q = %v, want %v", tt.usec, tt.pid, got, tt.want)
		}
	}
}

func TestSocketsForOthers(t *testing.T) {
	t.Setenv("LISTEN_PID", "1")
	t.Setenv("LISTEN_FDS", "1")
	if got, err := Sockets(); err != nil || len(got) != 0 {
		t.Errorf("Sockets() meant for another process = %v, %v", got, err)
	}
	if os.Getenv("LISTEN_FDS") != "" {
		t.Error("LISTEN_FDS is still there")
	}
}
