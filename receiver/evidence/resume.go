package evidence

import (
	"bytes"
	"fmt"
	"io"
	"os"
)

// endsInSeal reports whether the last line of a file is a seal, without reading the others.
func endsInSeal(f *os.File) (bool, error) {
	info, err := f.Stat()
	if err != nil {
		return false, err
	}
	n := min(info.Size(), maxLine+1)
	tail := make([]byte, n)
	if _, err := f.ReadAt(tail, info.Size()-n); err != nil {
		return false, err
	}
	tail, whole := bytes.CutSuffix(tail, []byte("\n"))
	return whole && bytes.HasPrefix(tail[bytes.LastIndexByte(tail, '\n')+1:], []byte(`{"seal":`)), nil
}

// resume returns a Writer that goes on after the last whole line of a file; nil where it is sealed.
// What was cut after that is removed. It remembers no lines, so that it is for sealing alone.
// Errors: those of scan.
func resume(name string, f *os.File) (*Writer, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	s := newScanner(name, f, info.Size(), maxLines, func(*Message, int) error { return nil })
	read, err := s.run()
	if err != nil || read.seal != nil {
		return nil, err
	}
	if err := f.Truncate(s.off); err != nil {
		return nil, fmt.Errorf("evidence: %w", err)
	}
	if _, err := f.Seek(s.off, io.SeekStart); err != nil {
		return nil, fmt.Errorf("evidence: %w", err)
	}
	return &Writer{out: f, sum: string(s.sums.sum), all: s.all, size: s.off, messages: read.messages, known: map[string]hash{}}, nil
}
