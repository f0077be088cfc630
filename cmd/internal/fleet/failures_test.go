//go:build unix

package fleet

import (
	"path/filepath"
	"syscall"
	"testing"
)

// TestFailuresPipe: a pipe is not opened for reading, which waits for one who writes.
func TestFailuresPipe(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := checkFailures(path); err != nil {
		t.Error(err)
	}
}
