package nexthop

import (
	"bytes"
	"io"
)

// stuffer writes message content with dot transparency (RFC 5321, Section
// 4.5.2), by blocks.
type stuffer struct {
	w    io.Writer
	tail [2]byte // the last two bytes written; CRLF at the start
	err  error
}

func newStuffer(w io.Writer) *stuffer { return &stuffer{w: w, tail: [2]byte{'\r', '\n'}} }

var crlfDot = []byte("\r\n.")

// Write implements io.Writer.
func (s *stuffer) Write(p []byte) (int, error) {
	if s.err != nil || len(p) == 0 {
		return 0, s.err
	}
	rest := s.border(p)
	for {
		i := bytes.Index(rest, crlfDot)
		if i < 0 {
			break
		}
		// RFC 5321, Section 4.5.2: one dot more; the line's own follows with the rest.
		s.put(rest[:i+3])
		rest = rest[i+2:]
	}
	s.put(rest)
	s.remember(p)
	if s.err != nil {
		return 0, s.err
	}
	return len(p), nil
}

// border adds the dot where the last write ended with CRLF or CR. It returns what is left of p.
func (s *stuffer) border(p []byte) []byte {
	if s.tail == [2]byte{'\r', '\n'} && p[0] == '.' {
		s.put([]byte{'.'})
	}
	if s.tail[1] == '\r' && len(p) > 1 && p[0] == '\n' && p[1] == '.' {
		s.put([]byte("\n."))
		return p[1:]
	}
	return p
}

func (s *stuffer) put(p []byte) {
	if s.err == nil && len(p) > 0 {
		_, s.err = s.w.Write(p)
	}
}

func (s *stuffer) remember(p []byte) {
	if len(p) == 1 {
		s.tail = [2]byte{s.tail[1], p[0]}
		return
	}
	s.tail = [2]byte(p[len(p)-2:])
}

// Close ends the content: the last line is completed and the single dot follows.
func (s *stuffer) Close() error {
	if s.tail != [2]byte{'\r', '\n'} {
		s.put([]byte("\r\n"))
	}
	// RFC 5321, Section 4.1.1.4.
	s.put([]byte(".\r\n"))
	return s.err
}
