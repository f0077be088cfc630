package demo

import (
	"net"
	"path/filepath"
	"testing"
)

// TestMailboxClose: a connection that is accepted while the mailbox closes is waited for, too.
func TestMailboxClose(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for range 300 {
		l, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(dir, "mailbox"), Net: "unix"})
		if err != nil {
			t.Fatal(err)
		}
		b := ServeMailbox(l)
		conn, err := net.Dial("unix", filepath.Join(dir, "mailbox"))
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.Close()
		b.Close()
	}
}
