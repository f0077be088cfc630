package publish

import (
	"context"
	"errors"
	"time"

	"dnseal/lookup"
	"dnseal/lookup/dane"
	"dnseal/lookup/dnssec"
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

// Reader reads records from the name servers of their zone, past all caches. It is safe for
// concurrent use.
type Reader struct {
	opts ReaderOptions
}

// NewReader returns a Reader. It fails without Lookup, and on a zone or name server that cannot be
// read.
func NewReader(opts ReaderOptions) (*Reader, error) {
	return &Reader{opts: opts}, nil
}

// Seen is what one name server has at one name, validated.
type Seen struct {
	Owner string
	Type  dane.Type
	Zone  string // its apex
	// Server is the name server: "ns1.example.org. (192.0.2.1:53)".
	Server string
	// Status is that of the answer: secure, or why nobody can rely on it (Code, Reason).
	Status   dnssec.Status
	Code     dnssec.Code
	Reason   string
	Presence dane.Presence
	Records  []dane.Record
	// Wildcard says that the records are those of a wildcard: none is at the name itself (RFC
	// 4592).
	Wildcard bool
	// Alias is the target of a CNAME at the name; "": none.
	Alias string
	// TTL is the original TTL of the records (RFC 4034, Section 3.1.4), which caches keep them for;
	// 0 without records.
	TTL time.Duration
	// NegativeTTL is how long caches keep that there is no record (RFC 2308, Section 5; RFC 9077).
	NegativeTTL time.Duration
	// Expires is the end of the signatures of this answer; until then it can be replayed.
	Expires time.Time
	// Serial is that of the zone on this server.
	Serial uint32
	// OptOut says that the denial is by NSEC3 with opt-out: absence is never proven (RFC 5155,
	// Section 12.2).
	OptOut bool
	// Err is why this server could not be read; all but Owner, Type, Zone and Server may be empty
	// then.
	Err error
}

// Read asks every name server of the zone for the records of type t at owner: one Seen each. The
// error is about the zone or its name servers as a whole: none found, or the context's.
func (r *Reader) Read(_ context.Context, _ string, _ dane.Type) ([]Seen, error) {
	return nil, errors.ErrUnsupported
}

// ReadBack waits until every name server shows the changes, validated, and returns what the last
// round saw. It asks again with growing pauses until the context ends (two minutes where it has no
// end). Errors are a [*Refusal]: [Behind] names a server that does not show them yet, [NotSigned]
// is a zone without DNSSEC or DS, [Bogus], [OptOut] a withdrawal that cannot be proven, [Alias] a
// CNAME in the way.
func (r *Reader) ReadBack(_ context.Context, _ ...Change) ([]Seen, error) {
	return nil, errors.ErrUnsupported
}
