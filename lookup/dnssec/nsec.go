package dnssec

import (
	"github.com/miekg/dns"
)

// nsec is one NSEC record (RFC 4034, Section 4).
type nsec struct {
	set   *rrset
	owner name
	next  name
	types bits
}

// addNSEC adds a record whose next name is in the zone.
// RFC 4034, Section 4.1.1.
func (d *denial) addNSEC(s *rrset, rr *dns.NSEC) {
	next, err := parseName(rr.NextDomain)
	if err != nil || !next.within(d.z.name) {
		return
	}
	d.nsecs = append(d.nsecs, &nsec{set: s, owner: s.owner, next: next, types: rr.TypeBitMap})
}

// covers reports whether n is between owner and next. The last record of a zone points to the apex.
// RFC 4034, Section 4.1.1; RFC 4034, Section 6.1 has the order.
func (r *nsec) covers(n name, apex name) bool {
	if r.owner.compare(n) >= 0 || n.below(r.owner) && r.types.hidesBelow() {
		return false
	}
	return r.next == apex || n.compare(r.next) < 0
}

// emptyNonTerminal reports whether n, which is covered, exists nevertheless, because the next name
// is below it.
func (r *nsec) emptyNonTerminal(n name) bool { return r.next.below(n) }

// nsecMatching returns the trusted NSEC at n.
func (d *denial) nsecMatching(n name) *nsec {
	for _, r := range d.nsecs {
		if r.owner == n && d.trusted(r.set) {
			return r
		}
	}
	return nil
}

// nsecCovering returns a trusted NSEC that covers n.
func (d *denial) nsecCovering(n name) *nsec {
	for _, r := range d.nsecs {
		if r.covers(n, d.z.name) && d.trusted(r.set) {
			return r
		}
	}
	return nil
}

// noDSByNSEC: an NSEC at child without DS, or one that covers it.
// RFC 4035, Section 5.2.
func (d *denial) noDSByNSEC(child name) cut {
	if r := d.nsecMatching(child); r != nil {
		return r.types.delegation()
	}
	if d.nsecCovering(child) != nil {
		return cutNone
	}
	return cutUnproven
}

// noDataByNSEC proves NODATA. A name that is covered exists as an empty non-terminal, or a wildcard
// matches it that has other types or is an empty non-terminal itself.
// RFC 4035, Section 5.4; RFC 9824, Section 3 needs nothing more.
func (d *denial) noDataByNSEC(n name, t uint16) outcome {
	if r := d.nsecMatching(n); r != nil {
		if r.types.mayDeny(n, t) {
			return absentType
		}
		return unproven
	}
	r := d.nsecCovering(n)
	if r == nil {
		return unproven
	}
	// RFC 4592, Section 2.2.2: an empty non-terminal exists.
	if r.emptyNonTerminal(n) {
		return absentType
	}
	// RFC 4592, Section 3.3.1: the wildcard at the closest encloser.
	wildcard := r.encloser(n).wildcard()
	w := d.nsecMatching(wildcard)
	if w != nil && w.types.mayDeny(n, t) || w == nil && d.emptyWildcard(wildcard) {
		return absentType
	}
	return unproven
}

// emptyWildcard reports whether a wildcard exists without any data, because names are below its
// asterisk (as _443._tcp.*.example.org): no NSEC is at it, but one leads from before it to below
// it. Such a wildcard matches names as any other does, and gives them no data (RFC 4592,
// Sections 2.2.3 and 4).
func (d *denial) emptyWildcard(wildcard name) bool {
	r := d.nsecCovering(wildcard)
	return r != nil && r.emptyNonTerminal(wildcard)
}

// encloser is the closest existing name above n, which r covers: the longest name that n shares
// with one of its neighbours. RFC 4592, Section 3.3.1.
func (r *nsec) encloser(n name) name {
	a, b := r.owner.common(n), r.next.common(n)
	if len(b) > len(a) {
		return b
	}
	return a
}

// noNameByNSEC proves NXDOMAIN: neither the name nor the wildcard at its closest encloser exists.
// RFC 4035, Section 5.4.
func (d *denial) noNameByNSEC(n name) outcome {
	if r := d.nsecMatching(n); r != nil {
		// RFC 9824, Section 3.1.
		if r.types.has(dns.TypeNXNAME) {
			return absentName
		}
		return unproven
	}
	r := d.nsecCovering(n)
	if r == nil || r.emptyNonTerminal(n) {
		return unproven
	}
	encloser := r.encloser(n)
	wildcard := encloser.wildcard()
	w := d.nsecCovering(wildcard)
	if w == nil || w.emptyNonTerminal(wildcard) || !w.provesEncloser(encloser) {
		return unproven
	}
	return absentName
}

// noCloserByNSEC: an NSEC covers the next closer name.
// RFC 4035, Section 5.3.4.
func (d *denial) noCloserByNSEC(next name) outcome {
	r := d.nsecCovering(next)
	if r == nil || r.emptyNonTerminal(next) || !r.provesEncloser(next.parent()) {
		return unproven
	}
	return absentName
}

// provesEncloser reports whether the record proves the encloser of the name it covers: one of its
// two names is the encloser or below it. A record that skips the encloser contradicts the rest of
// its zone. RFC 4034, Section 4.1.1: the next name is the next one in the zone.
func (r *nsec) provesEncloser(encloser name) bool {
	return r.owner.within(encloser) || r.next.within(encloser)
}
