package dnssec

import (
	"slices"
	"time"

	"github.com/miekg/dns"
)

// absent validates a reply without the records asked for.
// RFC 4035, Section 5.4.
func (l *lookup) absent(r *reply, n name) verdict {
	l.answer.Rcode = r.msg.Rcode
	from := n
	// RFC 4035, Section 3.1.4.1: the parent answers about DS.
	if l.qtype == dns.TypeDS && n != root {
		from = n.parent()
	}
	failure := verdict{}
	for _, signer := range l.denialSigners(r, from) {
		z, v := l.zoneOf(from, signer)
		if v.code == CodeNotAZone {
			failure = v
			continue
		}
		if v.status == Secure {
			v = l.denied(r, n, z)
		} else {
			l.leaf.addAll(r)
		}
		l.answeredBy(z)
		l.negativeTTL(r, z)
		return v
	}
	return l.unsignedDenial(r, n, from, failure)
}

// denialSigners returns the signers of the SOA, NSEC and NSEC3 records of the authority section.
// The owner of the SOA is the zone that answers (RFC 2308, Section 2). Records of a zone above it
// prove another link of an alias, for example a wildcard.
func (l *lookup) denialSigners(r *reply, from name) []name {
	top, ok := l.anchors.closest(from)
	if !ok {
		return nil
	}
	var out []name
	for _, s := range r.sets {
		if s.typ == dns.TypeSOA && !s.answer || s.typ == dns.TypeNSEC || s.typ == dns.TypeNSEC3 {
			out = appendSigners(out, s, from, top)
		}
	}
	answering := r.soaZone(from)
	return longestFirst(slices.DeleteFunc(out, func(signer name) bool { return answering.below(signer) }))
}

// soaZone is the deepest zone around n whose SOA is in the authority section, the root when there
// is none.
func (r *reply) soaZone(n name) name {
	deepest := root
	for _, s := range r.sets {
		if s.typ == dns.TypeSOA && !s.answer && n.within(s.owner) && s.owner.within(deepest) {
			deepest = s.owner
		}
	}
	return deepest
}

// unsignedDenial validates a negative answer without signatures, as unsignedSet does.
// RFC 4035, Section 5.2: only an unsigned zone may give it.
func (l *lookup) unsignedDenial(r *reply, n, from name, failure verdict) verdict {
	z, v := l.enclosing(from)
	l.answeredBy(z)
	for _, s := range r.sets {
		if !s.answer {
			l.leaf.add(l, s, nil)
		}
	}
	if z != nil {
		l.negativeTTL(r, z)
	}
	switch {
	case v.status != Secure:
		return v
	case failure.code != "":
		return failure
	}
	return bogus(dns.ExtendedErrorCodeNSECMissing, CodeNoDenial,
		"%s is said not to have %s, but its zone %s is signed and does not prove that", n, typeName(l.qtype), z.Name)
}

// denied holds a negative answer to the proof that its rcode asks for. The SOA must be right when
// it is there: the life of the answer is taken from it.
func (l *lookup) denied(r *reply, n name, z *Zone) verdict {
	// RFC 2308, Section 3.
	if soa := r.rrset(z.name, dns.TypeSOA, false); soa != nil {
		by, v := l.verify(soa, z)
		if v.status == Secure && expanded(soa, by) {
			v = bogus(dns.ExtendedErrorCodeDNSBogus, CodeLabels, "the SOA of %s comes from a wildcard", z.Name)
		}
		if v.status != Secure {
			l.leaf.addAll(r)
			return v
		}
		l.leaf.add(l, soa, by)
	}
	d := l.denial(r, z)
	o := unproven
	// RFC 4035, Section 5.4.
	if r.msg.Rcode == dns.RcodeNameError {
		o = d.noName(n)
	}
	if o == unproven && d.failure.code == "" {
		o = d.noData(n, l.qtype)
		if r.msg.Rcode == dns.RcodeNameError {
			// An NXDOMAIN that only proves NODATA is one, as the rcode is not signed; an opt-out
			// span proves neither.
			if o == optedOut {
				o = unproven
			}
			l.answer.Rcode = dns.RcodeSuccess
		}
	}
	if o == unproven {
		l.leaf.addAll(r)
		return d.unproven("that " + n.String() + " has no " + typeName(l.qtype))
	}
	l.leaf.join(&d.used)
	return l.verdictOf(o, d)
}

// negativeTTL bounds the life of a negative answer by the SOA.
// RFC 9077, Section 3.
func (l *lookup) negativeTTL(r *reply, z *Zone) {
	for _, s := range r.sets {
		soa, ok := s.rrs[0].(*dns.SOA)
		if !ok || s.answer || !z.name.within(s.owner) && !s.owner.within(z.name) {
			continue
		}
		// RFC 2308, Section 5.
		ttl := min(soa.Hdr.Ttl, soa.Minttl)
		l.leaf.bound(l.now.Add(time.Duration(ttl)*time.Second), time.Time{}, time.Time{})
	}
}
