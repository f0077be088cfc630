package fleet

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"dnseal/sender/identity"
)

// syncEach waits until the files of each folder are on disk, and the folders themselves.
func syncEach(dir string, names []string) error {
	for _, name := range names {
		folder := filepath.Join(dir, identity.FolderName(name))
		for _, file := range []string{"key.pem", "cert.pem", identity.RevokedFile} {
			if err := syncFile(filepath.Join(folder, file)); err != nil {
				return err
			}
		}
		if err := identity.SyncDir(folder); err != nil {
			return err
		}
	}
	return identity.SyncDir(dir)
}

// syncFile syncs one file, where it is there.
func syncFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = errors.Join(f.Sync(), f.Close())
	}
	if err != nil {
		return fmt.Errorf("fleet: sync: %w", err)
	}
	return nil
}
