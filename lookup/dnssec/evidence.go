package dnssec

import (
	"context"
	"slices"
	"time"

	"github.com/miekg/dns"
)

// Evidence is what a status rests on: enough to validate it again without a network.
type Evidence struct {
	Name  string
	Type  uint16
	Rcode int
	// RRsets in any order, each with the question it answers. NSEC, NSEC3 and SOA records without
	// that (no Name) are in the authority section of every answer.
	RRsets []RRset
}

// Evidence returns the evidence of an answer.
func (a *Answer) Evidence() Evidence {
	return Evidence{Name: a.Name, Type: a.Type, Rcode: a.Rcode, RRsets: a.RRsets}
}

// Verify validates evidence as of a time, by the anchors, skew and algorithms of v; its Exchanger,
// clock and Keys are not used. An answer that was secure, insecure or bogus at that time is so
// again. A question that is missing in the evidence counts as answered with no records. Unsigned
// records are never secure. Records of a name in a zone that its parent has signed are secure when
// the proof of the delegation is left out (see zoneOf). It does not show that the records were
// still published at that time, only that their signatures were valid. It never returns nil.
func (v *Validator) Verify(e Evidence, at time.Time) *Answer {
	return v.VerifyContext(context.Background(), e, at)
}

// VerifyContext is Verify by the budget of ctx ([WithBudget]).
func (v *Validator) VerifyContext(ctx context.Context, e Evidence, at time.Time) *Answer {
	offline := Validator{
		Exchanger: stored(e), Anchors: v.Anchors, Now: func() time.Time { return at },
		Skew: v.Skew, AllowSHA1: v.AllowSHA1, Signatures: v.Signatures, extra: v.extra,
	}
	l := offline.newLookup(ctx, e.Type)
	defer l.asker.close()
	n, err := parseName(e.Name)
	if err != nil || isMeta(e.Type) {
		l.answer.Name, l.answer.Type = e.Name, e.Type
		return l.finish(indeterminate(noEDE, CodeMalformed, "%q %s cannot be asked for", e.Name, typeName(e.Type)))
	}
	l.answer.Name = n.String()
	l.establishZones(e.RRsets)
	return l.finish(l.clock(n, l.follow(n)))
}

// establishZones establishes the zones that the evidence speaks of, from the top. A walk that began
// at a cached zone has left no proof of the names above it, and needs none.
func (l *lookup) establishZones(sets []RRset) {
	var zones []name
	for _, s := range sets {
		if s.Type != dns.TypeDS && s.Type != dns.TypeDNSKEY {
			continue
		}
		if n, err := parseName(s.Name); err == nil && !slices.Contains(zones, n) {
			zones = append(zones, n)
		}
	}
	for _, n := range slices.Backward(longestFirst(zones)) {
		if _, ok := l.anchors.closest(n); ok && len(zones) <= l.spent.limits.LookupQueries {
			l.zone(n)
		}
	}
}

// stored answers from evidence.
type stored Evidence

// Exchange implements Exchanger.
func (e stored) Exchange(_ context.Context, name string, qtype uint16, _ bool) (*dns.Msg, error) {
	m := new(dns.Msg)
	m.SetQuestion(name, qtype)
	m.Response = true
	if qtype == e.Type {
		m.Rcode = e.Rcode
	}
	for _, s := range e.RRsets {
		if len(s.Records) == 0 {
			continue
		}
		t := s.Records[0].Header().Rrtype
		denial := t == dns.TypeSOA || t == dns.TypeNSEC || t == dns.TypeNSEC3
		if (s.Name != "" || !denial) && (s.Type != qtype || dns.CanonicalName(s.Name) != name) {
			continue
		}
		section := &m.Answer
		if denial && t != qtype {
			section = &m.Ns
		}
		*section = append(*section, s.Records...)
		for _, sig := range s.Signatures {
			*section = append(*section, sig)
		}
	}
	return m, nil
}
