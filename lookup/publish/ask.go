package publish

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/miekg/dns"

	"dnseal/lookup/dnssec"
)

// udpSize is the EDNS buffer announced: no answer of that size is fragmented (RFC 6891, Section
// 6.2.5).
const udpSize = 1232

// lostAfter bounds the wait for a datagram before it is sent again.
const lostAfter = time.Second

// notAuthoritative is an answer of a server that does not have the zone (RFC 1035, Section 4.1.1:
// no AA): its cache, or a referral.
type notAuthoritative struct{ addr, name, rcode string }

func (e notAuthoritative) Error() string {
	return fmt.Sprintf("%s does not serve the zone of %s (it answers %s without AA)", e.addr, e.name, e.rcode)
}

// Code is that of an answer that rests on it.
func (notAuthoritative) Code() dnssec.Code { return dnssec.CodeRefused }

// asker asks name servers directly.
type asker struct{ timeout time.Duration }

// ask asks one server for what it has itself: RD=0, DO=1, by UDP, by TCP what is too long for that.
// The reply repeats ID and question; it comes from a name server, and is authentic only after
// validation. Errors: no reply in time, the network, notAuthoritative.
func (a asker) ask(ctx context.Context, addr, name string, qtype uint16) (*dns.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, a.timeout)
	defer cancel()
	m := new(dns.Msg)
	m.SetQuestion(name, qtype)
	m.RecursionDesired = false
	m.SetEdns0(udpSize, true)
	reply, err := exchange(ctx, m, addr)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s: %w", addr, cause(ctx, err))
	case !echoes(reply, m):
		return nil, fmt.Errorf("%s: the reply is to another question", addr)
	case !reply.Authoritative:
		return nil, notAuthoritative{addr, name, dns.RcodeToString[reply.Rcode]}
	}
	return reply, nil
}

// exchange sends a question by UDP, twice when a datagram is lost, and by TCP when the reply is cut
// off (RFC 7766, Section 5) or nothing comes.
func exchange(ctx context.Context, m *dns.Msg, addr string) (*dns.Msg, error) {
	for range 2 {
		reply, err := exchangeBy(ctx, "udp", lostAfter, m, addr)
		if err == nil && !reply.Truncated {
			return reply, nil
		}
		if err == nil || ctx.Err() != nil || !isTimeout(err) {
			break
		}
	}
	return exchangeBy(ctx, "tcp", remaining(ctx), m, addr)
}

// exchangeBy sends a question by UDP or TCP and reads the reply; it ends with ctx.
func exchangeBy(ctx context.Context, network string, timeout time.Duration, m *dns.Msg, addr string) (*dns.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	var d net.Dialer
	conn, err := d.DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	defer conn.Close() //nolint:errcheck // the reply is there, or will not come
	c := dns.Client{Net: network, UDPSize: udpSize, Timeout: timeout}
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })()
	reply, _, err := c.ExchangeWithConnContext(ctx, m, &dns.Conn{Conn: conn})
	return reply, err
}

// remaining is the time that a context leaves.
func remaining(ctx context.Context) time.Duration {
	if deadline, ok := ctx.Deadline(); ok {
		return max(time.Until(deadline), time.Millisecond)
	}
	return defaultTimeout
}

// echoes reports whether a reply is one to the question (RFC 5452, Section 9.1).
func echoes(reply, m *dns.Msg) bool {
	return reply.Response && reply.Id == m.Id && reply.Opcode == m.Opcode && len(reply.Question) == 1 &&
		reply.Question[0].Qtype == m.Question[0].Qtype && dns.CanonicalName(reply.Question[0].Name) == m.Question[0].Name
}

func isTimeout(err error) bool {
	timeout, ok := errors.AsType[net.Error](err)
	return ok && timeout.Timeout()
}

// cause reduces an error of the network to its cause.
func cause(ctx context.Context, err error) error {
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return ctx.Err()
	case ctx.Err() != nil || isTimeout(err):
		return fmt.Errorf("no answer in time: %w", context.DeadlineExceeded)
	}
	if op, ok := errors.AsType[*net.OpError](err); ok {
		return op.Err
	}
	return err
}

// route answers the questions of a validator about a zone from one of its name servers, and the
// others, which lead there from the trust anchor, from the resolvers. It implements
// dnssec.Exchanger.
type route struct {
	asker
	zone, addr string
	resolver   dnssec.Exchanger
}

// Exchange implements dnssec.Exchanger.
func (r route) Exchange(ctx context.Context, name string, qtype uint16, cd bool) (*dns.Msg, error) {
	// RFC 4035, Section 3.1.4.1: the DS of a zone is its parent's.
	if !dns.IsSubDomain(r.zone, name) || name == r.zone && qtype == dns.TypeDS {
		return r.resolver.Exchange(ctx, name, qtype, cd)
	}
	return r.ask(ctx, r.addr, name, qtype)
}
