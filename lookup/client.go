package lookup

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"dnseal/lookup/dnssec"
	"dnseal/lookup/evidence"
	"dnseal/lookup/internal/admit"
	"dnseal/lookup/internal/transport"
)

// Client is a caching, validating Resolver. It is safe for concurrent use. Close it when done.
type Client struct {
	opts       Options
	lists      admit.Lists
	transport  *transport.Client
	resolvFile *resolvFile // nil: the resolvers stay
	trust      atomic.Pointer[trust]
	limiter    *admit.Limiter
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

// Errors of New, in addition to those for resolvers and domains that cannot be read.
var (
	// ErrMode: Options.Mode is none of the modes.
	ErrMode = errors.New("unknown mode")
	// ErrNotTrusted: mode ad-only, and a resolver that cannot be believed.
	ErrNotTrusted = errors.New("mode ad-only")
	// ErrProbe: Options.Probe is no domain.
	ErrProbe = errors.New("the probe must be a domain")
)

// New returns a Client. It fails on options that make no sense (ErrMode, ErrProbe), when
// /etc/resolv.conf is needed and names no resolver, and in mode ad-only on a resolver that is not
// trustworthy: not on this machine nor authenticated, or not validating (ErrNotTrusted).
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
	c = &Client{opts: opts}
	if c.lists, err = admit.NewLists(opts.Allow, opts.Deny); err != nil {
		return nil, err
	}
	servers, err := opts.servers()
	if err != nil {
		return nil, err
	}
	if c.limiter, err = admit.NewLimiter(opts.Limits.Lookups, opts.Limits.DomainLookups); err != nil {
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

// SetAnchors replaces the trust anchors (nil: the built-in root anchors) and forgets everything
// that rested on the old ones (RFC 4035, Section 4.4). Lookups under way end with those they began
// with. It fails when the client is closed.
func (c *Client) SetAnchors(anchors *dnssec.Anchors) error {
	next := &trust{validator: dnssec.Validator{
		MayFollow: c.mayFollow, Anchors: anchors, Now: c.opts.Now, AllowSHA1: c.opts.AllowSHA1,
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

// Close ends the client's goroutines and connections and waits for them. Lookups under way end as
// indeterminate. It may be called twice.
func (c *Client) Close() error {
	c.stop()
	c.flights.close()
	c.transport.Close()
	c.limiter.Close()
	c.changing.Lock()
	defer c.changing.Unlock()
	if t := c.trust.Load(); t != nil {
		t.close()
	}
	return nil
}

// VerifyEvidence is [evidence.Verify] with the client's trust anchors. It asks nothing.
func (c *Client) VerifyEvidence(e *evidence.Evidence, at time.Time) (*Result, error) {
	return evidence.Verify(e, at, &c.trust.Load().validator)
}
