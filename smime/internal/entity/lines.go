package entity

import (
	"bytes"
	"context"
	"errors"
	"io"
	"sync"
)

// Line is one line of a section, or a piece of a line too long for the buffer.
type Line struct {
	off  int64  // where Data begins
	Data []byte // without the line end; valid until the next call
	Eol  int    // length of the line end: 2 for CRLF, 1 for a bare LF, 0 for none
	// First says that Data begins the line, Last that it ends it.
	First, Last bool
}

// lineReader cuts a section into lines with memory that does not depend on their length.
type lineReader struct {
	ctx      context.Context
	src      io.ReaderAt
	off, end int64 // what is still to be read into buf
	buf      []byte
	r, w     int  // buf[r:w] is still to be handed out
	middle   bool // of a line that did not fit into the buffer
	pooled   *[LineBuffer]byte
}

// LineBuffer is the size in bytes of the buffers of LineBuffers.
const LineBuffer = 64 << 10

// LineBuffers holds buffers for readers and writers of lines.
var LineBuffers = sync.Pool{New: func() any { return new([LineBuffer]byte) }}

// NewLineReader reads the lines of src from off to end. The caller closes it.
func NewLineReader(ctx context.Context, src io.ReaderAt, off, end int64) *lineReader {
	p := LineBuffers.Get().(*[LineBuffer]byte)
	return &lineReader{ctx: ctx, src: src, off: off, end: end, buf: p[:], pooled: p}
}

// Close gives the buffer back; lines handed out are no longer valid.
func (l *lineReader) Close() {
	if l.pooled != nil {
		LineBuffers.Put(l.pooled)
		l.pooled, l.buf = nil, nil
	}
}

// Next returns the next line or piece, io.EOF at the end, or the error of the source or the
// context.
func (l *lineReader) Next() (Line, error) {
	searched := 0
	for {
		if i := bytes.IndexByte(l.buf[l.r+searched:l.w], '\n'); i >= 0 {
			return l.cut(searched+i, true), nil
		}
		searched = l.w - l.r
		switch {
		case l.off >= l.end && searched == 0:
			return Line{}, io.EOF
		case l.off >= l.end:
			return l.cut(searched, true), nil
		case l.r == 0 && l.w == len(l.buf):
			// A CR at the end of a piece may belong to the line end.
			if l.buf[l.w-1] == '\r' {
				searched--
			}
			return l.cut(searched, false), nil
		}
		if err := l.fill(); err != nil {
			return Line{}, err
		}
	}
}

// cut returns the next n bytes of the buffer, as the end of a line or as a piece of one.
func (l *lineReader) cut(n int, last bool) Line {
	out := Line{
		off: l.off - int64(l.w-l.r), Data: l.buf[l.r : l.r+n],
		First: !l.middle, Last: last,
	}
	l.middle = !last
	l.r += n
	if last && l.r < l.w {
		l.r++
		out.Eol = 1
		if n > 0 && out.Data[n-1] == '\r' {
			out.Data, out.Eol = out.Data[:n-1], 2
		}
	}
	return out
}

// ahead returns what is in the buffer from the next line on; nothing in the middle of a line.
func (l *lineReader) ahead() []byte {
	if l.middle {
		return nil
	}
	return l.buf[l.r:l.w]
}

// pass skips n octets of what is ahead, which are whole lines.
func (l *lineReader) pass(n int) { l.r += n }

// skip passes over whole lines in the buffer, up to one that begins with until[1:]; until[0] is LF.
// It returns the length of the line end of the last line passed, 0 for none.
func (l *lineReader) skip(until []byte) (eol int) {
	rest := l.buf[l.r:l.w]
	if l.middle || bytes.HasPrefix(rest, until[1:]) {
		return 0
	}
	i := bytes.Index(rest, until)
	if i < 0 {
		i = bytes.LastIndexByte(rest, '\n')
	}
	if i < 0 {
		return 0
	}
	l.r += i + 1
	if i > 0 && rest[i-1] == '\r' {
		return 2
	}
	return 1
}

func (l *lineReader) fill() error {
	if err := l.ctx.Err(); err != nil {
		return err
	}
	l.w = copy(l.buf, l.buf[l.r:l.w])
	l.r = 0
	n, err := l.src.ReadAt(l.buf[l.w:min(int64(len(l.buf)), int64(l.w)+l.end-l.off)], l.off)
	l.w += n
	l.off += int64(n)
	if n > 0 {
		return nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
