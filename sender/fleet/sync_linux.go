package fleet

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// syncFolders waits until all that was written to the file system of dir is on disk: one call for
// any number of folders.
func syncFolders(dir string, _ []string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("fleet: %w", err)
	}
	defer func() { _ = d.Close() }() // only synced
	if err = unix.Syncfs(int(d.Fd())); err != nil {
		return fmt.Errorf("fleet: sync %s: %w", dir, err)
	}
	return nil
}
