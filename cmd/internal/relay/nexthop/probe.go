package nexthop

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
)

// Probed is what [Pool.Probe] found out about one next hop.
type Probed struct {
	Hop Hop
	// Err is why mail cannot go there by these options; nil: it can.
	Err error
	// Encrypted means that TLS was used, and that the hop passed the policy.
	Encrypted bool
	// LoggedIn means that the hop let us in, by password or EXTERNAL.
	LoggedIn bool
	// Foreign is the reply of the hop to a stranger's mail for somebody elsewhere, an inbound
	// server's danger: it must refuse it, for it is reached from an address that it may trust.
	// Empty when that was not tried.
	Foreign string
	// Relays means that it would have accepted that mail.
	Relays bool
}

// Sender and recipient of the probe (RFC 5737, Section 3; RFC 2606, Section 3: for documentation).
const (
	strangerAddress = "192.0.2.1"
	stranger        = "dnseal-check@example.com"
	elsewhere       = "dnseal-check@example.net"
)

// Probe connects to every next hop as a relay would and, for an inbound one, tries whether mail of
// a stranger for somebody elsewhere would be accepted. It sends no message.
func (p *Pool) Probe(ctx context.Context, inbound bool) []Probed {
	out := make([]Probed, 0, len(p.hops))
	for _, hop := range p.hops {
		found := Probed{Hop: hop}
		found.Err = found.probe(ctx, p, inbound)
		out = append(out, found)
	}
	return out
}

func (p *Probed) probe(ctx context.Context, pool *Pool, inbound bool) error {
	from := Origin{Addr: netip.AddrPortFrom(netip.MustParseAddr(strangerAddress), 25), Hello: "stranger.example.com", ESMTP: true}
	c, err := connect(ctx, p.Hop, pool.opts, pool.hello, from)
	if err != nil {
		return err
	}
	defer func() { _ = c.conn.Close() }()
	p.Encrypted, p.LoggedIn = c.tls, c.loggedIn
	if !inbound {
		_, err = c.Command("QUIT")
		return err
	}
	return p.probeForeign(c)
}

// probeForeign goes as far as RCPT, and then resets.
func (p *Probed) probeForeign(c *Client) error {
	r, err := c.Command("MAIL FROM:<" + stranger + ">")
	if err != nil {
		return err
	}
	if r.OK() {
		if r, err = c.Command("RCPT TO:<" + elsewhere + ">"); err != nil {
			return err
		}
	}
	p.Foreign, p.Relays = r.String(), r.OK()
	// RFC 5321, Section 4.2.1: 4yz is no decision.
	if r.Code/100 == 4 {
		return fmt.Errorf("relay: next hop %s: cannot find out whether it relays: %s", p.Hop, r)
	}
	_, err = c.Command("RSET")
	_, quit := c.Command("QUIT")
	return errors.Join(err, quit)
}
