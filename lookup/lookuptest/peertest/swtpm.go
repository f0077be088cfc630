//go:build unix

package peertest

import (
	"os"
	"path/filepath"
	"testing"
)

// SWTPM starts a software TPM in a private folder and returns its socket: for the environment
// variable DNSEAL_TPM, and as swtpm:path=SOCKET for programs of the TPM2 software stack.
func SWTPM(tb testing.TB) (socket string) {
	tb.Helper()
	program := Program(tb, "swtpm")
	dir := ShortDir(tb)
	socket = filepath.Join(dir, "tpm")
	Run(
		tb, program, "socket", "--tpm2", "--tpmstate", "dir="+dir, "--flags", "not-need-init,startup-clear",
		"--server", "type=unixio,path="+socket, "--ctrl", "type=unixio,path="+socket+".ctrl",
	)
	WaitFor(tb, "the socket of swtpm", func() bool {
		_, err := os.Stat(socket)
		return err == nil
	})
	return socket
}
