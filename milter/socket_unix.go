//go:build unix

package milter

import "syscall"

// closeToAll makes bind create the socket without any permission. Where the
// system refuses that, the umask decides until setAccess.
func closeToAll(_, _ string, c syscall.RawConn) error {
	return c.Control(func(fd uintptr) { _ = syscall.Fchmod(int(fd), 0) })
}
