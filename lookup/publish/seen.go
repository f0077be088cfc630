package publish

import (
	"math"
	"slices"
	"time"

	"github.com/miekg/dns"

	"dnseal/lookup/chain"
	"dnseal/lookup/dane"
	"dnseal/lookup/dnssec"
)

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
	// Records are those of the name, or those that its CNAME leads to.
	Records []dane.Record
	// Wildcard says that the records are those of a wildcard: none is at the name itself (RFC
	// 4592).
	Wildcard bool
	// Source is the name of that wildcard; "" without one.
	Source string
	// Alias is the target of a CNAME at the name or a DNAME above it; "": none.
	Alias string
	// TTL is the original TTL of the records (RFC 4034, Section 3.1.4), which caches keep them for;
	// 0 without records, and for one of 2^31 s and more (RFC 2181, Section 8).
	TTL time.Duration
	// NegativeTTL is how long caches keep that there is no record (RFC 2308, Section 5).
	NegativeTTL time.Duration
	// Expires is the end of the signatures of this answer; until then it can be replayed. Zero: it
	// has none.
	Expires time.Time
	// Serial is that of the zone on this server.
	Serial uint32
	// OptOut says that the denial is by NSEC3 with opt-out: where it leaves the name open, its
	// absence is not proven, and the status is insecure (RFC 5155, Section 9.2).
	OptOut bool
	// Err is why this server could not be read; all but Owner, Type, Zone and Server may be empty
	// then.
	Err error
}

// fill reads what was validated.
func (s *Seen) fill(a *dnssec.Answer) {
	r := chain.New(s.Owner, s.Type, a)
	s.Status, s.Code, s.Reason, s.Presence, s.Records = r.Status, r.Code, r.Reason, r.Presence, r.Records
	for _, text := range r.Texts {
		s.Records = append(s.Records, Text(text))
	}
	if len(a.Aliases) > 0 {
		s.Alias = a.Aliases[0]
	}
	for _, set := range a.RRsets {
		// The others are those of zones on the way.
		if set.Type == uint16(s.Type) {
			s.signatures(set)
			s.denial(set)
		}
	}
	s.OptOut = s.OptOut || s.Code == dnssec.CodeOptOut
}

// signatures reads the signatures of one set, and its TTL where it is the one asked for.
func (s *Seen) signatures(set dnssec.RRset) {
	leaf := set.Records[0].Header().Rrtype == uint16(s.Type)
	if leaf {
		s.TTL = lifetime(set.Records[0].Header().Ttl)
	}
	for _, sig := range set.Signatures {
		if end := serialTime(sig.Expiration); s.Expires.IsZero() || end.Before(s.Expires) {
			s.Expires = end
		}
		if leaf {
			// RFC 4034, Section 3.1.4.
			s.TTL = lifetime(sig.OrigTtl)
			// RFC 4034, Section 3.1.3.
			s.Wildcard = int(sig.Labels) < labels(sig.Hdr.Name)
			if s.Wildcard {
				s.Source = wildcard(sig.Hdr.Name, int(sig.Labels))
			}
		}
	}
}

// lifetime is how long caches keep what has a TTL. RFC 2181, Section 8: with the highest bit set it
// counts as 0.
func lifetime(ttl uint32) time.Duration {
	if ttl > math.MaxInt32 {
		return 0
	}
	return time.Duration(ttl) * time.Second
}

// wildcard is the name of the wildcard above owner, with so many labels and the asterisk.
func wildcard(owner string, n int) string {
	at := dns.Split(owner)
	if n <= 0 || n >= len(at) {
		return "*."
	}
	return "*." + dns.CanonicalName(owner[at[len(at)-n]:])
}

func labels(owner string) int {
	n := dns.CountLabel(owner)
	if dns.CanonicalName(owner)[0] == '*' {
		n--
	}
	return n
}

// denial notes the opt-out flag (RFC 5155, Section 3.1.2.1).
func (s *Seen) denial(set dnssec.RRset) {
	for _, rr := range set.Records {
		if n, ok := rr.(*dns.NSEC3); ok && n.Flags&1 != 0 {
			s.OptOut = true
		}
	}
}

// serialTime reads a time of an RRSIG, which counts modulo 2^32 (RFC 4034, Section 3.1.5).
func serialTime(t uint32) time.Time {
	now := time.Now().Unix()
	return time.Unix(now+int64(int32(t-uint32(now))), 0)
}

// Shows reports whether the server shows a change as [Reader.ReadBack] wants it: what is added is
// there, and nothing of what is only removed, and that is validated.
func (s *Seen) Shows(c Change) bool { return missingAt(zone{name: s.Zone}, nil, s, &c) == nil }

// shows reports whether a change is there: what it adds, and nothing of what it only removes. The
// status does not count.
func (s *Seen) shows(c *Change) bool {
	if s.Err != nil || s.Presence == dane.Unknown || s.Alias != "" {
		return false
	}
	return shows(s.Records, s.Wildcard, c)
}

func shows(records []dane.Record, wildcard bool, c *Change) bool {
	for _, want := range c.Add {
		if wildcard || !contains(records, want) {
			return false
		}
	}
	for _, not := range c.Remove {
		if !wildcard && contains(records, not) && !contains(c.Add, not) {
			return false
		}
	}
	return true
}

func contains(list []dane.Record, r dane.Record) bool {
	return slices.ContainsFunc(list, func(has dane.Record) bool { return same(has, r) })
}

func same(a, b dane.Record) bool {
	return a.Usage == b.Usage && a.Selector == b.Selector && a.MatchingType == b.MatchingType && slices.Equal(a.Data, b.Data)
}
