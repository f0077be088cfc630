package dnssec

import (
	"context"
	"time"

	"github.com/miekg/dns"
)

// Validator validates. All fields may stay zero but Exchanger. It is safe for concurrent use and must not be changed after its first use.
type Validator struct {
	// Exchanger asks the resolver. Required.
	Exchanger Exchanger
	// Anchors; nil means RootAnchors.
	Anchors *Anchors
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Skew is the tolerance for signature times; 0 means 5 minutes.
	Skew time.Duration
	// AllowSHA1 validates algorithms 5 and 7 instead of treating them as insecure.
	AllowSHA1 bool
	// Keys caches what was proven about zones; nil means no cache.
	Keys ZoneCache
}

// ZoneCache keeps proven zone keys and proven unsigned delegations.
type ZoneCache interface {
	Get(zone string) (*Zone, bool)
	Put(zone string, z *Zone)
}

// Zone is what was proven about a zone: its keys, or that it is not signed.
type Zone struct {
	Name    string
	Status  Status // Secure: Keys are proven; Insecure: proven unsigned
	Keys    []*dns.DNSKEY
	Link    Link
	Expires time.Time
}

// Resolve asks for (name, qtype) and validates. It never returns nil, and every failure is in the Answer.
func (v *Validator) Resolve(ctx context.Context, name string, qtype uint16) *Answer {
	panic("unwritten")
}
