package dnssec

import (
	"context"
	"time"

	"github.com/miekg/dns"
)

// Anchors are the trust anchors, as DS or DNSKEY records by owner name.
type Anchors struct{}

// RootAnchors returns the two keys of the DNS root: KSK-2017 (20326) and KSK-2024 (38696).
func RootAnchors() *Anchors { panic("unwritten") }

// ParseAnchors reads DS and DNSKEY records in zone-file form.
func ParseAnchors(text, filename string) (*Anchors, error) { panic("unwritten") }

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

// Limits of the work one message may cause (reference: dns.md, 5). A zero field means its default.
type Limits struct {
	Queries int // per message, default 100
}

// Budget counts work; carried in the context. Hitting a limit makes the answer Indeterminate with Code "budget:NAME".
type Budget struct{}

// NewBudget returns a budget with these limits.
func NewBudget(l Limits) *Budget { panic("unwritten") }

// WithBudget returns a context that carries b.
func WithBudget(ctx context.Context, b *Budget) context.Context { panic("unwritten") }
