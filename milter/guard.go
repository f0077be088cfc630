//go:build !386 && !arm && !mips && !mipsle

package milter

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"time"
)

// Frame sizes, counted with the command byte. A frame is refused before memory is allocated for it.
const (
	lengthBytes = 4
	maxFrame    = 1 << 20  // the most that can be negotiated in the protocol
	maxString   = 64 << 10 // frames that become strings and are kept: macros, envelope
)

// acceptMax is the longest pause after a failed Accept.
const acceptMax = time.Second

// errFrame is for everything an MTA must not send. It closes that connection and no other.
var errFrame = errors.New("milter: malformed frame")

// guard accepts connections and checks their frames: the protocol library sees only frames with the
// length, parts and terminators that the protocol requires.
type guard struct {
	net.Listener
	srv *Server
}

// accept waits for a connection, then for a free session; meanwhile others wait in the listen
// queue. When file descriptors or memory run out it waits and tries again.
func (g *guard) accept() (*conn, error) {
	pause := 5 * time.Millisecond
	for {
		c, err := g.Accept()
		if err == nil {
			return g.admit(c)
		}
		if !temporary(err) {
			return nil, err
		}
		g.srv.log.LogAttrs(g.srv.ctx, slog.LevelWarn, "milter: cannot accept", slog.Any("error", err))
		select {
		case <-time.After(pause):
			pause = min(2*pause, acceptMax)
		case <-g.srv.closing:
			return nil, net.ErrClosed
		}
	}
}

func (g *guard) admit(c net.Conn) (*conn, error) {
	select {
	case g.srv.slots <- struct{}{}:
		if in := newConn(c, g.srv); g.srv.track(in) {
			return in, nil
		}
		<-g.srv.slots
	case <-g.srv.closing:
	}
	_ = c.Close()
	return nil, net.ErrClosed
}

// single is a listener with exactly one connection, already accepted.
type single struct {
	conn  net.Conn
	given bool
}

// Accept gives the connection once.
func (s *single) Accept() (net.Conn, error) {
	if s.given {
		return nil, net.ErrClosed
	}
	s.given = true
	return s.conn, nil
}

// Close does nothing: the connection ends with its session.
func (s *single) Close() error { return nil }

// Addr is the connection's own address.
func (s *single) Addr() net.Addr { return s.conn.LocalAddr() }

// temporary says that an Accept failed for a reason that goes away.
func temporary(err error) bool {
	for _, e := range []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.ECONNABORTED} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// Commands of an MTA.
const (
	cmdNegotiate = 'O'
	cmdMacro     = 'D'
	cmdConnect   = 'C'
	cmdHelo      = 'H'
	cmdMail      = 'M'
	cmdRcpt      = 'R'
	cmdData      = 'T'
	cmdHeader    = 'L'
	cmdEOH       = 'N'
	cmdBody      = 'B'
	cmdEOM       = 'E'
	cmdAbort     = 'A'
	cmdQuit      = 'Q'
	cmdQuitNew   = 'K'
	cmdUnknown   = 'U'
)

// checkHead checks the length (1 to maxFrame, with the command byte) and command of a frame before
// the rest is read.
func checkHead(length uint32, cmd byte) error {
	least, most := uint32(1), uint32(maxString)
	switch cmd {
	case cmdBody, cmdHeader:
		most = maxFrame
	case cmdNegotiate:
		least = 1 + 3*4 // version, actions, protocol
	case cmdConnect, cmdHelo, cmdMail, cmdRcpt, cmdUnknown, cmdMacro:
	case cmdData, cmdEOH, cmdEOM, cmdAbort, cmdQuit, cmdQuitNew:
	default:
		return fmt.Errorf("%w: unknown command %#x", errFrame, cmd)
	}
	if length < least || length > most {
		return fmt.Errorf("%w: command %q of %d bytes", errFrame, cmd, length)
	}
	return nil
}

// hasText says that a command carries strings, so that its whole frame must be checked.
func hasText(cmd byte) bool {
	return bytes.IndexByte([]byte{cmdConnect, cmdHelo, cmdMail, cmdRcpt, cmdHeader, cmdUnknown, cmdMacro}, cmd) >= 0
}

// checkText checks the data of a frame that carries strings.
func checkText(cmd byte, data []byte) error {
	var ok bool
	switch cmd {
	case cmdMacro:
		ok = len(data) > 0
	case cmdConnect:
		ok = checkConnect(data)
	case cmdHeader:
		ok = terminated(data) && bytes.Count(data, []byte{0}) == 2
	default:
		ok = terminated(data)
	}
	if !ok {
		return fmt.Errorf("%w: command %q lacks a part or its end", errFrame, cmd)
	}
	return nil
}

func terminated(data []byte) bool { return len(data) > 0 && data[len(data)-1] == 0 }

// checkConnect requires a host name and a family, and where the family has an
// address also a port and a valid address.
func checkConnect(data []byte) bool {
	_, rest, ok := bytes.Cut(data, []byte{0})
	if !ok || len(rest) == 0 {
		return false
	}
	family, rest := rest[0], rest[1:]
	if family == 'U' {
		return true
	}
	const port = 2
	if len(rest) <= port || bytes.IndexByte(rest[port:], 0) != len(rest)-port-1 {
		return false
	}
	addr := string(rest[port : len(rest)-1])
	switch family {
	case 'L':
		return true
	case '4':
		a, err := netip.ParseAddr(addr)
		return err == nil && a.Is4()
	case '6':
		return validIPv6(addr)
	}
	return false
}

// validIPv6 accepts the spellings of MTAs: plain, with the tag of an address literal, or in
// brackets.
// RFC 5321, Section 4.1.3; RFC 4291, Section 2.2.
func validIPv6(s string) bool {
	s = strings.TrimPrefix(s, "IPv6:")
	if inner, ok := strings.CutPrefix(s, "["); ok {
		s = strings.TrimSuffix(inner, "]")
	}
	a, err := netip.ParseAddr(s)
	// RFC 4007, Section 6: zones are local to a host.
	return err == nil && a.Zone() == ""
}
