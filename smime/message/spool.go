package message

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
)

const (
	// spoolMemory is how much of a spool stays in memory; what is more goes to a file.
	spoolMemory = 256 << 10
	// fileBuffer gathers what goes to a file.
	fileBuffer = 64 << 10
)

// blocks are the memory of closed spools, for the next ones, by size.
var blocks = [...]struct {
	size int
	pool sync.Pool // of *[]byte
}{{size: 16 << 10}, {size: fileBuffer}, {size: spoolMemory}}

// Spool holds bytes: up to 256 KiB in memory, more in a temporary file (mode
// 0600, in the directory TMPDIR names) that is unlinked as soon as it is open:
// its space goes with the process.
// It is written once and then read at any place by any number of readers, all of which are done when it is closed.
type Spool struct {
	max  int64
	file *os.File // holds the first flushed bytes; nil while all is in tail
	// flushed is how many bytes the file holds; tail holds those behind them.
	flushed int64
	tail    []byte
	block   *[]byte // the memory tail is in
	closed  bool
}

// NewSpool returns an empty spool. max is the most bytes it will take (0: no
// limit); Write then fails with ErrTooBig.
func NewSpool(max int64) *Spool { return &Spool{max: max} }

// Write appends p. Errors: ErrTooBig, os.ErrClosed, or what the file system said.
func (s *Spool) Write(p []byte) (int, error) {
	direct, err := s.makeRoom(len(p))
	if err != nil {
		return 0, err
	}
	if direct {
		return s.written(s.file.Write(p))
	}
	s.tail = append(s.tail, p...)
	return len(p), nil
}

// WriteString appends p, as Write does.
func (s *Spool) WriteString(p string) (int, error) {
	direct, err := s.makeRoom(len(p))
	if err != nil {
		return 0, err
	}
	if direct {
		return s.written(s.file.WriteString(p))
	}
	s.tail = append(s.tail, p...)
	return len(p), nil
}

// written counts what went past the tail.
func (s *Spool) written(n int, err error) (int, error) {
	s.flushed += int64(n)
	if err != nil {
		return n, fmt.Errorf("message: temporary file: %w", err)
	}
	return n, nil
}

// makeRoom checks the limit and makes room in the tail for n more bytes, or says that they should go to the file directly.
func (s *Spool) makeRoom(n int) (direct bool, err error) {
	if s.closed {
		return false, os.ErrClosed
	}
	if s.max > 0 && s.Size()+int64(n) > s.max {
		return false, fmt.Errorf("%w: more than %d bytes", ErrTooBig, s.max)
	}
	most := spoolMemory
	if s.file != nil {
		most = fileBuffer
	}
	if len(s.tail)+n > most {
		if err := s.flush(); err != nil {
			return false, err
		}
		if n > fileBuffer/2 {
			return true, nil
		}
	}
	s.reserve(len(s.tail) + n)
	return false, nil
}

// Grow makes room for n bytes in memory, where memory is where they will go.
func (s *Spool) Grow(n int64) {
	if n > 0 && !s.closed {
		s.reserve(int(min(n, spoolMemory)))
	}
}

// reserve sees to it that the tail can have n bytes, at most spoolMemory, in its block.
func (s *Spool) reserve(n int) {
	if n <= cap(s.tail) {
		return
	}
	i := 0
	for blocks[i].size < n {
		i++
	}
	block, ok := blocks[i].pool.Get().(*[]byte)
	if !ok {
		b := make([]byte, blocks[i].size)
		block = &b
	}
	tail := append((*block)[:0], s.tail...)
	s.release()
	s.block, s.tail = block, tail
}

// release gives the block back.
func (s *Spool) release() {
	if s.block == nil {
		return
	}
	for i := range blocks {
		if blocks[i].size == len(*s.block) {
			blocks[i].pool.Put(s.block)
		}
	}
	s.block, s.tail = nil, nil
}

// flush moves the tail to the file. Its memory is given back.
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
	if len(s.tail) > fileBuffer {
		s.release()
	}
	s.tail = s.tail[:0]
	return nil
}

// settle is for a spool that is all written: what has a file keeps no memory beside it.
func (s *Spool) settle() error {
	if s.file == nil || s.closed {
		return nil
	}
	err := s.flush()
	s.release()
	return err
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

// front returns the first n bytes, at most Size, for reading before the next Write or Close.
func (s *Spool) front(n int64) ([]byte, error) {
	if s.flushed == 0 && !s.closed {
		return s.tail[:n], nil
	}
	b := make([]byte, n)
	if _, err := s.ReadAt(b, 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return b, nil
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
	s.release()
	s.flushed = 0
	if s.file == nil {
		return nil
	}
	return s.file.Close()
}
