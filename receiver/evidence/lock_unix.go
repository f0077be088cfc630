//go:build unix && !aix && !solaris

package evidence

import (
	"os"
	"syscall"
)

// lock marks a file as being written, until it is closed; it fails where another has it.
func lock(f *os.File) error { return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) }
