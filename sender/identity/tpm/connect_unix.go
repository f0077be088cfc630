//go:build !windows && (!submit || tpm)

package tpm

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"

	"github.com/google/go-tpm/tpm2/transport"
)

// defaultDevice is that of the kernel's resource manager, which keeps the keys of processes apart.
const defaultDevice = "/dev/tpmrm0"

// connect opens a device or a UNIX socket.
func connect(path string) (*connection, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, withHint(fmt.Errorf("tpm: there is no TPM at %s", path), "name its device or socket in the environment variable "+Env)
	case err != nil:
		return nil, fmt.Errorf("tpm: %s", err.Error())
	case info.Mode()&fs.ModeSocket != 0:
		return dial(path)
	case info.Mode()&fs.ModeDevice == 0:
		return nil, withHint(fmt.Errorf("tpm: %s is neither a device nor a socket", path), "name the TPM's in the environment variable "+Env)
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrPermission) {
		return nil, withHint(fmt.Errorf("tpm: no permission for %s", path), "the user that dnseal runs as must be in the group tss")
	}
	if err != nil {
		return nil, withHint(fmt.Errorf("tpm: %s", err.Error()), "another program can hold it: use the resource manager, /dev/tpmrm0")
	}
	return &connection{stream: f, tpm: transport.FromReadWriteCloser(f)}, nil
}

// dial opens a socket.
func dial(path string) (*connection, error) {
	conn, err := net.Dial("unix", path) //nolint:noctx // a local socket answers at once, or never: see device.use
	if err != nil {
		return nil, withHint(fmt.Errorf("tpm: %s", err.Error()), "see whether it runs: swtpm socket --tpm2 --server type=unixio,path=%s --flags not-need-init", path)
	}
	return &connection{stream: conn, tpm: socket{conn}}, nil
}

// maxResponse is the longest response of a TPM.
const maxResponse = 4096

// socket is a TPM on a stream, which can hand out a response in pieces.
type socket struct{ net.Conn }

// Send implements transport.TPM.
func (s socket) Send(command []byte) ([]byte, error) {
	if _, err := s.Write(command); err != nil {
		return nil, err
	}
	// TPM 2.0 Library, Part 1, Section 18.4: tag, size of the whole response, code.
	var header [10]byte
	if _, err := io.ReadFull(s, header[:]); err != nil {
		return nil, err
	}
	size := binary.BigEndian.Uint32(header[2:])
	if size < uint32(len(header)) || size > maxResponse {
		return nil, fmt.Errorf("a response of %d octets", size)
	}
	response := append(make([]byte, 0, size), header[:]...)[:size]
	_, err := io.ReadFull(s, response[len(header):])
	return response, err
}
