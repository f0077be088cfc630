package dnssec

import (
	"time"

	"github.com/miekg/dns"
)

// proof is what a status rests on: RRsets, and the time in which all of them hold. The zero value
// is empty.
type proof struct {
	sets []*provenSet
	// expires is when the first TTL or signature runs out, zero when there is none.
	expires time.Time
	// inception is the latest beginning, expiration the earliest end of the signatures.
	inception, expiration time.Time
}

// provenSet is an RRset with the signature that was verified; by is nil for one that is unsigned.
type provenSet struct {
	set *rrset
	by  *dns.RRSIG
}

// add adds a set that was received at now. The TTL in use is bounded by the TTL of the signature,
// the original TTL and the end of the signature (RFC 4035, Section 5.3.3).
func (p *proof) add(l *lookup, s *rrset, by *dns.RRSIG) {
	for _, has := range p.sets {
		if has.set == s {
			return
		}
	}
	p.sets = append(p.sets, &provenSet{s, by})
	ttl := s.ttl()
	if by == nil {
		p.bound(l.now.Add(ttl), time.Time{}, time.Time{})
		return
	}
	// RFC 4035, Section 5.3.3.
	ttl = min(ttl, time.Duration(min(by.OrigTtl, by.Hdr.Ttl))*time.Second)
	from, to := l.serialTime(by.Inception), l.serialTime(by.Expiration)
	p.bound(earlier(l.now.Add(ttl), to), from, to)
}

// addFirst is add, in front of what is there.
func (p *proof) addFirst(l *lookup, s *rrset, by *dns.RRSIG) {
	rest := p.sets
	p.sets = nil
	p.add(l, s, by)
	p.sets = append(p.sets, rest...)
}

// bound narrows the times.
func (p *proof) bound(expires, inception, expiration time.Time) {
	p.expires = earlier(p.expires, expires)
	p.expiration = earlier(p.expiration, expiration)
	if inception.After(p.inception) {
		p.inception = inception
	}
}

// join adds everything of q.
func (p *proof) join(q *proof) {
	for _, s := range q.sets {
		p.addProven(s)
	}
	p.bound(q.expires, q.inception, q.expiration)
}

func (p *proof) addProven(s *provenSet) {
	for _, has := range p.sets {
		if has.set == s.set {
			return
		}
	}
	p.sets = append(p.sets, s)
}

// earlier ignores zero times.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
