//go:build unix && !aix && !solaris

package identity

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
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

// TestHolder: who is kept out learns by whom, also where the lock file holds something else.
func TestHolder(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	unlock, err := Lock(folder, "alice@example.org")
	if err != nil {
		t.Fatal(err)
	}
	_, err = Lock(folder, "alice@example.org")
	if want := fmt.Sprintf("another command changes it now (process %d, ", os.Getpid()); !errors.Is(err, ErrBusy) || !strings.Contains(err.Error(), want) || !strings.HasSuffix(err.Error(), " UTC)") {
		t.Error(err)
	}
	if err = os.WriteFile(filepath.Join(folder, lockFile), []byte("\x1b[31m\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err = Lock(folder, "alice@example.org"); !errors.Is(err, ErrBusy) || !strings.HasSuffix(err.Error(), ErrBusy.Error()) {
		t.Error(err)
	}
	unlock()
	if text, e := os.ReadFile(filepath.Join(folder, lockFile)); e != nil || len(text) > 0 {
		t.Errorf("%q, %v", text, e)
	}
}
