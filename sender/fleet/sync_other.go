//go:build !linux

package fleet

import "os"

// syncFolders waits until what was written to folders below dir is on disk.
func syncFolders(dir string, names []string) error { return syncEach(dir, names) }

// keepOwner leaves a new file to this process.
func keepOwner(*os.File, os.FileInfo) {}
