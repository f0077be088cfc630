// Package mailbox walks saved mail: single messages, mbox files and Maildir
// folders, as arguments of the verify command.
//
// mbox is read as RFC 4155, Appendix A describes it: a message begins at a line
// "From " that follows an empty line (or starts the file). Lines quoted as ">From "
// stay as they are, because the writer of the file may have quoted them or not.
//
// # Limitations
//
//   - Content-Length fields of other mbox variants are ignored.
//   - Subfolders of a Maildir are not read.
package mailbox

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
)

// ErrNotMaildir means that a folder has neither "cur" nor "new".
var ErrNotMaildir = errors.New("mailbox: not a Maildir folder")

// Message is one saved message. Open may be called from another goroutine, once.
type Message struct {
	// Name is the file, followed by "#n" for the n-th message of an mbox.
	Name string
	// Open returns the message's bytes.
	Open func() (io.ReadCloser, error)
}

// Walk calls each for every message at path: a message file, an mbox file or a Maildir folder. It
// stops at the first error of each and returns it. Other errors: those of the file system,
// ErrNotMaildir.
func Walk(path string, each func(Message) error) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if info.IsDir() {
		return walkMaildir(path, each)
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // only read from
	if ok, err := isMbox(f); err != nil || !ok {
		if err == nil {
			err = each(file(path))
		}
		return err
	}
	return walkMbox(f, path, each, func() (mbox, error) { return os.Open(path) })
}

// WalkReader is Walk for one message or an mbox that is read from in; name is used as the name of
// the file. An mbox is spooled to a temporary file that exists until the program ends: its messages
// may be opened after WalkReader has returned.
func WalkReader(in io.Reader, name string, each func(Message) error) error {
	r := bufio.NewReader(in)
	// an error comes again when the message is read
	if start, _ := r.Peek(len(fromLine)); string(start) != fromLine {
		return each(Message{Name: name, Open: func() (io.ReadCloser, error) { return io.NopCloser(r), nil }})
	}
	spool, err := os.CreateTemp("", "dnseal-")
	if err != nil {
		return fmt.Errorf("mailbox: spool: %w", err)
	}
	size, err := io.Copy(spool, r)
	if err = errors.Join(err, os.Remove(spool.Name())); err != nil {
		return fmt.Errorf("mailbox: spool: %w", err)
	}
	return walkMbox(io.NewSectionReader(spool, 0, size), name, each, func() (mbox, error) { return shared{spool}, nil })
}

// mbox is the file of an mbox, opened for one message.
type mbox interface {
	io.ReaderAt
	io.Closer
}

// shared is a file that stays open for the other messages.
type shared struct{ io.ReaderAt }

func (shared) Close() error { return nil }

func file(path string) Message {
	return Message{Name: path, Open: func() (io.ReadCloser, error) { return os.Open(path) }}
}

// walkMaildir walks "new" and "cur" (and no subfolders).
func walkMaildir(dir string, each func(Message) error) error {
	found := false
	for _, sub := range []string{"new", "cur"} {
		entries, err := os.ReadDir(filepath.Join(dir, sub))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		found = true
		for _, e := range entries {
			if !e.Type().IsRegular() {
				continue
			}
			if err := each(file(filepath.Join(dir, sub, e.Name()))); err != nil {
				return err
			}
		}
	}
	if !found {
		return fmt.Errorf("%w: %s has neither \"cur\" nor \"new\"", ErrNotMaildir, dir)
	}
	return nil
}

// fromLine begins every message of an mbox (RFC 4155, Appendix A).
const fromLine = "From "

// IsMbox reports whether the file begins as an mbox does. Errors: those of the file system.
func IsMbox(path string) (bool, error) {
	f, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close() //nolint:errcheck // only read from
	return isMbox(f)
}

func isMbox(f io.ReaderAt) (bool, error) {
	start := make([]byte, len(fromLine))
	n, err := f.ReadAt(start, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return false, err
	}
	return string(start[:n]) == fromLine, nil
}

// walkMbox finds the byte ranges of the messages in r; they are read when opened.
func walkMbox(r io.Reader, name string, each func(Message) error, open func() (mbox, error)) error {
	var s splitter
	lines := bufio.NewReaderSize(r, 64<<10)
	for n := 1; ; n++ {
		start, end, err := s.next(lines)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if err := each(section(name+"#"+strconv.Itoa(n), start, end, open)); err != nil {
			return err
		}
	}
}

func section(name string, start, end int64, open func() (mbox, error)) Message {
	return Message{Name: name, Open: func() (io.ReadCloser, error) {
		f, err := open()
		if err != nil {
			return nil, err
		}
		return struct {
			io.Reader
			io.Closer
		}{io.NewSectionReader(f, start, end-start), f}, nil
	}}
}

// splitter finds the messages of an mbox: a "From " line at the start or after an empty line.
type splitter struct {
	off     int64 // of the next line
	pending bool  // the next message's "From " line has been read
	done    bool
}

// next returns the byte range of the next message, without its "From " line and the empty line
// after it.
func (s *splitter) next(r *bufio.Reader) (start, end int64, err error) {
	if s.done {
		return 0, 0, io.EOF
	}
	if !s.pending {
		if _, err := s.line(r); err != nil {
			return 0, 0, err
		}
	}
	start = s.off
	empty := int64(0) // length of the empty line just before
	for {
		lineStart := s.off
		line, err := s.line(r)
		if err != nil && !errors.Is(err, io.EOF) {
			return 0, 0, err
		}
		// RFC 4155, Appendix A: an empty line ends each message.
		if err == nil && empty > 0 && bytes.HasPrefix(line, []byte(fromLine)) {
			s.pending = true
			return start, lineStart - empty, nil
		}
		end = s.off
		if errors.Is(err, io.EOF) {
			s.done = true
			return start, end, nil
		}
		empty = 0
		if text := string(line); text == "\n" || text == "\r\n" {
			empty = int64(len(line))
		}
	}
}

// line reads one line; of a long one it returns only the beginning.
func (s *splitter) line(r *bufio.Reader) ([]byte, error) {
	line, err := r.ReadSlice('\n')
	s.off += int64(len(line))
	head := line
	if errors.Is(err, bufio.ErrBufferFull) {
		head = bytes.Clone(line)
	}
	for errors.Is(err, bufio.ErrBufferFull) {
		line, err = r.ReadSlice('\n')
		s.off += int64(len(line))
	}
	if errors.Is(err, io.EOF) && len(head) > 0 {
		err = nil
	}
	return head, err
}
