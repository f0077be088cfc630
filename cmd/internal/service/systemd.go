package service

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"time"

	"github.com/coreos/go-systemd/v22/activation"
	"github.com/coreos/go-systemd/v22/daemon"
)

// watchdogInterval returns how often systemd expects a watchdog notification: at half of its limit.
// It is 0 without a watchdog for this process (sd_watchdog_enabled(3)).
func watchdogInterval() time.Duration {
	limit, _ := daemon.SdWatchdogEnabled(false) // what cannot be read sets no limit
	return limit / 2
}

// systemdSockets returns the listening sockets that systemd opened for this process
// (sd_listen_fds(3)). A second call, and child processes, get none.
func systemdSockets() ([]net.Listener, error) {
	count := os.Getenv("LISTEN_FDS")
	own := os.Getenv("LISTEN_PID") == strconv.Itoa(os.Getpid())
	if n, err := strconv.Atoi(count); own && (err != nil || n < 0 || n > 1024) {
		return nil, fmt.Errorf("systemd: LISTEN_FDS=%q is not a number of sockets", count)
	}
	sockets, err := activation.Listeners()
	for i, l := range sockets {
		if l == nil {
			// SD_LISTEN_FDS_START
			return nil, fmt.Errorf("systemd: socket %d is not a listening stream socket", i+3)
		}
	}
	return sockets, err
}
