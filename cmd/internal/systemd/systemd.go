// Package systemd is what a daemon says to systemd and gets from it: the state
// it is in (sd_notify(3)), the watchdog's beat, and sockets that were opened
// for it (sd_listen_fds(3)). Without systemd all of it is empty.
package systemd

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"
)

// States for [Notify].
const (
	Ready     = "READY=1"
	Reloading = "RELOADING=1" // until the next Ready
	Stopping  = "STOPPING=1"
	Watchdog  = "WATCHDOG=1"
)

// Notify tells systemd states, each NAME=VALUE. It does nothing where nobody listens.
func Notify(states ...string) error {
	path := os.Getenv("NOTIFY_SOCKET")
	if path == "" {
		return nil
	}
	if strings.HasPrefix(path, "@") { // an abstract socket
		path = "\x00" + path[1:]
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		return fmt.Errorf("systemd: %w", err)
	}
	_, err = conn.Write([]byte(strings.Join(states, "\n")))
	return errors.Join(err, conn.Close())
}

// Beat returns how often [Watchdog] must be told: half of what systemd waits. 0: never.
func Beat() time.Duration {
	micros, err := strconv.ParseInt(os.Getenv("WATCHDOG_USEC"), 10, 64)
	if err != nil || micros <= 0 {
		return 0
	}
	if pid := os.Getenv("WATCHDOG_PID"); pid != "" && pid != strconv.Itoa(os.Getpid()) {
		return 0
	}
	return time.Duration(micros) * time.Microsecond / 2
}

// firstSocket is the descriptor of the first socket passed (SD_LISTEN_FDS_START).
const firstSocket = 3

// Sockets returns the listening sockets that systemd opened for this process. It takes them: a
// second call, and child processes, see none.
func Sockets() ([]net.Listener, error) {
	pid, count := os.Getenv("LISTEN_PID"), os.Getenv("LISTEN_FDS")
	for _, name := range []string{"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"} {
		if err := os.Unsetenv(name); err != nil {
			return nil, err
		}
	}
	if pid != strconv.Itoa(os.Getpid()) {
		return nil, nil
	}
	n, err := strconv.Atoi(count)
	if err != nil || n < 0 || n > 1024 {
		return nil, fmt.Errorf("systemd: LISTEN_FDS=%q is no number of sockets", count)
	}
	var out []net.Listener
	for fd := firstSocket; fd < firstSocket+n; fd++ {
		l, err := listener(fd)
		if err != nil {
			return nil, fmt.Errorf("systemd: socket %d: %w", fd, err)
		}
		out = append(out, l)
	}
	return out, nil
}

func listener(fd int) (net.Listener, error) {
	f := os.NewFile(uintptr(fd), "systemd socket "+strconv.Itoa(fd))
	l, err := net.FileListener(f) // has a descriptor of its own
	return l, errors.Join(err, f.Close())
}
