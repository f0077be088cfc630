//go:build unix

package evidence_test

import (
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"dnseal/receiver/evidence"
)

// TestNamedPipe: a named pipe in a folder is refused, and not waited for.
func TestNamedPipe(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(dir, "a.evidence"), 0o600); err != nil {
		t.Fatal(err)
	}
	opened := make(chan error, 1)
	go func() {
		_, err := evidence.Open(dir, evidence.Options{})
		opened <- err
	}()
	select {
	case err := <-opened:
		if err == nil {
			t.Error("a named pipe is evidence")
		}
	case <-time.After(10 * time.Second):
		t.Error("it waits for a writer")
	}
}
