//go:build !386 && !arm && !mips && !mipsle

package milter

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"dnseal/smime/message"
)

// assembly rebuilds a message from the events of a session, byte for byte as the MTA holds it.
// Over a limit it keeps only the header, for a message.Unfitter.
type assembly struct {
	maxBytes  int64
	maxHeader int
	// space says that the MTA removes one space after the colon (no SMFIP_HDR_LEADSPC).
	space bool

	head  []byte         // the header; its memory serves the next message too
	spool *message.Spool // header and body, from the first byte of body on
	size  int64
	// unfit is why there will be no whole message; with noHead there is no header either.
	unfit  error
	noHead bool
	// broken is a fault of this machine, such as a full disk.
	broken error
}

// field adds one header field. MTAs end the lines of a folded value with LF.
func (a *assembly) field(name, value []byte) {
	a.size += int64(len(name) + len(value) + len(":\r\n"))
	switch {
	case a.noHead:
		return
	case a.spool != nil:
		a.refuse(fmt.Errorf("%w: field after the header", message.ErrMalformed))
		return
	case len(a.head)+len(name)+len(value) > a.maxHeader:
		a.refuse(fmt.Errorf("%w: header of more than %d bytes", message.ErrTooBig, a.maxHeader))
		return
	case !validName(name):
		a.refuse(badName(name))
		return
	case !validFolding(value):
		a.refuse(fmt.Errorf("%w: the folding of field %q", message.ErrMalformed, name))
		return
	}
	// RFC 5322, Section 2.2.
	a.head = append(a.head, name...)
	a.head = append(a.head, ':')
	if a.space {
		a.head = append(a.head, ' ')
	}
	// RFC 5322, Section 2.1: lines end in CRLF; MTAs hold them with LF.
	a.head = appendCRLF(a.head, value)
	a.head = append(a.head, '\r', '\n')
}

// refuse gives up the message because of a fault of its header.
func (a *assembly) refuse(why error) {
	a.unfit, a.noHead = why, true
	a.head = a.head[:0]
	a.drop()
}

// body adds the next n bytes of r, a piece of the body. Its error is r's.
func (a *assembly) body(r io.Reader, n int) error {
	a.size += int64(n)
	left := int64(n)
	a.begin(n)
	if !a.done() {
		k, err := a.spool.CopyN(r, left)
		left -= k
		a.spooled(err)
	}
	if left == 0 {
		return nil
	}
	_, err := io.CopyN(io.Discard, r, left)
	return err
}

// done reports whether the rest of the body is not needed.
func (a *assembly) done() bool { return a.unfit != nil || a.broken != nil }

// begin opens the spool with the header and its empty line. first is the size
// of the first piece of body: all there is, unless it is as large as a piece can be.
func (a *assembly) begin(first int) {
	if a.spool != nil || a.done() {
		return
	}
	a.size += int64(len("\r\n"))
	a.spool = message.NewSpool(a.maxBytes)
	if first >= bodyChunk {
		first *= 2
	}
	a.spool.Grow(int64(len(a.head) + len("\r\n") + first))
	a.write(a.head)
	// RFC 5322, Section 2.1: an empty line ends the header.
	a.write([]byte("\r\n"))
}

func (a *assembly) write(p []byte) {
	if a.done() {
		return
	}
	_, err := a.spool.Write(p)
	a.spooled(err)
}

// spooled notes what became of bytes for the spool.
func (a *assembly) spooled(err error) {
	if err == nil {
		return
	}
	a.drop()
	if errors.Is(err, message.ErrTooBig) {
		a.unfit = err
	} else {
		a.broken = err
	}
}

func (a *assembly) drop() {
	_ = a.spool.Close()
	a.spool = nil
}

// message returns the whole message, or an error: message.ErrTooBig or
// message.ErrMalformed for a message that is unfit, else a fault of this
// machine. The caller closes the message.
func (a *assembly) message() (*message.Message, error) {
	// RFC 5322, Section 2.1: a message may have no body.
	a.begin(0)
	if err := errors.Join(a.unfit, a.broken); err != nil {
		return nil, err
	}
	s := a.spool
	a.spool = nil
	return message.FromSpool(s, message.ReadOptions{MaxHeaderBytes: a.maxHeader})
}

// header returns the header of an unfit message, with an empty body, or nil.
func (a *assembly) header() *message.Message {
	if a.noHead {
		return nil
	}
	s := message.NewSpool(0)
	_, _ = s.Write(a.head)
	// RFC 5322, Section 2.1.
	_, _ = s.Write([]byte("\r\n"))
	m, err := message.FromSpool(s, message.ReadOptions{MaxHeaderBytes: a.maxHeader})
	if err != nil {
		return nil
	}
	return m
}

// reset prepares for the next message.
func (a *assembly) reset() {
	a.drop()
	a.head = a.head[:0]
	if cap(a.head) > keepBuffer {
		a.head = nil
	}
	a.size, a.unfit, a.broken, a.noHead = 0, nil, nil, false
}

// validName says that name is a field name, possibly with spaces before the colon. A tab there is a
// control octet and refused.
// RFC 5322, Section 2.2; RFC 5322, Section 4.5: the spaces.
func validName(name []byte) bool {
	name = bytes.TrimRight(name, " ")
	return len(name) > 0 && notInName(name) < 0
}

// notInName returns the index of the first octet that cannot be in a name (RFC 5322, Section
// 2.2), or -1.
func notInName(name []byte) int {
	return bytes.IndexFunc(name, func(c rune) bool { return c <= ' ' || c >= 0x7f || c == ':' })
}

// badName is the error for an invalid name.
func badName(name []byte) error {
	i := notInName(name)
	if i < 0 {
		return fmt.Errorf("%w: field without a name", message.ErrMalformed)
	}
	return &message.HeaderError{Line: string(name[:min(len(name), maxShown)]), Octet: name[i]}
}

// maxShown is the most of a name in a reply, in bytes.
const maxShown = 60

// validFolding says that each line of value after the first begins with white space, so that none
// becomes another field or ends the header.
// RFC 5322, Section 2.2.3.
func validFolding(value []byte) bool {
	for {
		_, rest, more := bytes.Cut(value, []byte("\n"))
		if !more {
			return true
		}
		if len(rest) == 0 || rest[0] != ' ' && rest[0] != '\t' {
			return false
		}
		value = rest
	}
}

// appendCRLF appends value with a CR before each LF that has none.
// RFC 5322, Section 2.1: CR and LF together end a line.
func appendCRLF(b, value []byte) []byte {
	for {
		i := bytes.IndexByte(value, '\n')
		if i < 0 {
			return append(b, value...)
		}
		b = append(b, value[:i]...)
		if i == 0 || value[i-1] != '\r' {
			b = append(b, '\r')
		}
		b = append(b, '\n')
		value = value[i+1:]
	}
}
