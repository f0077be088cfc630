//go:build unix && !aix && !solaris

package publish

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// lockFolder keeps other processes of ours from changing files of a folder.
func lockFolder(dir string) (unlock func(), err error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close() // it was only locked
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, errors.New("another command changes it now; run this again when it is done")
		}
		return nil, fmt.Errorf("the folder cannot be locked: %w", err)
	}
	return func() {
		// A program that starts at this moment has a copy of the descriptor until its exec.
		_ = syscall.Flock(int(f.Fd()), syscall.LOCK_UN)
		_ = f.Close() // it was only locked
	}, nil
}

// keepOwner gives a file the owner of another, where that is allowed: only root needs it.
func keepOwner(f *os.File, like os.FileInfo) {
	if like == nil {
		return
	}
	if s, ok := like.Sys().(*syscall.Stat_t); ok {
		_ = f.Chown(int(s.Uid), int(s.Gid)) // who is not root keeps his own
	}
}

// syncFolder makes a rename last.
func syncFolder(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
