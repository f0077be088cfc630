package lookup

import (
	"context"
	"crypto/x509"
	"fmt"
	"sync"
	"time"

	"github.com/miekg/dns"

	"dnseal/lookup/dnssec"
	"dnseal/lookup/internal/transport"
)

// Modes of Options.Mode (DESIGN 6).
const (
	Validate = "validate" // every answer is validated here; the resolver can only withhold
	Both     = "both"     // the same, and the resolver must say AD too
	ADOnly   = "ad-only"  // the resolver is believed
)

// Options configure a Client. The zero value validates from the root through the resolvers of /etc/resolv.conf.
type Options struct {
	// Resolvers: "host:port", "host" or "tls://host:853#name"; empty: from /etc/resolv.conf.
	Resolvers []string
	// Mode is "validate" (default), "both" or "ad-only" (DESIGN 6).
	Mode string
	// Anchors; nil: the built-in root anchors.
	Anchors *dnssec.Anchors
	// Allow and Deny list signer domains (and everything below them); empty Allow: any.
	Allow, Deny []string
	// Timeout for one lookup; 0: 5 s.
	Timeout time.Duration
	// Now is the clock; nil: time.Now.
	Now func() time.Time
	// Trace, when set, is told every query with its duration. It is called from several goroutines.
	Trace func(q Query)
	// NoCache switches the cache off.
	NoCache bool
	// RootCAs authenticate tls:// resolvers; nil: the system's roots.
	RootCAs *x509.CertPool
}

// Query is one question asked, for Trace.
type Query struct {
	Name     string
	Type     uint16
	CD       bool
	Server   string
	Duration time.Duration
	Rcode    int
	Err      error
}

const (
	defaultTimeout = 5 * time.Second
	resolvConf     = "/etc/resolv.conf"
)

// Client is a caching, validating Resolver. It is safe for concurrent use. Close it when done.
type Client struct {
	opts      Options
	transport *transport.Client
	validator *dnssec.Validator
	closing   sync.Once
}

var _ Resolver = (*Client)(nil)

// New returns a Client. It fails on options that make no sense and, in mode ad-only, on a resolver that does not validate.
func New(opts Options) (*Client, error) {
	servers, err := opts.servers()
	if err != nil {
		return nil, fmt.Errorf("lookup: %w", err)
	}
	switch opts.Mode {
	case "":
		opts.Mode = Validate
	case Validate, Both, ADOnly:
	default:
		return nil, fmt.Errorf("lookup: mode %q: want %s, %s or %s", opts.Mode, Validate, Both, ADOnly)
	}
	if opts.Timeout <= 0 {
		opts.Timeout = defaultTimeout
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	c := &Client{opts: opts}
	c.transport = transport.New(transport.Options{Servers: servers, RootCAs: opts.RootCAs, Trace: opts.trace()})
	c.validator = &dnssec.Validator{Exchanger: c.transport, Anchors: opts.Anchors, Now: opts.Now}
	return c, nil
}

// servers are the resolvers to ask.
func (o *Options) servers() ([]transport.Server, error) {
	if len(o.Resolvers) == 0 {
		return transport.FromResolvConf(resolvConf)
	}
	var out []transport.Server
	for _, text := range o.Resolvers {
		s, err := transport.Parse(text)
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}

func (o *Options) trace() func(transport.Query) {
	if o.Trace == nil {
		return nil
	}
	return func(q transport.Query) { o.Trace(Query(q)) }
}

// Lookup implements Resolver.
func (c *Client) Lookup(ctx context.Context, name string, t Type) *Result {
	name = dns.CanonicalName(name)
	ctx, cancel := context.WithTimeout(ctx, c.opts.Timeout)
	defer cancel()
	return newResult(name, t, c.validator.Resolve(ctx, name, uint16(t)))
}

// LookupFresh implements Resolver.
func (c *Client) LookupFresh(ctx context.Context, name string, t Type) *Result {
	return c.Lookup(ctx, name, t)
}

// Close ends the client's goroutines and connections. It may be called twice.
func (c *Client) Close() error {
	c.closing.Do(c.transport.Close)
	return nil
}

// String is one line for people.
func (q Query) String() string {
	outcome := dns.RcodeToString[q.Rcode]
	if q.Err != nil {
		outcome = q.Err.Error()
	}
	cd := ""
	if q.CD {
		cd = " CD"
	}
	return fmt.Sprintf("%s %s %s%s: %s in %s", q.Server, q.Name, dns.Type(q.Type), cd, outcome, q.Duration.Round(10*time.Microsecond))
}
