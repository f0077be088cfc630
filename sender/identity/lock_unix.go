//go:build unix && !aix && !solaris

package identity

import (
	"errors"
	"os"
	"syscall"
)

// lockNow locks an open file, or returns ErrBusy.
func lockNow(f *os.File) error {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return ErrBusy
	}
	return err
}

// endLock ends the lock. Closing the file would not be enough: a program that this process starts
// at the same moment has a copy of the descriptor until its exec.
func endLock(f *os.File) { _ = syscall.Flock(int(f.Fd()), syscall.LOCK_UN) }
