package message

import "io"

// Spool holds bytes: up to 256 KiB in memory, more in a temporary file that is
// unlinked as soon as it is open (its space goes with the process).
// It is written once and then read at any place by any number of readers.
type Spool struct{}

// NewSpool returns an empty spool. max is the most bytes it will take (0: no limit); Write then fails with ErrTooBig.
func NewSpool(max int64) *Spool { panic("unwritten") }

// Write appends p.
func (s *Spool) Write(p []byte) (int, error) { panic("unwritten") }

// ReadAt implements io.ReaderAt over what has been written.
func (s *Spool) ReadAt(p []byte, off int64) (int, error) { panic("unwritten") }

// Size is the number of bytes written.
func (s *Spool) Size() int64 { panic("unwritten") }

// Open returns a new reader over the whole content.
func (s *Spool) Open() *io.SectionReader { panic("unwritten") }

// Close releases memory and file. Safe on nil and more than once.
func (s *Spool) Close() error { panic("unwritten") }
