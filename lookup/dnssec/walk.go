package dnssec

import (
	"github.com/miekg/dns"
)

// enclosing walks from the closest proven zone down to n, label by label, and returns the zone of
// n. RFC 4035, Section 5: from a trust anchor down.
func (l *lookup) enclosing(n name) (*Zone, verdict) {
	z, v := l.startingZone(n)
	if z == nil {
		return z, v
	}
	passed := new(proof)
	for depth := z.name.labels() + 1; v.status == Secure && depth <= n.labels(); depth++ {
		next, w := l.descend(z, n.ancestor(depth), passed)
		if next != z {
			l.rememberZone(next.name, next, w)
		}
		z, v = next, w
	}
	l.passed.join(passed)
	return z, v
}

// startingZone returns the deepest zone around n that needs no question, else that of its anchor.
func (l *lookup) startingZone(n name) (*Zone, verdict) {
	top, ok := l.anchors.closest(n)
	if !ok {
		return nil, indeterminate(int(dns.ExtendedErrorCodeDNSSECIndeterminate), CodeNoAnchor, "no trust anchor encloses %s", n)
	}
	if f, ok := l.deepestZone(n, top); ok {
		return l.zone(f.z.name)
	}
	return l.zone(top)
}

// descend decides what child is, a name below the secure zone parent with no proven zone between: a
// signed zone, one that is not signed, or no zone at all, which returns parent itself. What proves
// the last goes to passed.
func (l *lookup) descend(parent *Zone, child name, passed *proof) (*Zone, verdict) {
	r := l.ask(child, dns.TypeDS)
	if r.failed {
		return l.broken(parent, child, r.failure)
	}
	// RFC 4035, Section 5.2.
	if s := r.rrset(child, dns.TypeDS, true); s != nil {
		return l.delegation(parent, child, s, passed)
	}
	if by, s, v := l.aliasAt(r, parent, child); s != nil {
		if v.status != Secure {
			return l.broken(parent, child, v)
		}
		passed.addTo(l, s, by)
		return parent, secure
	}
	d := l.denial(r, parent)
	switch d.noDS(child) {
	case cutNone:
		passed.joinTo(&d.used)
		return parent, secure
	// RFC 4035, Section 5.2: a proof that there is no DS makes the child insecure.
	case cutUnsigned:
		return l.unsigned(parent, child, &d.used, passed, insecure(noEDE, CodeUnsigned, "%s proves that %s is not signed (no DS)", parent.Name, child))
	// RFC 5155, Section 8.9.
	case cutOptOut:
		return l.unsigned(parent, child, &d.used, passed, insecure(noEDE, CodeOptOut, "%s leaves open whether %s is signed (NSEC3 opt-out)", parent.Name, child))
	// RFC 9276, Section 3.2.
	case cutIterations:
		return l.unsigned(parent, child, &d.used, passed, l.tooManyIterations(parent))
	case cutUnproven:
	}
	return l.broken(parent, child, d.unproven("that there is no DS of "+child.String()))
}

// addTo and joinTo do nothing on a nil proof.
func (p *proof) addTo(l *lookup, s *rrset, by *dns.RRSIG) {
	if p != nil {
		p.add(l, s, by)
	}
}

func (p *proof) joinTo(q *proof) {
	if p != nil {
		p.join(q)
	}
}

// aliasAt finds a signed CNAME at child or a DNAME above: where those are, no zone begins
// (RFC 1034, Section 3.6.2; RFC 6672, Section 2.4).
func (l *lookup) aliasAt(r *reply, parent *Zone, child name) (*dns.RRSIG, *rrset, verdict) {
	s := r.rrset(child, dns.TypeCNAME, true)
	if s == nil || len(s.sigs) == 0 {
		if d := r.dnameAbove(child); d != nil && d.owner.within(parent.name) {
			s = d
		}
	}
	if s == nil {
		return nil, nil, verdict{}
	}
	by, v := l.verify(s, parent)
	if v.status == Secure && expanded(s, by) {
		v = bogus(dns.ExtendedErrorCodeDNSBogus, CodeNoWildcard, "%s %s comes from a wildcard where a delegation is asked for", s.owner, typeName(s.typ))
	}
	return by, s, v
}
