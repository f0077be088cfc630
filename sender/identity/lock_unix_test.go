//go:build unix && !aix && !solaris

package identity

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestEndLock: the lock ends while a copy of its descriptor is still open, as in a child process
// before its exec.
func TestEndLock(t *testing.T) {
	t.Parallel()
	f, err := os.Create(filepath.Join(t.TempDir(), lockFile))
	if err != nil {
		t.Fatal(err)
	}
	if err = lockNow(f); err != nil {
		t.Fatal(err)
	}
	child, err := syscall.Dup(int(f.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(child)
	endLock(f)
	_ = f.Close()
	unlock, err := Lock(filepath.Dir(f.Name()), "alice@example.org")
	if err != nil {
		t.Fatal(err)
	}
	unlock()
}
