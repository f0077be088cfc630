package lookup

import (
	"errors"
	"time"

	"github.com/maypok86/otter/v2"
	"github.com/miekg/dns"

	"dnseal/lookup/dane"
	"dnseal/lookup/dnssec"
)

const (
	defaultCacheBytes = 64 << 20
	zoneShare         = 2 // one octet for zones for so many of results
	maxSignatures     = 100_000
)

// key names a cached result. The mode and the CD bit are those of the client. RFC 2308, Section 5:
// an absent name is kept by name and type, too, which is narrower than allowed.
type key struct {
	name string
	typ  dane.Type
}

// entry is a cached result. It is never changed.
type entry struct {
	result  *Result
	stored  time.Time
	expires time.Time
}

// cache keeps results, bounded in bytes, and what the validator proved about zones and signatures.
// Every entry has an expiry of its own, and nothing is returned after it (RFC 8767 is not done): a
// record that was removed is a revoked key.
type cache struct {
	now        func() time.Time
	limits     Limits
	results    *otter.Cache[key, *entry]
	zones      *otter.Cache[string, *dnssec.Zone]
	signatures *otter.Cache[[32]byte, struct{}]
}

func newCache(o *Options) (*cache, error) {
	c := &cache{now: o.Now, limits: o.Limits}
	var errs [3]error
	c.results, errs[0] = otter.New(&otter.Options[key, *entry]{
		MaximumWeight: uint64(o.CacheBytes), Weigher: weigh,
		ExpiryCalculator: otter.ExpiryWritingFunc(func(e otter.Entry[key, *entry]) time.Duration {
			return e.Value.expires.Sub(e.Value.stored)
		}),
	})
	c.zones, errs[1] = otter.New(&otter.Options[string, *dnssec.Zone]{
		MaximumWeight: uint64(max(o.CacheBytes/zoneShare, 1)),
		Weigher:       func(name string, z *dnssec.Zone) uint32 { return uint32(len(name) + z.Size()) },
		ExpiryCalculator: otter.ExpiryWritingFunc(func(e otter.Entry[string, *dnssec.Zone]) time.Duration {
			return min(e.Value.Expires.Sub(o.Now()), o.Limits.Positive)
		}),
	})
	c.signatures, errs[2] = otter.New(&otter.Options[[32]byte, struct{}]{MaximumSize: maxSignatures})
	return c, errors.Join(errs[:]...)
}

// close ends the goroutines of the caches.
func (c *cache) close() {
	c.results.StopAllGoroutines()
	c.zones.StopAllGoroutines()
	c.signatures.StopAllGoroutines()
}

// get returns a result that still holds, with the time that is left to it, and how old it is.
func (c *cache) get(k key) (r *Result, age time.Duration) {
	e, ok := c.results.GetIfPresent(k)
	if !ok {
		return nil, 0
	}
	now := c.now()
	left := e.expires.Sub(now)
	// A clock that was set back does not make an entry live longer.
	if left <= 0 || now.Before(e.stored) {
		return nil, 0
	}
	fresh := *e.result
	fresh.TTL = left
	return &fresh, now.Sub(e.stored)
}

// put keeps a result for as long as it may be used.
func (c *cache) put(k key, r *Result) {
	if keep := c.limits.keepFor(r); keep > 0 {
		now := c.now()
		c.results.Set(k, &entry{result: r, stored: now, expires: now.Add(keep)})
	}
}

// keepFor is the time for which a result is kept. The TTL is bounded by every link of the chain
// already.
func (l *Limits) keepFor(r *Result) time.Duration {
	switch {
	case r.Status == dnssec.Indeterminate && r.Code == codeMessageQueries:
		return 0 // that limit was the message's
	// RFC 9520, Section 3.2: a failure to resolve is kept for a second at least.
	case r.Status == dnssec.Indeterminate:
		return l.Failure
	// RFC 9520, Section 3.4; RFC 4035, Section 4.7.
	case r.Status == dnssec.Bogus:
		return min(max(r.TTL, l.Failure), l.Bogus)
	// RFC 4035, Section 5.3.3.
	case r.Presence == dane.Present:
		return min(r.TTL, l.Positive)
	}
	// RFC 2308, Section 5.
	return min(r.TTL, l.Negative)
}

// codeMessageQueries is the code of the limit that all lookups of a message share.
const codeMessageQueries dnssec.Code = "budget:queries"

// weigh estimates the octets that a result holds in memory.
func weigh(k key, e *entry) uint32 {
	const each, text = 256, 3 // a record's structures; then hexadecimal and base64 text
	size := 1024 + len(k.name)
	for _, set := range e.result.Answer.RRsets {
		for _, rr := range set.Records {
			size += each + text*dns.Len(rr)
		}
		for _, sig := range set.Signatures {
			size += each + text*dns.Len(sig)
		}
	}
	return uint32(size)
}

// zoneCache and signatureCache are what the validator sees.
type (
	zoneCache struct {
		*otter.Cache[string, *dnssec.Zone]
	}
	signatureCache struct {
		*otter.Cache[[32]byte, struct{}]
	}
)

func (c zoneCache) Get(zone string) (*dnssec.Zone, bool) { return c.GetIfPresent(zone) }
func (c zoneCache) Put(zone string, z *dnssec.Zone)      { c.Set(zone, z) }

func (c signatureCache) Has(id [32]byte) bool { _, ok := c.GetIfPresent(id); return ok }
func (c signatureCache) Add(id [32]byte)      { c.Set(id, struct{}{}) }
