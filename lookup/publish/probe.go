package publish

import (
	"context"
	"fmt"
	"net"
	"slices"

	"github.com/miekg/dns"
)

// knowsKey asks the server a question signed by the key. A reply that it signs shows that name,
// algorithm and secret of the key are right, and the clocks.
func (c *Client) knowsKey(ctx context.Context, t target) bool {
	if c.opts.Key == nil {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, c.Reader.opts.Timeout)
	defer cancel()
	m := new(dns.Msg)
	m.SetQuestion(t.zone.name, dns.TypeSOA)
	m.RecursionDesired = false
	wire, mac, err := c.opts.Key.sign(m, c.Reader.opts.Now())
	if err != nil {
		return false
	}
	conn, err := dial(ctx, t.addrs)
	if err != nil {
		return false
	}
	defer conn.Close() //nolint:errcheck // it was a question
	raw, err := roundTrip(ctx, conn, wire)
	r := new(dns.Msg)
	if err != nil || r.Unpack(raw) != nil || r.Id != m.Id || r.IsTsig() == nil {
		return false
	}
	return r.IsTsig().Error == 0 && c.opts.Key.verify(raw, r.IsTsig(), mac, c.Reader.opts.Now()) == nil
}

// secondary adds to a refusal that the server is a secondary, where its SOA names another primary:
// it serves the zone (AA), and no address of MNAME is its own.
func (c *Client) secondary(ctx context.Context, b batch, out *Refusal) {
	m, err := c.asker.ask(ctx, b.addrs[0], b.zone.name, dns.TypeSOA)
	if err != nil {
		return
	}
	soa := soaOf(m, b.zone.name)
	if soa == nil || dns.CanonicalName(soa.Hdr.Name) != b.zone.name {
		return
	}
	primary := dns.CanonicalName(soa.Ns)
	addrs, err := c.addresses(ctx, primary, "53")
	if err != nil || slices.ContainsFunc(addrs, func(a string) bool { return sameHost(ctx, a, b.addrs[0]) }) {
		return
	}
	out.Code = Secondary
	out.Text = fmt.Sprintf("%s; it seems to be a secondary of %s: the SOA names %s (%s) as the primary", out.Text, b.zone.name, primary, addrs[0])
	out.Advice = "send updates to the primary (--server " + addrs[0] + "), or " + out.Advice
}

// sameHost compares the hosts of two addresses.
func sameHost(ctx context.Context, a, b string) bool {
	one, _, _ := net.SplitHostPort(a)
	two, _, _ := net.SplitHostPort(b)
	if one == two {
		return true
	}
	list, err := net.DefaultResolver.LookupHost(ctx, two)
	return err == nil && slices.Contains(list, one)
}
