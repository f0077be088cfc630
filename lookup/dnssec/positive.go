package dnssec

import (
	"github.com/miekg/dns"
)

// positive validates an RRset of the answer section.
// RFC 4035, Section 5.3.
func (l *lookup) positive(r *reply, s *rrset) verdict {
	from := s.owner
	if s.typ == dns.TypeDS && from != root {
		// RFC 4035, Section 2.4: the DS is in the parent zone.
		from = from.parent()
	}
	top, ok := l.anchors.closest(from)
	if !ok {
		_, v := l.startingZone(from)
		return v
	}
	failure := verdict{}
	for _, signer := range longestFirst(appendSigners(nil, s, from, top)) {
		z, v := l.zoneOf(from, signer)
		if v.status == Secure {
			if v = l.signed(r, s, z); v.status == Secure || v.status == Insecure || v.final() {
				l.answeredBy(z)
				return v
			}
		}
		if v.code == CodeNotAZone {
			failure = v
			continue
		}
		l.answeredBy(z)
		l.leaf.add(l, s, nil)
		return v
	}
	return l.unsignedSet(s.owner, from, s, failure)
}

// unsignedSet validates a set without a signature by one of its zones. It is valid only in a zone
// that is proven to be unsigned; a missing RRSIG alone proves nothing. RFC 4035, Section 5.2.
func (l *lookup) unsignedSet(owner, from name, s *rrset, failure verdict) verdict {
	z, v := l.enclosing(from)
	l.answeredBy(z)
	l.leaf.add(l, s, nil)
	switch {
	case v.status != Secure:
		return v
	case failure.code != "":
		return failure
	}
	return bogus(dns.ExtendedErrorCodeRRSIGsMissing, CodeNoSignature,
		"%s %s comes without a signature, though its zone %s is signed; the resolver or something on the way strips signatures, or the answer is forged", owner, typeName(s.typ), z.Name)
}

// signed verifies a set in the zone that signed it, and the additional proof that a wildcard needs.
// RFC 4035, Section 5.3.4.
func (l *lookup) signed(r *reply, s *rrset, z *Zone) verdict {
	by, v := l.verify(s, z)
	if v.status != Secure {
		l.leaf.addProven(&provenSet{s, nil})
		return v
	}
	l.leaf.add(l, s, by)
	if !expanded(s, by) {
		return v
	}
	if neverExpanded(s.typ) {
		return bogus(dns.ExtendedErrorCodeDNSBogus, CodeNoWildcard, "%s %s was made from a wildcard, which this type never is", s.owner, typeName(s.typ))
	}
	d := l.denial(r, z)
	next := s.owner.ancestor(int(by.Labels) + 1)
	o := d.noCloser(next)
	l.leaf.join(&d.used)
	if v = l.verdictOf(o, d); v.status == Bogus && d.failure.code == "" {
		return bogus(dns.ExtendedErrorCodeNSECMissing, CodeNoWildcard,
			"%s %s was made from a wildcard, but nothing proves that %s does not exist; a record of another name may have been replayed", s.owner, typeName(s.typ), next)
	}
	return v
}

// neverExpanded lists types that make no sense at a wildcard (RFC 4592, Section 4; RFC 6672,
// Section 3.3).
func neverExpanded(t uint16) bool {
	switch t {
	case dns.TypeDNAME, dns.TypeDS, dns.TypeDNSKEY, dns.TypeSOA, dns.TypeNSEC, dns.TypeNSEC3, dns.TypeNSEC3PARAM:
		return true
	}
	return false
}

// verdictOf is what a proof by d is worth.
func (l *lookup) verdictOf(o outcome, d *denial) verdict {
	switch o {
	case absentName, absentType:
		return secure
	// RFC 5155, Section 9.2.
	case optedOut:
		return insecure(noEDE, CodeOptOut, "%s leaves open what is there (NSEC3 opt-out)", d.z.Name)
	// RFC 9276, Section 3.2.
	case highIterations:
		return l.tooManyIterations(d.z)
	case unproven:
	}
	return d.unproven("that the name or type is absent")
}

// cname validates an alias and returns its target, which counts only if it is the only one.
// RFC 2181, Section 10.1.
func (l *lookup) cname(r *reply, s *rrset) (name, verdict) {
	alias, ok := s.rrs[0].(*dns.CNAME)
	if !ok || len(s.rrs) != 1 {
		return "", l.badAlias(r, dns.ExtendedErrorCodeInvalidData, "%s has more than one CNAME", s.owner)
	}
	target, err := parseName(alias.Target)
	if err != nil {
		return "", l.badAlias(r, dns.ExtendedErrorCodeInvalidData, "the CNAME of %s leads nowhere", s.owner)
	}
	return target, l.positive(r, s)
}

// dname validates a DNAME above n, and makes the CNAME from it. A CNAME in the reply, which is
// never signed, must be equal to it (RFC 6672, Section 5.3.1). A DNAME above the trust anchor of n
// does not count: it need not be signed. RFC 6672, Section 3.1.
func (l *lookup) dname(r *reply, s, came *rrset, n name) (name, verdict) {
	record, ok := s.rrs[0].(*dns.DNAME)
	// RFC 6672, Section 2.4.
	if !ok || len(s.rrs) != 1 {
		return "", l.badAlias(r, dns.ExtendedErrorCodeInvalidData, "%s has more than one DNAME", s.owner)
	}
	if top, ok := l.anchors.closest(n); !ok || !s.owner.within(top) {
		return "", l.badAlias(r, dns.ExtendedErrorCodeDNSBogus, "the DNAME of %s is above the trust anchor of %s", s.owner, n)
	}
	to, err := parseName(record.Target)
	target := n[:len(n)-len(s.owner)] + to
	// RFC 6672, Section 2.2: the new name may be too long.
	if err != nil || len(target) > 255 {
		return "", l.badAlias(r, dns.ExtendedErrorCodeInvalidData, "the DNAME of %s leads %s nowhere", s.owner, n)
	}
	if came != nil && !came.leadsTo(target) {
		return "", l.badAlias(r, dns.ExtendedErrorCodeDNSBogus, "the CNAME of %s is not what the DNAME of %s makes", n, s.owner)
	}
	return target, l.positive(r, s)
}

// badAlias keeps all of the reply as evidence of what is wrong with it.
func (l *lookup) badAlias(r *reply, ede uint16, format string, args ...any) verdict {
	l.leaf.addAll(r)
	return bogus(ede, CodeBadAlias, format, args...)
}

// leadsTo reports whether the set is one CNAME to the target, as a DNAME makes it.
// RFC 6672, Section 3.1.
func (r *rrset) leadsTo(target name) bool {
	for _, rr := range r.rrs {
		c, ok := rr.(*dns.CNAME)
		if !ok {
			return false
		}
		if n, err := parseName(c.Target); err != nil || n != target {
			return false
		}
	}
	return true
}
