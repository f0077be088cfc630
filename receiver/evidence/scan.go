package evidence

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	gohash "hash"
	"io"
	"sync"
	"time"
	"unicode/utf8"
)

// file is one file of evidence whose lines were checked.
type file struct {
	name     string
	src      io.ReaderAt
	lines    []span
	shared   map[hash]int32 // numbers of the lines that others can refer to
	seal     *Seal          // nil: not sealed
	cut      bool           // the last line has no end
	messages int

	// what proves the time of the seal
	witnessed sync.Once
	by        string
	when      time.Time
	doubt     error
}

// span is where a line is, without its end.
type span struct {
	off int64
	n   int32
}

// lineError names a line, counted from 1.
func lineError(n int, format string, args ...any) error {
	return fmt.Errorf("line %d %w", n, fmt.Errorf(format, args...))
}

// scanner reads a file once from beginning to end.
type scanner struct {
	*file
	in    *bufio.Reader
	sums  checker
	all   gohash.Hash // over all lines before
	off   int64
	left  int // lines that may be read
	found func(m *Message, line int) error
}

// scan checks a file line by line, and calls found with each message. Errors: ErrNoEvidence,
// ErrVersion, ErrEdited, ErrLimit, each with the line, and what the file returned. A last line
// without its end is left out, as a writer leaves it that was stopped.
func scan(name string, src io.ReaderAt, size int64, left int, found func(m *Message, line int) error) (*file, error) {
	return newScanner(name, src, size, left, found).run()
}

func newScanner(name string, src io.ReaderAt, size int64, left int, found func(m *Message, line int) error) *scanner {
	return &scanner{
		file: &file{name: name, src: src, shared: map[hash]int32{}}, left: left, found: found,
		sums: checker{h: sha256.New()}, all: sha256.New(),
		in: bufio.NewReaderSize(io.NewSectionReader(src, 0, size), int(min(size+1, maxLine+1))),
	}
}

func (s *scanner) run() (*file, error) {
	for {
		line, err := s.in.ReadSlice('\n')
		switch {
		case errors.Is(err, io.EOF):
			return s.end(line)
		case errors.Is(err, bufio.ErrBufferFull):
			return nil, lineError(len(s.lines)+1, "is longer than %d octets: %w", maxLine, ErrLimit)
		case err != nil:
			return nil, fmt.Errorf("evidence: %w", err)
		}
		if err := s.line(line[:len(line)-1]); err != nil {
			return nil, err
		}
		s.all.Write(line)
		s.off += int64(len(line))
	}
}

// end judges what stands after the last line end.
func (s *scanner) end(rest []byte) (*file, error) {
	n := len(s.lines) + 1
	if len(rest) > 0 {
		// What was cut is the beginning of a line, and not a whole one with something after it.
		if s.seal != nil || n == 1 || !bytes.HasPrefix(rest, []byte(`{"`)[:min(len(rest), 2)]) || !isText(rest) || pastEnd(rest) {
			return nil, s.bad(n)
		}
		s.cut = true
	}
	if len(s.lines) == 0 {
		return nil, ErrNoEvidence
	}
	return s.file, nil
}

// isText reports whether p is the beginning of a text in UTF-8 without control characters.
func isText(p []byte) bool {
	for len(p) > 0 {
		r, n := utf8.DecodeRune(p)
		if r == utf8.RuneError && n == 1 {
			return !utf8.FullRune(p)
		}
		if r < ' ' {
			return false
		}
		p = p[n:]
	}
	return true
}

// pastEnd reports whether more follows a whole line.
func pastEnd(p []byte) bool {
	d := json.NewDecoder(bytes.NewReader(p))
	var v json.RawMessage
	if err := d.Decode(&v); err != nil {
		_, syntax := errors.AsType[*json.SyntaxError](err)
		return syntax
	}
	return int(d.InputOffset()) < len(p)
}

// bad is the error about a line that is not as it was written.
func (s *scanner) bad(n int) error {
	if n == 1 {
		return ErrNoEvidence
	}
	return lineError(n, "%w", ErrEdited)
}

// line checks one line, and notes what it is.
func (s *scanner) line(line []byte) error {
	n := len(s.lines) + 1
	if n > s.left {
		return fmt.Errorf("more than %d lines: %w", s.left, ErrLimit)
	}
	if n == 1 {
		if err := checkHeader(line); err != nil {
			return err
		}
	}
	if !s.sums.next(line) || s.seal != nil {
		if n == 1 {
			return lineError(n, "%w", ErrEdited)
		}
		return s.bad(n)
	}
	s.lines = append(s.lines, span{s.off, int32(len(line))})
	return s.kind(n, line)
}

// checkHeader reads the first line.
func checkHeader(line []byte) error {
	var h struct {
		Version json.Number `json:"dnseal-evidence"`
	}
	switch err := json.Unmarshal(line, &h); {
	case err != nil || h.Version == "":
		return ErrNoEvidence
	case h.Version.String() != "1":
		return fmt.Errorf("version %s: %w; this program reads version %d", h.Version, ErrVersion, Version)
	}
	return nil
}

// kind notes a line by what it begins with. Kinds that are not known are for later programs.
func (s *scanner) kind(n int, line []byte) error {
	for _, shared := range []string{`{"set":`, `{"lookup":`, `{"anchors":`, `{"policy":`} {
		if bytes.HasPrefix(line, []byte(shared)) {
			s.shared[hashOf(line)] = int32(n)
			return nil
		}
	}
	switch {
	case bytes.HasPrefix(line, []byte(`{"message":`)):
		s.messages++
		m, err := parseMessage(line)
		if err != nil || s.found(m, n) != nil {
			return lineError(n, "%w", ErrForm)
		}
	case bytes.HasPrefix(line, []byte(`{"seal":`)):
		r, err := parse(line)
		if err != nil || r.Seal == nil || r.Seal.SHA256 != hex.EncodeToString(s.all.Sum(nil)) || r.Seal.Messages != s.messages {
			return lineError(n, "%w: the seal is not that of the lines before it", ErrEdited)
		}
		s.seal = r.Seal
	}
	return nil
}

func parse(line []byte) (*record, error) {
	r := new(record)
	if err := json.Unmarshal(line, r); err != nil {
		return nil, fmt.Errorf("evidence: %w", err)
	}
	return r, nil
}

// line returns a line, by its number.
func (f *file) line(n int32) ([]byte, error) {
	at := f.lines[n-1]
	line := make([]byte, at.n)
	if _, err := f.src.ReadAt(line, at.off); err != nil {
		return nil, fmt.Errorf("evidence: %s: %w", f.name, err)
	}
	return line, nil
}

// refer returns the record that has a hash. That is one before the line that refers to it: a hash
// depends on the checksum of its line, and this on all lines before.
func (f *file) refer(text string) (*record, error) {
	h, ok := parseHash(text)
	n := f.shared[h]
	if !ok || n == 0 {
		return nil, fmt.Errorf("evidence: %s: no line in it has the SHA-256 %.64q", f.name, text)
	}
	line, err := f.line(n)
	if err != nil {
		return nil, err
	}
	return parse(line)
}
