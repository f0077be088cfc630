package lookup

import (
	"cmp"
	"time"
)

// Limits bound what a client does at a time and how long it keeps what it learned. A zero field
// means its default. What one message may cost is bounded by [dnssec.Limits], in the budget that
// comes with the context.
type Limits struct {
	// Lookups under way: half of them in signer domains that have answered lately, half in all
	// others. Default: 256.
	Lookups int
	// DomainLookups under way in one signer domain, and in the unknown ones of one registrable
	// domain together. Default: 8.
	DomainLookups int
	// Connections to one resolver by TCP or TLS. Default: 4.
	Connections int
	// FirstPause is for how long a resolver that does not work is left alone; each time it is twice
	// as long, up to LastPause (RFC 9520, Section 3.2). Defaults: 5 seconds, 1 minute.
	FirstPause, LastPause time.Duration
	// Positive, Negative and Bogus are for how long such an answer is kept at most, and Positive
	// for how long a zone's keys are. Shorter TTLs hold. Defaults: 1 hour, 15 minutes, 1 minute.
	// RFC 2181, Section 8: a TTL is a maximum, so a cap is allowed.
	// RFC 2308, Section 5: that of negative answers is not above that of positive ones.
	// RFC 4035, Section 4.7: bad data is kept for a short time only.
	Positive, Negative, Bogus time.Duration
	// Failure is for how long an indeterminate result is kept (RFC 9520, Section 3.2).
	// Default: 5 seconds.
	Failure time.Duration
}

func (l Limits) withDefaults() Limits {
	return Limits{
		Lookups:       max(cmp.Or(l.Lookups, 256), 2), // one for each half
		DomainLookups: cmp.Or(l.DomainLookups, 8),
		Connections:   l.Connections, // the defaults of these three are those of package transport
		FirstPause:    l.FirstPause,
		LastPause:     l.LastPause,
		Positive:      cmp.Or(l.Positive, time.Hour),
		Negative:      cmp.Or(l.Negative, 15*time.Minute),
		Bogus:         cmp.Or(l.Bogus, time.Minute),
		Failure:       cmp.Or(l.Failure, 5*time.Second),
	}
}
