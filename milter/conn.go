//go:build !386 && !arm && !mips && !mipsle

package milter

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync/atomic"
	"time"
)

const (
	readBuffer   = 16 << 10
	writeBatch   = 16 << 10         // responses up to this size are sent in one Write
	keepBuffer   = 64 << 10         // larger buffers are not kept for the next frame
	frameTimeout = time.Minute      // for the rest of a frame that has begun
	helloTimeout = 10 * time.Second // for the first frame
	writeTimeout = time.Minute      // for an MTA that is slow to read
)

// conn is one MTA connection as the library sees it: Read returns only checked frames, and Write
// buffers until the next read. The timeouts are conn's own, the library's are ignored.
type conn struct {
	net.Conn
	srv     *Server
	in      *bufio.Reader
	session *session // from the negotiation on

	text bytes.Buffer // a frame that was checked as a whole, as far as not yet read
	left int          // bytes of the current frame that are still in in
	cmd  byte         // its command; 0 before the first
	wait time.Duration
	out  []byte
	busy atomic.Bool // inside a mail transaction
}

func newConn(c net.Conn, srv *Server) *conn {
	return &conn{Conn: c, srv: srv, in: bufio.NewReaderSize(c, readBuffer), wait: helloTimeout}
}

// Read returns bytes of checked frames. Each error is logged here and
// ends the session as if the MTA had closed it.
func (c *conn) Read(p []byte) (int, error) {
	if c.text.Len() == 0 && c.left == 0 {
		if err := c.next(); err != nil {
			return 0, c.ending(err)
		}
	}
	if c.text.Len() > 0 {
		return c.text.Read(p)
	}
	n, err := c.in.Read(p[:min(len(p), c.left)])
	c.left -= n
	if n > 0 || err == nil {
		return n, nil
	}
	return 0, c.ending(err)
}

// next waits for a frame that goes to the library.
func (c *conn) next() error {
	for {
		if err := c.frame(); err != nil {
			return err
		}
		if done, err := c.content(); !done || err != nil {
			return err
		}
	}
}

// frame sends the pending responses and waits for a frame.
func (c *conn) frame() error {
	if err := c.flush(); err != nil {
		return err
	}
	if c.cmd == cmdEOM || c.cmd == cmdAbort || c.cmd == cmdQuitNew {
		c.busy.Store(false)
	}
	if err := c.await(); err != nil {
		return err
	}
	if err := c.head(); err != nil {
		return err
	}
	if c.cmd == cmdMail {
		c.busy.Store(true)
	}
	if hasText(c.cmd) {
		return c.gather()
	}
	return nil
}

// head checks the head of the next frame without consuming it, and sets the deadline of the rest.
func (c *conn) head() error {
	b, err := c.in.Peek(lengthBytes)
	if err != nil {
		return err
	}
	length := binary.BigEndian.Uint32(b)
	if length < 1 || length > maxFrame {
		return fmt.Errorf("%w: %d bytes", errFrame, length)
	}
	c.wait = c.srv.opts.Idle
	c.left = lengthBytes + int(length)
	if c.in.Buffered() < c.left {
		if err = c.Conn.SetReadDeadline(time.Now().Add(frameTimeout)); err != nil {
			return err
		}
	}
	if b, err = c.in.Peek(lengthBytes + 1); err != nil {
		return err
	}
	last := c.cmd
	c.cmd = b[lengthBytes]
	if (c.cmd == cmdNegotiate) != (last == 0) {
		return fmt.Errorf("%w: command %q out of order", errFrame, c.cmd)
	}
	return checkHead(length, c.cmd)
}

// await sets the deadline for the next frame, unless there is one already.
// During a shutdown it waits only for the frames of a transaction.
func (c *conn) await() error {
	if !c.busy.Load() && c.srv.isClosing() {
		return io.EOF
	}
	if c.in.Buffered() >= lengthBytes {
		return nil
	}
	if err := c.Conn.SetReadDeadline(time.Now().Add(c.wait)); err != nil {
		return err
	}
	if !c.busy.Load() && c.srv.isClosing() {
		return io.EOF
	}
	return nil
}

// gather reads a whole frame and checks it. Memory grows with the bytes received, not with the
// length announced.
func (c *conn) gather() error {
	if c.text.Cap() > keepBuffer {
		c.text = bytes.Buffer{}
	}
	c.text.Reset()
	n := c.left
	c.left = 0
	if n <= readBuffer {
		b, err := c.in.Peek(n)
		if err != nil {
			return err
		}
		_, _ = c.text.Write(b)
		_, _ = c.in.Discard(n)
	} else if _, err := io.CopyN(&c.text, c.in, int64(n)); err != nil {
		return err
	}
	if err := checkText(c.cmd, c.text.Bytes()[lengthBytes+1:]); err != nil {
		c.text.Reset()
		return err
	}
	return nil
}

// ending logs what ended the connection, unless it is the usual end, and hides it from the library.
func (c *conn) ending(err error) error {
	c.text.Reset()
	c.left = 0
	usual := errors.Is(err, net.ErrClosed) || c.srv.isClosing() || errors.Is(err, io.EOF) && !c.busy.Load()
	if !usual {
		c.srv.log.LogAttrs(c.srv.ctx, slog.LevelWarn, "milter: connection closed", slog.Any("error", err))
	}
	return io.EOF
}

// Write gathers small responses and sends them with the next read or the next large response.
func (c *conn) Write(p []byte) (int, error) {
	if len(c.out)+len(p) <= writeBatch {
		c.out = append(c.out, p...)
		if isProgress(p) {
			return len(p), c.flush()
		}
		return len(p), nil
	}
	if err := c.send(net.Buffers{c.out, p}); err != nil {
		return 0, err
	}
	return len(p), nil
}

// isProgress reports whether p is a progress report, which must not wait. (Data that only looks
// like one is sent a little early.)
func isProgress(p []byte) bool { return len(p) == lengthBytes+1 && p[3] == 1 && p[4] == 'p' }

func (c *conn) flush() error {
	if len(c.out) == 0 {
		return nil
	}
	return c.send(net.Buffers{c.out})
}

// send writes b, which may hold c.out.
func (c *conn) send(b net.Buffers) error {
	if c.out = c.out[:0]; cap(c.out) > keepBuffer {
		c.out = nil
	}
	if err := c.Conn.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return err
	}
	_, err := b.WriteTo(c.Conn)
	return err
}

// wake ends the wait for a frame. It may be called from any goroutine.
func (c *conn) wake() { _ = c.Conn.SetReadDeadline(time.Unix(1, 0)) }

// SetReadDeadline does nothing: conn sets its own deadlines.
func (c *conn) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline does nothing: conn sets its own deadlines.
func (c *conn) SetWriteDeadline(time.Time) error { return nil }

// Close closes the connection and frees its session. The library calls it, once, when the session
// has ended.
func (c *conn) Close() error {
	err := c.Conn.Close()
	<-c.srv.slots
	c.srv.forget(c)
	return err
}
