package message

import (
	"crypto/cipher"
	"errors"
	"fmt"
	"io"
	"os"
)

const (
	// spoolMemory is how much of a spool stays in memory; what is more goes to a file.
	spoolMemory = 256 << 10
	// fileBuffer gathers what goes to a file.
	fileBuffer = 64 << 10
)

// Spool holds bytes: up to 256 KiB in memory, more in a temporary file (mode 0600, in the directory
// TMPDIR names) that is unlinked as soon as it is open: its space goes with the process. It is
// written once and then read at any place by any number of readers, all of which are done when it
// is closed.
type Spool struct {
	max  int64
	file *os.File // holds the first flushed bytes; nil while all is in tail
	// flushed is how many bytes the file holds; tail holds those after them.
	flushed int64
	tail    []byte
	block   *[]byte // the memory tail is in
	closed  bool
	secret  bool         // the file is encrypted
	cipher  cipher.Block // of a secret spool that has a file
}

// NewSpool returns an empty spool. max is the most bytes it will take (0: no
// limit); Write then fails with ErrTooBig.
func NewSpool(max int64) *Spool { return &Spool{max: max} }

// Write appends p. Errors: ErrTooBig, before anything is written; os.ErrClosed; or what the file
// system said.
func (s *Spool) Write(p []byte) (int, error) {
	if err := s.admit(int64(len(p))); err != nil {
		return 0, err
	}
	total := len(p)
	for len(p) > 0 {
		room, err := s.room(len(p))
		if err != nil {
			return total - len(p), err
		}
		n := copy(room, p)
		s.tail = s.tail[:len(s.tail)+n]
		p = p[n:]
	}
	return total, nil
}

// WriteString appends p, as Write does.
func (s *Spool) WriteString(p string) (int, error) { return s.Write([]byte(p)) }

// CopyN appends the next n bytes of r, read straight into its own memory, and returns how many it
// took from r. Errors: as Write, what r returned, and io.ErrUnexpectedEOF where r has less.
func (s *Spool) CopyN(r io.Reader, n int64) (int64, error) {
	if err := s.admit(n); err != nil {
		return 0, err
	}
	left := n
	for left > 0 {
		room, err := s.room(int(min(left, spoolMemory)))
		if err != nil {
			return n - left, err
		}
		k, err := io.ReadAtLeast(r, room, 1)
		s.tail = s.tail[:len(s.tail)+k]
		if left -= int64(k); err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return n - left, err
		}
	}
	return n, nil
}

// admit says whether n more bytes may come.
func (s *Spool) admit(n int64) error {
	if s.closed {
		return os.ErrClosed
	}
	if s.max > 0 && n > s.max-s.Size() {
		return fmt.Errorf("%w: more than %d bytes", ErrTooBig, s.max)
	}
	return nil
}

// room returns memory for the next bytes: at least one, at most n. A tail that is full goes to the
// file first, so that what is written there begins and ends where pages do.
func (s *Spool) room(n int) ([]byte, error) {
	if free := cap(s.tail) - len(s.tail); free >= n {
		return s.tail[len(s.tail) : len(s.tail)+n], nil
	}
	if len(s.tail) >= s.most() {
		if err := s.flush(); err != nil {
			return nil, err
		}
	}
	n = min(n, s.most()-len(s.tail))
	s.reserve(len(s.tail) + n)
	return s.tail[len(s.tail) : len(s.tail)+n], nil
}

// most is how long the tail may become.
func (s *Spool) most() int {
	if s.file != nil {
		return fileBuffer
	}
	return spoolMemory
}

// Grow makes room for n bytes in memory, where memory is where they will go.
func (s *Spool) Grow(n int64) {
	if n > 0 && !s.closed {
		s.reserve(int(min(n, spoolMemory)))
	}
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
		if err := s.lock(); err != nil {
			return err
		}
	}
	if err := s.append(s.tail); err != nil {
		return fmt.Errorf("message: temporary file: %w", err)
	}
	s.flushed += int64(len(s.tail))
	if len(s.tail) > fileBuffer {
		s.release()
	}
	s.tail = s.tail[:0]
	return nil
}

// finish writes the tail to the file, if there is one, and releases its buffer. Call it after the
// last Write.
func (s *Spool) finish() error {
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
		s.crypt(p[:got], off)
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

// WriteRange writes the bytes [off, off+n) to w: those in memory in one piece, those in the file in
// pieces of 64 KiB. It returns how many were written. Errors: io.ErrUnexpectedEOF where the spool
// ends before, what w or the file said.
func (s *Spool) WriteRange(w io.Writer, off, n int64) (int64, error) {
	if off < 0 || n < 0 || n > s.Size()-off {
		return 0, fmt.Errorf("message: spool ended early: %w", io.ErrUnexpectedEOF)
	}
	end, at := off+n, off
	if at < min(end, s.flushed) {
		block := getBlock(fileBlock)
		defer putBlock(fileBlock, block)
		for at < min(end, s.flushed) {
			p := (*block)[:min(fileBuffer, end-at, s.flushed-at)]
			if _, err := s.ReadAt(p, at); err != nil {
				return at - off, err
			}
			k, err := w.Write(p)
			if at += int64(k); err != nil {
				return at - off, err
			}
		}
	}
	if at == end {
		return n, nil
	}
	k, err := w.Write(s.tail[at-s.flushed : end-s.flushed])
	return at + int64(k) - off, err
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
