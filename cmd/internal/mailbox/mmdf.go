package mailbox

import (
	"bytes"
	"errors"
	"io"
)

// mmdfLine is before and after every message of an MMDF file.
const mmdfLine = "\x01\x01\x01\x01"

// mmdf is a file in the form of MMDF.
type mmdf struct {
	w   *window
	off int64 // of a line that is no part of a message, or where the file ends
}

func (m *mmdf) container() Container { return MMDF }

func (m *mmdf) begin(w *window) error {
	m.w = w
	return nil
}

func (m *mmdf) next() (entry, error) {
	start, err := m.start()
	if err != nil {
		return entry{}, err
	}
	if start >= m.w.size {
		return entry{}, io.EOF
	}
	at, err := m.find(start)
	if errors.Is(err, io.EOF) {
		m.off = m.w.size
		return entry{start: start, end: m.w.size, last: true, cut: "the line that ends it is missing"}, nil
	}
	m.off = at
	return entry{start: start, end: at}, err
}

// start goes over the lines between messages, and the "From " line that some writers leave in.
func (m *mmdf) start() (int64, error) {
	off := m.off
	for {
		line, err := m.w.from(off, maxSeparator)
		if err != nil {
			return 0, err
		}
		if n := emptyLine(line); n > 0 {
			off += int64(n)
			continue
		}
		if !bytes.HasPrefix(line, []byte(mmdfLine)) && !bytes.HasPrefix(line, []byte(fromLine)) {
			return off, nil
		}
		if off, err = m.w.lineEnd(off); err != nil {
			return 0, err
		}
	}
}

// find returns where the line stands that ends the message at start.
func (m *mmdf) find(start int64) (int64, error) {
	for off := start - 1; ; off++ {
		at, err := m.w.find(off, "\n"+mmdfLine)
		if err != nil {
			return 0, err
		}
		if off = at; off+1 < start {
			continue
		}
		rest, err := m.w.from(at+1+int64(len(mmdfLine)), 2)
		if err != nil {
			return 0, err
		}
		if len(rest) == 0 || emptyLine(rest) > 0 {
			return at + 1, nil
		}
	}
}
