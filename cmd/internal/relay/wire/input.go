// Package wire is what both sides of SMTP and LMTP share: lines, replies and message content on one
// connection (RFC 5321, 2033, 3030). It needs nothing else of this project.
//
// [Input] (input.go) reads lines below deadlines, [Content] (content.go) is a message as it comes
// by DATA or BDAT, [Reply] (reply.go) an answer.
//
// Only CRLF ends a line, and only CRLF "." CRLF ends content. Content is read in blocks, not byte
// by byte, and what cannot be stored is read to its end and dropped, so that the rest of a message
// never becomes commands.
//
// # Limitations
//
// A CR or LF outside a CRLF is reported ([Content.Bare]), not refused: the caller must refuse it.
// There is no limit on the size of content here: the writer has one. Command syntax and the order
// of commands are the caller's.
package wire

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// Sizes of the buffer of an input. Ten thousand idle connections hold the
// small one; the large one is borrowed while message content comes in.
const (
	smallBuffer = 2 << 10
	largeBuffer = 64 << 10
)

// Errors of an input.
var (
	ErrLineTooLong = errors.New("relay: line too long")
	ErrBareLine    = errors.New("relay: line does not end in CRLF")
	ErrClosing     = errors.New("relay: shutting down")
	ErrTLSHello    = errors.New("relay: the client begins with TLS, and here it begins in clear")
)

// Input reads replies, commands and message content from one connection, each
// read with a rolling deadline below an overall cap.
type Input struct {
	conn net.Conn
	buf  []byte
	r, w int

	idle  time.Duration // the most one read may wait
	until time.Time     // cap for all reads; zero: none

	// mu guards what stop and the reader share, so that a stop is never lost between two reads.
	mu      sync.Mutex
	resting bool // waiting for a command outside a transaction
	stopped bool
}

// NewInput reads from conn.
func NewInput(conn net.Conn) *Input {
	return &Input{conn: conn, buf: make([]byte, smallBuffer), idle: time.Minute}
}

// Limit sets how long one read and all reads from now on may take.
func (in *Input) Limit(idle, total time.Duration) {
	in.idle, in.until = idle, time.Now().Add(total)
}

// Swap goes on with another connection: the same one inside TLS.
func (in *Input) Swap(conn net.Conn) {
	in.mu.Lock()
	in.conn = conn
	in.mu.Unlock()
}

// Rest marks the reader as waiting between transactions, or no longer so.
func (in *Input) Rest(resting bool) {
	in.mu.Lock()
	in.resting = resting
	in.mu.Unlock()
}

// Stop ends a rest: the read in progress, and each that begins at rest, fails with ErrClosing.
func (in *Input) Stop() {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.stopped = true
	if in.resting {
		_ = in.conn.SetReadDeadline(time.Unix(1, 0))
	}
}

// arm sets the deadline of the next read.
func (in *Input) arm() error {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.stopped && in.resting {
		return ErrClosing
	}
	deadline := time.Now().Add(in.idle)
	if !in.until.IsZero() && in.until.Before(deadline) {
		deadline = in.until
	}
	return in.conn.SetReadDeadline(deadline)
}

// more reads at least one further byte into the buffer, which must have room once it is compacted.
func (in *Input) more() error {
	if in.r > 0 {
		in.w = copy(in.buf, in.buf[in.r:in.w])
		in.r = 0
	}
	if in.w == len(in.buf) {
		return io.ErrShortBuffer
	}
	if err := in.arm(); err != nil {
		return err
	}
	n, err := in.conn.Read(in.buf[in.w:])
	in.w += n
	if n > 0 {
		return nil
	}
	if err == nil {
		return io.ErrNoProgress
	}
	if in.stopping() && errors.Is(err, os.ErrDeadlineExceeded) {
		return ErrClosing
	}
	return err
}

func (in *Input) stopping() bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.stopped && in.resting
}

// Pending returns the next line when it is complete in the buffer, and keeps it there; nil
// otherwise.
func (in *Input) Pending() []byte {
	i := bytes.IndexByte(in.buf[in.r:in.w], '\n')
	if i < 0 {
		return nil
	}
	return in.buf[in.r : in.r+i+1]
}

// Skip drops n bytes that were read ahead.
func (in *Input) Skip(n int) { in.r += n }

// Buffered is the number of bytes that came and were not used yet.
func (in *Input) Buffered() int { return in.w - in.r }

// tlsHello is how TLS begins, in every version: a handshake record (RFC 8446, Section 5.1).
var tlsHello = []byte{0x16, 0x03}

// Line returns the next line of at most limit bytes without its CRLF. It is valid until the next
// call. Errors: ErrLineTooLong and ErrBareLine (the line is passed and reading can go on),
// ErrClosing, ErrTLSHello (what came is no line at all), those of the connection.
func (in *Input) Line(limit int) ([]byte, error) {
	tooLong := false
	for {
		if bytes.HasPrefix(in.buf[in.r:in.w], tlsHello) {
			return nil, ErrTLSHello
		}
		if l := in.Pending(); l != nil {
			in.r += len(l)
			if tooLong {
				return nil, ErrLineTooLong
			}
			return CheckLine(l, limit)
		}
		if in.Buffered() > limit {
			tooLong = true
			in.r, in.w = 0, 0
		}
		if err := in.grow(); err != nil {
			return nil, err
		}
	}
}

// CheckLine returns a line of at most limit bytes without its CRLF. Errors: [ErrLineTooLong],
// [ErrBareLine].
func CheckLine(l []byte, limit int) ([]byte, error) {
	// RFC 5321, Section 4.5.3.1.4: a limit on command lines, which extensions raise.
	if len(l) > limit {
		return nil, ErrLineTooLong
	}
	n := len(l) - 2
	// RFC 5321, Section 2.3.8: only CRLF ends a line; anything else is a way to smuggle.
	if n < 0 || l[n] != '\r' || bytes.IndexByte(l[:n], '\r') >= 0 {
		return nil, ErrBareLine
	}
	return l[:n], nil
}

// grow reads more, with a larger buffer when the line does not fit.
func (in *Input) grow() error {
	if in.Buffered() == len(in.buf) {
		in.buf = append(in.buf, make([]byte, len(in.buf))...)
	}
	return in.more()
}

// LargeBuffers holds buffers (*[]byte) of 64 KiB for content, coming in or going out.
var LargeBuffers = sync.Pool{New: func() any { b := make([]byte, largeBuffer); return &b }}

// enlarge borrows a large buffer for content; the function returned gives it back, and keeps what
// was read ahead.
func (in *Input) enlarge() func() {
	large := LargeBuffers.Get().(*[]byte)
	small := in.buf
	if len(small) >= len(*large) {
		LargeBuffers.Put(large)
		return func() {}
	}
	in.w = copy(*large, in.buf[in.r:in.w])
	in.r, in.buf = 0, *large
	return func() {
		rest := in.buf[in.r:in.w]
		if len(rest) > len(small) {
			small = make([]byte, len(rest))
		}
		in.w = copy(small, rest)
		in.r, in.buf = 0, small
		LargeBuffers.Put(large)
	}
}

// ReadFull fills p from the connection and reads no byte after it: where TLS is implicit, all that
// follows is TLS, and nothing sent ahead in clear may ever count as a command inside it.
func (in *Input) ReadFull(p []byte) error {
	if err := in.arm(); err != nil {
		return err
	}
	_, err := io.ReadFull(in.conn, p)
	return err
}
