package fleet

import (
	"fmt"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// syncFolders waits until what was written to folders below dir is on disk: by one call for any
// number of folders, where it says what could not be written.
func syncFolders(dir string, names []string) error {
	if !syncfsTells() {
		return syncEach(dir, names)
	}
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

// syncfsTells reports whether this system is one on which syncfs(2) returns errors of writing:
// Linux 5.8 or later.
var syncfsTells = sync.OnceValue(func() bool {
	var name unix.Utsname
	return unix.Uname(&name) == nil && tellsErrors(unix.ByteSliceToString(name.Release[:]))
})

func tellsErrors(release string) bool {
	var major, minor int
	if n, _ := fmt.Sscanf(release, "%d.%d", &major, &minor); n != 2 {
		return false
	}
	return major > 5 || major == 5 && minor >= 8
}

// keepOwner gives a new file the owner and group of an old one, as far as this process may.
func keepOwner(f *os.File, old os.FileInfo) {
	if was, ok := old.Sys().(*syscall.Stat_t); ok && f.Chown(int(was.Uid), int(was.Gid)) != nil {
		_ = f.Chown(-1, int(was.Gid)) // else it is this process's
	}
}
