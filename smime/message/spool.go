package message

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// spoolMemory is how much of a spool stays in memory; what is more goes to a file.
const spoolMemory = 256 << 10

// Spool holds bytes: up to 256 KiB in memory, more in a temporary file (mode
// 0600, in the directory TMPDIR names) that is unlinked as soon as it is open:
// its space goes with the process.
// It is written once and then read at any place by any number of readers.
type Spool struct {
	max  int64
	file *os.File // holds the first flushed bytes; nil while all is in tail
	// flushed is how many bytes the file holds; tail holds those behind them.
	flushed int64
	tail    []byte
	closed  bool
}

// NewSpool returns an empty spool. max is the most bytes it will take (0: no
// limit); Write then fails with ErrTooBig.
func NewSpool(max int64) *Spool { return &Spool{max: max} }

// Write appends p. Errors: ErrTooBig, os.ErrClosed, or what the file system said.
func (s *Spool) Write(p []byte) (int, error) {
	if err := s.makeRoom(len(p)); err != nil {
		return 0, err
	}
	if len(p) > spoolMemory {
		if _, err := s.file.Write(p); err != nil {
			return 0, fmt.Errorf("message: temporary file: %w", err)
		}
		s.flushed += int64(len(p))
		return len(p), nil
	}
	s.tail = append(s.tail, p...)
	return len(p), nil
}

// WriteString appends p, as Write does.
func (s *Spool) WriteString(p string) (int, error) {
	if err := s.makeRoom(len(p)); err != nil {
		return 0, err
	}
	if len(p) > spoolMemory {
		n, err := s.file.WriteString(p)
		s.flushed += int64(n)
		return n, err
	}
	s.tail = append(s.tail, p...)
	return len(p), nil
}

// makeRoom checks the limit and sees to it that n more bytes keep the tail within its bound.
func (s *Spool) makeRoom(n int) error {
	if s.closed {
		return os.ErrClosed
	}
	if s.max > 0 && s.Size()+int64(n) > s.max {
		return fmt.Errorf("%w: more than %d bytes", ErrTooBig, s.max)
	}
	if len(s.tail)+n <= spoolMemory {
		return nil
	}
	return s.flush()
}

// Grow makes room for n bytes in memory, where memory is where they will go.
func (s *Spool) Grow(n int64) {
	if s.tail == nil && n > 0 {
		s.tail = make([]byte, 0, min(n, spoolMemory))
	}
}

func (s *Spool) flush() error {
	if s.file == nil {
		f, err := os.CreateTemp("", "dnseal-")
		if err != nil {
			return fmt.Errorf("message: temporary file: %w", err)
		}
		if err := os.Remove(f.Name()); err != nil {
			return fmt.Errorf("message: temporary file: %w", errors.Join(err, f.Close()))
		}
		s.file = f
	}
	if _, err := s.file.Write(s.tail); err != nil {
		return fmt.Errorf("message: temporary file: %w", err)
	}
	s.flushed += int64(len(s.tail))
	s.tail = s.tail[:0]
	return nil
}

// ReadAt implements io.ReaderAt over what has been written.
func (s *Spool) ReadAt(p []byte, off int64) (int, error) {
	switch {
	case s.closed:
		return 0, os.ErrClosed
	case off < 0:
		return 0, errors.New("message: negative offset")
	case off >= s.Size():
		return 0, io.EOF
	}
	n := 0
	if off < s.flushed {
		want := min(int64(len(p)), s.flushed-off)
		got, err := s.file.ReadAt(p[:want], off)
		if int64(got) < want {
			return got, fmt.Errorf("message: temporary file: %w", err)
		}
		n = got
	}
	if at := off + int64(n) - s.flushed; n < len(p) && at < int64(len(s.tail)) {
		n += copy(p[n:], s.tail[at:])
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// Size is the number of bytes written.
func (s *Spool) Size() int64 { return s.flushed + int64(len(s.tail)) }

// Open returns a new reader over the whole content.
func (s *Spool) Open() *io.SectionReader { return io.NewSectionReader(s, 0, s.Size()) }

// Close releases memory and file. Safe on nil and more than once.
func (s *Spool) Close() error {
	if s == nil || s.closed {
		return nil
	}
	s.closed = true
	s.tail, s.flushed = nil, 0
	if s.file == nil {
		return nil
	}
	return s.file.Close()
}
