package transport

import (
	"cmp"
	"context"
	"errors"
	"net"
	"syscall"
	"time"

	"github.com/miekg/dns"
)

// errUseTCP: a reply came by UDP, but it cannot be used.
var errUseTCP = errors.New("ask over TCP")

// maxStrays is how many datagrams that are no reply to the question are read before the question
// goes to TCP.
const maxStrays = 16

// lostAfter bounds the wait for a datagram before it counts as lost.
const lostAfter = time.Second

// exchangeUDP asks twice, in case a datagram is lost or the server refuses cookies. Each question
// has a new socket: a random port (RFC 5452, Section 9.2), and the kernel drops datagrams from
// another address or port (RFC 5452, Section 9.1). The context must have a deadline.
func (c *Client) exchangeUDP(ctx context.Context, s *server, q question) (*dns.Msg, error) {
	deadline, _ := ctx.Deadline()
	m, err := exchangeDatagram(ctx, s, q, time.Now().Add(min(time.Until(deadline)/2, lostAfter)))
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil || errors.Is(err, errRefusesCookie) {
		m, err = exchangeDatagram(ctx, s, q, deadline)
	}
	return m, err
}

func exchangeDatagram(ctx context.Context, s *server, q question, deadline time.Time) (*dns.Msg, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "udp", s.Addr)
	if err != nil {
		return nil, cause(ctx, err)
	}
	defer func() { _ = conn.Close() }()
	a, err := q.packForUDP(s, conn.LocalAddr())
	if err != nil {
		return nil, err
	}
	_ = conn.SetDeadline(deadline)
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })()
	if _, err := conn.Write(a.wire); err != nil {
		return nil, cause(ctx, err)
	}
	return a.receive(ctx, s, conn)
}

// receive reads datagrams until the reply comes.
func (a *packed) receive(ctx context.Context, s *server, conn net.Conn) (*dns.Msg, error) {
	buf := make([]byte, udpSize+1)
	for range maxStrays {
		n, err := conn.Read(buf)
		if err != nil {
			return nil, cause(ctx, err)
		}
		m, err := a.read(buf[:n])
		if errors.Is(err, errNotOurs) {
			continue
		}
		if err = s.learnFrom(a, m, err); err != nil || n > udpSize {
			return nil, cmp.Or(err, errUseTCP)
		}
		return m, nil
	}
	return nil, errUseTCP
}

// learnFrom updates the state of the server by a datagram, or by the error of reading it, and
// returns nil when the datagram is the answer.
func (s *server) learnFrom(a *packed, m *dns.Msg, err error) error {
	switch {
	case errors.Is(err, errCase):
		s.health.foldsCase.Store(true)
		return errUseTCP
	case errors.Is(err, errNoCookie):
		// RFC 7873, Section 5.3: discarded; TCP shows whether the server still gives cookies.
		s.cookies.forget()
		return errUseTCP
	case errors.Is(err, errRefusesCookie):
		s.cookies.refuse()
	case errors.Is(err, errTruncated), errors.Is(err, ErrMalformed):
		// RFC 2181, Section 9: after truncation the question goes over TCP.
		return errUseTCP
	case err == nil:
		s.cookies.learn(a, m)
		if m.Rcode == dns.RcodeBadCookie {
			// RFC 7873, Section 5.3: the next question carries what it wants.
			return errUseTCP
		}
	}
	return err
}

// cause reduces an error of the network to its cause.
func cause(ctx context.Context, err error) error {
	var timeout net.Error
	var number syscall.Errno
	switch {
	case ctx.Err() != nil, errors.As(err, &timeout) && timeout.Timeout():
		return timeoutError(ctx)
	case errors.As(err, &number):
		return number
	}
	return err
}
