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

// errUseTCP says that UDP brought an answer, but none that can be used.
var errUseTCP = errors.New("ask over TCP")

// maxStrays is how many datagrams that are no reply to the question are read before the question
// goes to TCP.
const maxStrays = 16

// lostAfter is how long a datagram is waited for, at most, before it counts as lost.
const lostAfter = time.Second

// exchangeUDP asks twice, in case a datagram is lost or the server does not like cookies, each time
// over a new socket: a random port and a kernel that drops what comes from another address. The
// context must have a deadline.
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
		return nil, plain(ctx, err)
	}
	defer func() { _ = conn.Close() }()
	a, err := q.askOpenly(s, conn.LocalAddr())
	if err != nil {
		return nil, err
	}
	_ = conn.SetDeadline(deadline)
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })()
	if _, err := conn.Write(a.wire); err != nil {
		return nil, plain(ctx, err)
	}
	return a.receive(ctx, s, conn)
}

// receive reads datagrams until the reply comes.
func (a *asked) receive(ctx context.Context, s *server, conn net.Conn) (*dns.Msg, error) {
	buf := make([]byte, udpSize+1)
	for range maxStrays {
		n, err := conn.Read(buf)
		if err != nil {
			return nil, plain(ctx, err)
		}
		m, err := a.read(buf[:n])
		if errors.Is(err, errNotOurs) {
			continue
		}
		if err = s.hear(a, m, err); err != nil || n > udpSize {
			return nil, cmp.Or(err, errUseTCP)
		}
		return m, nil
	}
	return nil, errUseTCP
}

// hear learns from a datagram, or from what is wrong with it, what the server can do, and says what
// to do now.
func (s *server) hear(a *asked, m *dns.Msg, err error) error {
	switch {
	case errors.Is(err, errCase):
		s.health.foldsCase.Store(true)
		return errUseTCP
	case errors.Is(err, errNoCookie):
		s.cookies.forget()
		return errUseTCP
	case errors.Is(err, errRefusesCookie):
		s.cookies.refuse()
	case errors.Is(err, errTruncated), errors.Is(err, ErrMalformed):
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

// plain reduces an error of the network to its cause.
func plain(ctx context.Context, err error) error {
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
