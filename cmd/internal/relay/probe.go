package relay

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
)

// Probed is what [Probe] found out about one next hop.
type Probed struct {
	Hop NextHop
	// Err says why mail cannot go there by these options; nil: it can.
	Err error
	// Encrypted says that TLS was used, and the hop proved itself by the policy.
	Encrypted bool
	// Foreign is what the hop answers to a stranger's mail for somebody elsewhere, an inbound
	// server's danger: it must refuse it, for it is reached from an address that it may trust.
	// Empty when it was not asked.
	Foreign string
	// Relays says that it would have taken that mail.
	Relays bool
}

// Stranger and Elsewhere are who asks Probe's question: addresses for documentation (RFC 5737, RFC
// 2606).
const (
	strangerAddress = "192.0.2.1"
	stranger        = "dnseal-check@example.com"
	elsewhere       = "dnseal-check@example.net"
)

// Probe connects to every next hop as a server with these options would, says who it is, and, when
// it is inbound, asks whether mail of a stranger for somebody elsewhere would be taken. It sends no
// message. Errors: the options make no sense.
func Probe(ctx context.Context, opts Options) ([]Probed, error) {
	s, err := New(opts)
	if err != nil {
		return nil, err
	}
	defer s.abort()
	out := make([]Probed, 0, len(s.pool.hops))
	for _, hop := range s.pool.hops {
		p := Probed{Hop: hop}
		p.Err = p.ask(ctx, s)
		out = append(out, p)
	}
	return out, nil
}

func (p *Probed) ask(ctx context.Context, s *Server) error {
	who := peer{addr: netip.AddrPortFrom(netip.MustParseAddr(strangerAddress), 25), hello: "stranger.example.com", esmtp: true}
	c, err := connect(ctx, s.pool.dial, p.Hop, s.opts.Hop, s.opts.Hostname, who)
	if err != nil {
		return err
	}
	defer func() { _ = c.conn.Close() }()
	p.Encrypted = c.tls
	if !s.opts.Inbound {
		_, err = c.command("QUIT")
		return err
	}
	return p.askForeign(c)
}

// askForeign goes as far as RCPT, and takes it back.
func (p *Probed) askForeign(c *client) error {
	r, err := c.command("MAIL FROM:<" + stranger + ">")
	if err != nil {
		return err
	}
	if r.ok() {
		if r, err = c.command("RCPT TO:<" + elsewhere + ">"); err != nil {
			return err
		}
	}
	p.Foreign, p.Relays = r.String(), r.ok()
	if r.code/100 == 4 {
		return fmt.Errorf("relay: next hop %s: cannot tell whether it relays: %s", p.Hop, r)
	}
	_, err = c.command("RSET")
	_, quit := c.command("QUIT")
	return errors.Join(err, quit)
}
