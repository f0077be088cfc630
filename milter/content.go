//go:build !386 && !arm && !mips && !mipsle

package milter

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"

	gomilter "github.com/d--j/go-milter"
)

// content passes a frame of header or body to the session when no response is due; done reports
// that it did. The library would copy each of these frames, and they are nearly all of a message.
// When the MTA requires a response the library gets the frame.
func (c *conn) content() (done bool, err error) {
	s := c.session
	switch {
	case s == nil:
	case c.cmd == cmdHeader && s.proto&gomilter.OptNoHeaderReply != 0:
		s.addField(c.text.Bytes()[lengthBytes+1:])
		c.text.Reset()
		return true, nil
	case c.cmd == cmdBody && s.proto&gomilter.OptNoBodyReply != 0:
		n := c.left - lengthBytes - 1
		c.left = 0
		if _, err = c.in.Discard(lengthBytes + 1); err == nil {
			err = s.addBody(c.in, n)
		}
		return true, err
	}
	return false, nil
}

// addField adds the field of a checked header frame.
func (s *session) addField(data []byte) {
	defer s.contain(new(*gomilter.Response))
	name, value, _ := bytes.Cut(data[:len(data)-1], []byte{0})
	s.msg.field(name, value)
}

// errPanic ends a connection after a panic in the middle of a frame.
var errPanic = errors.New("milter: panic inside a frame")

// addBody adds the data of a body frame. An error ends the connection: after a panic the rest of
// the frame may be unread, and its bytes must never be parsed as the next frame.
func (s *session) addBody(r io.Reader, n int) (err error) {
	var panicked *gomilter.Response
	defer func() {
		if panicked != nil {
			err = errPanic
		}
	}()
	defer s.contain(&panicked)
	return s.msg.body(r, n)
}

// Modifications that a milter sends.
const (
	modAddHeader    = 'h'
	modChangeHeader = 'm'
	modInsertHeader = 'i'
	modReplaceBody  = 'b'
	modQuarantine   = 'q'
)

// modify begins the frame of a modification with size bytes of data, which must follow.
func (c *conn) modify(code byte, size int) error {
	if len(c.out)+lengthBytes+1+size > writeBatch {
		if err := c.flush(); err != nil {
			return err
		}
	}
	c.out = binary.BigEndian.AppendUint32(c.out, uint32(1+size))
	c.out = append(c.out, code)
	return nil
}

// modifyField sends a modification of the header: an index, unless the field goes to the end, name
// and value.
func (c *conn) modifyField(code byte, index uint32, name, value string) error {
	size := len(name) + len(value) + 2
	if code != modAddHeader {
		size += 4
	}
	if err := c.modify(code, size); err != nil {
		return err
	}
	if code != modAddHeader {
		c.out = binary.BigEndian.AppendUint32(c.out, index)
	}
	c.out = append(append(c.out, name...), 0)
	c.out = append(append(c.out, value...), 0)
	return nil
}

// quarantine makes the MTA hold the message.
func (c *conn) quarantine(reason string) error {
	err := c.modify(modQuarantine, len(reason)+1)
	c.out = append(append(c.out, reason...), 0)
	return err
}
