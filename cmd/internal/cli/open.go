package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
	"time"
)

// patience is how long a named pipe is waited for.
const patience = 10 * time.Second

// Open opens a file that the user names, for reading. A named pipe, such as that of <(COMMAND), is
// read as long as somebody writes to it, and is an error where nobody does for ten seconds: no
// signal would end a command that waits for it.
func Open(name string) (io.ReadCloser, error) {
	info, err := os.Stat(name)
	if err != nil || info.Mode()&fs.ModeNamedPipe == 0 {
		return os.Open(name)
	}
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	return &pipe{File: f, wait: patience}, nil
}

// pipe is a named pipe.
type pipe struct {
	*os.File
	wait  time.Duration // for the next octet
	begun bool
}

// pause is between looks at a pipe that nobody has opened for writing yet: it reads as ended.
const pause = 10 * time.Millisecond

// Read implements [io.Reader].
func (p *pipe) Read(b []byte) (int, error) {
	until := time.Now().Add(p.wait)
	_ = p.SetReadDeadline(until) // where a pipe can have none it is waited for
	for {
		n, err := p.File.Read(b)
		p.begun = p.begun || n > 0
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded), !p.begun && errors.Is(err, io.EOF) && time.Now().After(until):
			return n, fmt.Errorf("%s is a named pipe, and nothing is written to it", p.Name())
		case p.begun, !errors.Is(err, io.EOF):
			return n, err
		}
		time.Sleep(pause)
	}
}

// ReadFile reads a file that the user names, as [Open] does, of at most limit octets.
func ReadFile(name string, limit int64) ([]byte, error) {
	f, err := Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // only read from
	text, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(text)) > limit {
		err = fmt.Errorf("%s is larger than %d bytes", name, limit)
	}
	return text, err
}
