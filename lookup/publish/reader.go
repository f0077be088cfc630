package publish

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/miekg/dns"

	"dnseal/lookup"
	"dnseal/lookup/dane"
)

// ReaderOptions say where to read.
type ReaderOptions struct {
	// Lookup has the resolvers and the trust anchor. Required. It is not closed.
	Lookup *lookup.Client
	// Zone is the zone of all names; "": it is found by questions for SOA records.
	Zone string
	// NameServers are the name servers to read from, "host:port" or "host"; empty: those in the NS
	// records of the zone, on port 53.
	NameServers []string
	// Timeout for one question to one server; 0: 5 s.
	Timeout time.Duration
	// Now is the clock; nil: time.Now.
	Now func() time.Time
}

const defaultTimeout = 5 * time.Second

// Reader reads records from the name servers of their zone, past all caches. It is safe for
// concurrent use.
type Reader struct {
	opts    ReaderOptions
	asker   asker
	primary string // asked for zones first; "": only the resolvers are
	zones   zones
	silent  silent
	pause   func(context.Context, time.Duration) error
}

// NewReader returns a Reader. It fails without Lookup, and on a zone or name server that cannot be
// read.
func NewReader(opts ReaderOptions) (*Reader, error) {
	if opts.Lookup == nil {
		return nil, errors.New("publish: Lookup is missing")
	}
	opts.Timeout = cmp.Or(max(opts.Timeout, 0), defaultTimeout)
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Zone != "" {
		if err := CheckZone(opts.Zone); err != nil {
			return nil, err
		}
		opts.Zone = dns.CanonicalName(opts.Zone)
	}
	for _, s := range opts.NameServers {
		if err := CheckServer(s); err != nil {
			return nil, err
		}
	}
	return &Reader{opts: opts, asker: asker{opts.Timeout}, pause: pause}, nil
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Read asks every name server of the zone for the records of type t at owner: one Seen each. Errors
// are about the zone or its name servers as a whole: a [*Refusal] with [NoZone], [OutsideZone] or
// [NoNameServers], or the context's.
func (r *Reader) Read(ctx context.Context, owner string, t dane.Type) ([]Seen, error) {
	owner, err := canonical(owner)
	if err != nil {
		return nil, fmt.Errorf("publish: %w", err)
	}
	z, err := r.zoneOf(ctx, owner)
	if err != nil {
		return nil, err
	}
	servers, err := r.nameServers(ctx, z)
	if err != nil {
		return nil, err
	}
	rounds := newRounds(z, servers)
	return r.round(ctx, rounds, []place{{owner, t}}), ctx.Err()
}
