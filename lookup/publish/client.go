package publish

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"dnseal/lookup"
)

// Options of a Client.
type Options struct {
	// Server is the primary: "host" or "host:port"; "": the one in the SOA of the zone, port 53.
	Server string
	// Zone is the zone of all names; "": it is found by questions for SOA records.
	Zone string
	// Key signs the updates; nil: they go unsigned, and so do the replies, which then prove
	// nothing.
	Key *Key
	// NameServers are the name servers to read back from; see [ReaderOptions].
	NameServers []string
	// Lookup has the resolvers and the trust anchor. Required. It is not closed.
	Lookup *lookup.Client
	// Timeout for one message to the primary, and for one question where it is less than 5 s; 0: 30
	// s.
	Timeout time.Duration
	// Now is the clock, also that of TSIG; nil: time.Now.
	Now func() time.Time
}

// Client changes zones by dynamic update and reads back. It is safe for concurrent use.
type Client struct {
	*Reader
	opts    Options
	timeout time.Duration
}

var _ Publisher = (*Client)(nil)

// New returns a Client. It fails on options that cannot be read; it asks nothing yet.
func New(opts Options) (*Client, error) {
	r, err := NewReader(ReaderOptions{Lookup: opts.Lookup, Zone: opts.Zone, NameServers: opts.NameServers, Timeout: min(max(opts.Timeout, 0), defaultTimeout), Now: opts.Now})
	if err != nil {
		return nil, err
	}
	if opts.Server != "" {
		if err := CheckServer(opts.Server); err != nil {
			return nil, err
		}
		host, port := splitHost(opts.Server)
		r.primary = net.JoinHostPort(host, port)
	}
	return &Client{Reader: r, opts: opts, timeout: cmp.Or(max(opts.Timeout, 0), 30*time.Second)}, nil
}

// target is the primary of a zone.
type target struct {
	zone  zone
	name  string   // as named, or MNAME
	addrs []string // host:port
	bySOA bool     // it was found by the SOA
}

// String names the server.
func (t target) String() string {
	if len(t.addrs) == 0 || t.name == t.addrs[0] {
		return t.name
	}
	return fmt.Sprintf("%s (%s)", t.name, t.addrs[0])
}

// serverAdvice adds what to do when the SOA does not name the server that takes updates (RFC 1996,
// Section 2.1: MNAME need not be reachable).
func (t target) serverAdvice(text string) string {
	if t.bySOA {
		return text + "; it is the one in the SOA, which can be another than the one for updates: name that (--server)"
	}
	return text
}

// target finds the primary of a zone.
func (c *Client) target(ctx context.Context, z zone) (target, error) {
	if c.primary != "" {
		return target{zone: z, name: c.primary, addrs: []string{c.primary}}, nil
	}
	err := errors.New("its SOA was not found")
	if z.primary != "" {
		var addrs []string
		if addrs, err = c.addresses(ctx, z.primary, "53"); err == nil {
			return target{zone: z, name: z.primary, addrs: addrs, bySOA: true}, nil
		}
	}
	if ctx.Err() != nil {
		return target{}, ctx.Err()
	}
	return target{}, &Refusal{
		Code: NoPrimary, Zone: z.name, Err: err, Text: fmt.Sprintf("the primary of %s is not known: %v", z.name, err),
		Advice: "name the server that takes updates (--server)",
	}
}

// Apply implements [Publisher]: first all messages are made, then they are sent one after the
// other, from the sixth on up to eight at a time, fewer to a server that is slow: Knot makes all
// that wait for a zone in one go. Changes that are refused for their own sake ([Alias], [Changed])
// do not stop the others; anything else does, but for the messages that are under way with it. What
// a server that went away has done is found out by reading, where that is possible.
func (c *Client) Apply(ctx context.Context, changes ...Change) error {
	list, err := c.plan(ctx, changes)
	if err != nil {
		if ctx.Err() != nil {
			return notSent(ctx.Err())
		}
		return err
	}
	var p progress
	for at, width := 0, 1; at < len(list); {
		if p.stopped {
			p.notDone = append(p.notDone, list[at].changes...)
			at++
			continue
		}
		n := min(width, len(list)-at)
		begin := time.Now()
		c.together(ctx, list[at:at+n], &p)
		if at += n; at >= alone {
			width = c.width(time.Since(begin) / time.Duration(n))
		}
	}
	return p.result(len(changes))
}

// batch is the content of one message.
type batch struct {
	target
	changes []Change
}

// plan puts the changes into messages.
func (c *Client) plan(ctx context.Context, changes []Change) (out []batch, err error) {
	if changes, err = Normal(changes); err != nil {
		return nil, err
	}
	groups, err := c.byZone(ctx, changes)
	if err != nil {
		return nil, err
	}
	for _, g := range groups {
		t, err := c.target(ctx, g.zone)
		if err != nil {
			return nil, err
		}
		parts, err := batches(g.zone.name, g.changes)
		if err != nil {
			return nil, err
		}
		for _, part := range parts {
			out = append(out, batch{t, part})
		}
	}
	return out, nil
}
