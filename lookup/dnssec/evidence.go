package dnssec

import (
	"context"
	"slices"
	"sync"
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
	l.zonesOf(e, v.Chains)
	return l.finish(l.clock(n, l.follow(n)))
}

// zonesOf establishes the zones that the evidence speaks of, or recalls them.
func (l *lookup) zonesOf(e Evidence, known *Chains) {
	chain := chainSets(e.RRsets)
	// The rcode is that of the question itself.
	if e.Type == dns.TypeDS || e.Type == dns.TypeDNSKEY {
		known = nil
	}
	if !known.recall(l, chain) {
		l.establishZones(e.RRsets)
		known.remember(l, chain)
	}
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

// Chains remembers which zones evidence has proven, so that many answers that rest on the same keys
// prove these once. RRsets are the same where they are in the same memory, which must not be
// changed. It belongs to one set of anchors, and to validators that differ in nothing else either.
// The zero value is empty. It is safe for concurrent use.
type Chains struct {
	mu    sync.Mutex
	all   map[*dns.RR][]*provenChain // by the first record
	count int
}

// maxChains bounds the chains that are remembered.
const maxChains = 10_000

// provenChain is what some RRsets have proven.
type provenChain struct {
	sets []RRset
	// at is a time as of which it was proven. Between from and until no signature begins or ends to
	// hold.
	at, from, until time.Time
	zones           []*Zone // each after its parent
}

// chainSets are the sets of evidence that can be in the answer to a question about DS or DNSKEY
// records: all that decides what the zones are.
func chainSets(sets []RRset) []RRset {
	var out []RRset
	for _, s := range sets {
		if len(s.Records) > 0 && (s.Name == "" || s.Type == dns.TypeDS || s.Type == dns.TypeDNSKEY) {
			out = append(out, s)
		}
	}
	return out
}

// sameSet reports whether two sets are in the same memory.
func sameSet(a, b RRset) bool {
	return a.Name == b.Name && a.Type == b.Type && sameSlice(a.Records, b.Records) && sameSlice(a.Signatures, b.Signatures)
}

func sameSlice[E any](a, b []E) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}

// recall gives l the zones that the same sets have proven, where that was so now, too.
func (c *Chains) recall(l *lookup, sets []RRset) bool {
	if c == nil || len(sets) == 0 {
		return false
	}
	c.mu.Lock()
	known := c.all[&sets[0].Records[0]]
	c.mu.Unlock()
	for _, p := range known {
		if p.holds(l) && slices.EqualFunc(p.sets, sets, sameSet) {
			p.give(l)
			return true
		}
	}
	return false
}

func (p *provenChain) holds(l *lookup) bool {
	return !l.now.Before(p.from) && !l.now.After(p.until) && l.v.anchors().same(p.at, l.now)
}

// give adds the zones to those of l, with the times that they have now.
func (p *provenChain) give(l *lookup) {
	for _, old := range p.zones {
		z := *old
		z.proof = proof{}
		if old.parent != nil {
			z.parent = l.zones[old.parent.name].z
			z.proof.bound(z.parent.proof.expires, z.parent.proof.inception, z.parent.proof.expiration)
		}
		for _, s := range old.proof.sets {
			z.proof.add(l, s.set, s.by)
		}
		z.Expires = z.proof.expires
		l.zones[z.name] = zoneResult{&z, z.verdict}
	}
}

// remember keeps the zones of l where all of them are secure, nothing else was needed for that, and
// all signatures hold.
func (c *Chains) remember(l *lookup, sets []RRset) {
	if c == nil || len(sets) == 0 || len(l.passed.sets) > 0 {
		return
	}
	p := &provenChain{sets: sets, at: l.now}
	if !p.period(l) || !p.take(l) {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.all == nil || c.count >= maxChains {
		c.all, c.count = map[*dns.RR][]*provenChain{}, 0
	}
	first := &sets[0].Records[0]
	c.all[first] = append(slices.Clip(c.all[first]), p)
	c.count++
}

// period finds out for how long all signatures hold. RFC 4034, Section 3.1.5.
func (p *provenChain) period(l *lookup) bool {
	const longest = 1 << 30 // half of what serial numbers can tell apart
	for _, s := range p.sets {
		for _, sig := range s.Signatures {
			if d := int32(sig.Expiration - sig.Inception); d < 0 || d > longest {
				return false
			}
			from, until := l.serialTime(sig.Inception).Add(-l.skew), l.serialTime(sig.Expiration).Add(l.skew)
			if l.now.Before(from) || l.now.After(until) {
				return false
			}
			if from.After(p.from) {
				p.from = from
			}
			p.until = earlier(p.until, until)
		}
	}
	return !p.until.IsZero()
}

// take takes the zones of l; false where one is not secure.
func (p *provenChain) take(l *lookup) bool {
	for _, f := range l.zones {
		if f.z == nil || f.status != Secure || f.z.parent != nil && l.zones[f.z.parent.name].z != f.z.parent {
			return false
		}
		p.zones = append(p.zones, f.z)
	}
	slices.SortFunc(p.zones, func(a, b *Zone) int { return len(a.name) - len(b.name) })
	return true
}

// anchors are those of v, of all periods.
func (v *Validator) anchors() *Anchors {
	if v.Anchors == nil {
		return builtIn()
	}
	return v.Anchors
}

// same reports whether the same anchors are valid at two times.
func (a *Anchors) same(x, y time.Time) bool {
	return !slices.ContainsFunc(a.timed, func(t timedAnchor) bool { return t.validAt(x) != t.validAt(y) })
}
