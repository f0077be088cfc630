//go:build unix

package peertest

import (
	"net"
	"os"
	"path/filepath"
	"testing"
)

// SWTPM starts a software TPM in a private folder and returns its socket: for the environment
// variable DNSEAL_TPM, and as swtpm:path=SOCKET for programs of the TPM2 software stack.
func SWTPM(tb testing.TB) (socket string) {
	tb.Helper()
	socket, _ = SWTPMIn(tb, ShortDir(tb))
	return socket
}

// SWTPMIn is [SWTPM] in a folder, which has a short path: started there again, it is the same TPM.
func SWTPMIn(tb testing.TB, dir string) (socket string, process *Process) {
	tb.Helper()
	socket = filepath.Join(dir, "tpm")
	for _, old := range []string{socket, socket + ".ctrl"} {
		_ = os.Remove(old) // of one that was killed
	}
	process = Run(
		tb, Program(tb, "swtpm"), "socket", "--tpm2", "--tpmstate", "dir="+dir, "--flags", "not-need-init,startup-clear",
		"--server", "type=unixio,path="+socket, "--ctrl", "type=unixio,path="+socket+".ctrl",
	)
	// The socket is there before it is listened to.
	WaitFor(tb, "swtpm", func() bool {
		conn, err := (&net.Dialer{}).DialContext(tb.Context(), "unix", socket)
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	})
	return socket, process
}
