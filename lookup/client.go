package lookup

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/maypok86/otter/v2"
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
	// Resolvers: "host:port", "host" or "tls://host:853#name"; empty: from /etc/resolv.conf, also when that changes (but in
	// mode ad-only).
	Resolvers []string
	// Mode is "validate" (default), "both" or "ad-only" (DESIGN 6).
	Mode string
	// Anchors; nil: the built-in root anchors.
	Anchors *dnssec.Anchors
	// Allow and Deny list signer domains (and everything below them); empty Allow: any.
	Allow, Deny []string
	// Timeout for one lookup; 0: 5 s. Two fifths of it, and 2 s at least, are one resolver's for one question.
	Timeout time.Duration
	// Now is the clock; nil: time.Now.
	Now func() time.Time
	// Trace, when set, is told every query with its duration. It is called from several goroutines.
	Trace func(q Query)
	// NoCache switches the cache off.
	NoCache bool
	// RootCAs authenticate tls:// resolvers; nil: the system's roots.
	RootCAs *x509.CertPool
	// Limits bound what the client does at a time.
	Limits Limits
	// CacheBytes bounds the cache of results; 0: 64 MiB. Zones and their keys get half as much beside it.
	CacheBytes int
	// Probe is the apex of a zone that is bogus on purpose, for mode ad-only; "": dnssec-failed.org.
	Probe string
	// AllowSHA1 validates algorithms 5 and 7 instead of treating them as insecure (RFC 9905).
	AllowSHA1 bool
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
	serverTime     = 2 * time.Second // the least time for a resolver to answer one question
	resolvConf     = "/etc/resolv.conf"
)

// Client is a caching, validating Resolver. It is safe for concurrent use. Close it when done.
type Client struct {
	opts       Options
	access     access
	transport  *transport.Client
	resolvFile *resolvFile // nil: the resolvers stay
	trust      atomic.Pointer[trust]
	known      *otter.Cache[string, struct{}] // signer domains that answered lately
	gate       *gate
	flights    flights
	changing   sync.Mutex      // for SetAnchors and Close
	life       context.Context // ends with Close
	stop       context.CancelFunc
}

var _ Resolver = (*Client)(nil)

// trust is the validator for one set of trust anchors with everything that was learned by it.
type trust struct {
	validator dnssec.Validator
	cache     *cache // nil: none
}

// What New can fail with beside resolvers and domains that cannot be read.
var (
	// ErrMode: Options.Mode is none of the modes.
	ErrMode = errors.New("unknown mode")
	// ErrNotTrusted: mode ad-only, and a resolver that cannot be believed.
	ErrNotTrusted = errors.New("mode ad-only")
)

// New returns a Client. It fails on options that make no sense (ErrMode), when /etc/resolv.conf is needed and names no
// resolver, and in mode ad-only on a resolver that is not trustworthy: not on this machine nor authenticated, or not
// validating (ErrNotTrusted).
func New(opts Options) (*Client, error) {
	c, err := newClient(opts)
	if err != nil {
		return nil, fmt.Errorf("lookup: %w", err)
	}
	return c, nil
}

func newClient(opts Options) (c *Client, err error) {
	if err = opts.setDefaults(); err != nil {
		return nil, err
	}
	c = &Client{opts: opts, gate: newGate(opts.Limits)}
	if c.access, err = newAccess(opts.Allow, opts.Deny); err != nil {
		return nil, err
	}
	servers, err := opts.servers()
	if err != nil {
		return nil, err
	}
	if c.known, err = newKnown(); err != nil {
		return nil, err
	}
	c.life, c.stop = context.WithCancel(context.Background())
	c.transport = transport.New(transport.Options{
		Servers: servers, Timeout: max(opts.Timeout*2/5, serverTime), RootCAs: opts.RootCAs, Trace: opts.trace(),
		Connections: opts.Limits.Connections, FirstPause: opts.Limits.FirstPause, LastPause: opts.Limits.LastPause,
	})
	if err := c.SetAnchors(opts.Anchors); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	switch {
	case opts.Mode == ADOnly:
		if err := c.probe(servers); err != nil {
			return nil, errors.Join(err, c.Close())
		}
	case len(opts.Resolvers) == 0:
		c.resolvFile = &resolvFile{path: resolvConf}
	}
	return c, nil
}

// setDefaults fills in what is zero.
func (o *Options) setDefaults() error {
	switch o.Mode {
	case "":
		o.Mode = Validate
	case Validate, Both, ADOnly:
	default:
		return fmt.Errorf("%w %q: want %s, %s or %s", ErrMode, o.Mode, Validate, Both, ADOnly)
	}
	o.Limits = o.Limits.withDefaults()
	if o.Timeout <= 0 {
		o.Timeout = defaultTimeout
	}
	if o.CacheBytes <= 0 {
		o.CacheBytes = defaultCacheBytes
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Probe == "" {
		o.Probe = defaultProbe
	}
	return nil
}

// SetAnchors replaces the trust anchors (nil: the built-in root anchors) and forgets everything that rested on the
// old ones. Lookups under way end with those they began with. It fails when the client is closed.
func (c *Client) SetAnchors(anchors *dnssec.Anchors) error {
	next := &trust{validator: dnssec.Validator{
		Exchanger: listening{c.transport}, Anchors: anchors, Now: c.opts.Now, AllowSHA1: c.opts.AllowSHA1,
	}}
	if !c.opts.NoCache {
		var err error
		if next.cache, err = newCache(&c.opts); err != nil {
			return err
		}
		next.validator.Keys = zoneCache{next.cache.zones}
		next.validator.Signatures = signatureCache{next.cache.signatures}
	}
	c.changing.Lock()
	defer c.changing.Unlock()
	if c.life.Err() != nil {
		next.close()
		return errors.New("lookup: the client is closed")
	}
	if last := c.trust.Swap(next); last != nil {
		last.close()
	}
	return nil
}

func (t *trust) close() {
	if t.cache != nil {
		t.cache.close()
	}
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

// Close ends the client's goroutines and connections and waits for them. Lookups under way end as indeterminate. It may
// be called twice.
func (c *Client) Close() error {
	c.stop()
	c.flights.close()
	c.transport.Close()
	c.known.StopAllGoroutines()
	c.changing.Lock()
	defer c.changing.Unlock()
	if t := c.trust.Load(); t != nil {
		t.close()
	}
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
