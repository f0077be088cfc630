package publish

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/miekg/dns"
)

// reply is what a primary answered. An unsigned one proves nothing.
type reply struct {
	*dns.Msg
	addr   string
	signed bool      // by the key of the request
	tsig   *dns.TSIG // nil: none
}

// tsigError is the error in the TSIG of a reply (RFC 8945, Section 3), 0 without one.
func (r *reply) tsigError() int {
	if r.tsig == nil {
		return 0
	}
	return int(r.tsig.Error)
}

// send sends a message by TCP and reads the reply. Errors are a Refusal: Unreachable when nothing
// was sent, Unknown when no reply came, BadReply.
func (c *Client) send(ctx context.Context, t target, m *dns.Msg) (*reply, error) {
	whole := ctx
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	wire, mac, err := c.pack(m)
	if err != nil {
		return nil, &Refusal{Code: OtherError, Zone: t.zone.name, Text: "the update cannot be packed: " + err.Error(), Err: err}
	}
	conn, err := dial(ctx, t.addrs)
	if err != nil {
		return nil, &Refusal{
			Code: Unreachable, Server: t.String(), Zone: t.zone.name, Err: err, Advice: t.serverAdvice("see that it runs and listens on TCP"),
			Text: fmt.Sprintf("the primary %s of %s cannot be reached: %v; nothing was changed", t, t.zone.name, cause(ctx, err)),
		}
	}
	defer conn.Close() //nolint:errcheck // the reply is there, or will not come
	raw, err := roundTrip(ctx, conn, wire)
	if err != nil {
		how := "went away before it answered"
		if whole.Err() != nil {
			how, err = "got the update, and its answer was not waited for", whole.Err()
		}
		return nil, &Refusal{
			Code: Unknown, Server: t.String(), Zone: t.zone.name, Err: err, Advice: "run the command again: it reads first what is there",
			Text: fmt.Sprintf("the primary %s of %s %s (%v), so the change is perhaps made", t, t.zone.name, how, cause(ctx, err)),
		}
	}
	return c.read(t, conn.RemoteAddr().String(), raw, m.Id, mac)
}

// pack packs an update, signed where there is a key. RFC 1035, Section 4.2.2: its length has 16
// bits.
func (c *Client) pack(m *dns.Msg) (wire []byte, mac string, err error) {
	if c.opts.Key == nil {
		wire, err = m.Pack()
	} else {
		wire, mac, err = c.opts.Key.sign(m, c.Reader.opts.Now())
	}
	if err == nil && len(wire) > dns.MaxMsgSize-1 {
		err = errors.New("it is too long")
	}
	return wire, mac, err
}

// dial connects to the first address that answers.
func dial(ctx context.Context, addrs []string) (conn net.Conn, err error) {
	var d net.Dialer
	for i, addr := range addrs {
		limit := remaining(ctx) / time.Duration(len(addrs)-i)
		one, cancel := context.WithTimeout(ctx, limit)
		conn, err = d.DialContext(one, "tcp", addr)
		cancel()
		if err == nil {
			return conn, nil
		}
	}
	return nil, err
}

// roundTrip sends and reads one message with its length (RFC 1035, Section 4.2.2).
func roundTrip(ctx context.Context, conn net.Conn, wire []byte) ([]byte, error) {
	if deadline, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(deadline)
	}
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })()
	framed := &dns.Conn{Conn: conn}
	if _, err := framed.Write(wire); err != nil {
		return nil, err
	}
	return framed.ReadMsgHeader(nil)
}

// read checks a reply and its signature. Of a reply without a right signature nothing but an error
// code is used, which can only stop us.
func (c *Client) read(t target, addr string, raw []byte, id uint16, mac string) (*reply, error) {
	r := &reply{Msg: new(dns.Msg), addr: addr}
	if err := r.Unpack(raw); err != nil || r.Id != id || r.Opcode != dns.OpcodeUpdate || !r.Response && r.Rcode == dns.RcodeSuccess {
		return nil, t.badReply("is none to this update", err)
	}
	if !r.Response { // YADIFA sends the request back, with NOTZONE, when it does not have the zone
		return r, nil
	}
	if r.tsig = r.IsTsig(); r.tsig == nil {
		return r, nil
	}
	if c.opts.Key == nil { // nothing was signed, so that it is about nothing
		r.tsig = nil
		return r, nil
	}
	switch r.tsig.Error {
	// RFC 8945, Section 5.2.2 and 5.2.1: these come without a signature.
	case dns.RcodeBadSig, dns.RcodeBadKey:
		return r, nil
	}
	if err := c.opts.Key.verify(raw, r.tsig, mac, c.Reader.opts.Now()); err != nil {
		return nil, t.badReply("has a wrong signature", err)
	}
	r.signed = true
	return r, nil
}

func (t target) badReply(what string, err error) *Refusal {
	return &Refusal{
		Code: BadReply, Server: t.String(), Zone: t.zone.name, Err: err,
		Text:   fmt.Sprintf("the reply of %s %s%s; whether the change is made is not known", t, what, because(err)),
		Advice: "somebody between may have made it, or the server has another secret; run the command again: it reads first what is there",
	}
}
