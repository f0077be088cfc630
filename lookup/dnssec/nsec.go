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

func (d *denial) addNSEC(s *rrset, rr *dns.NSEC) {
	next, err := parseName(rr.NextDomain)
	if err != nil || !next.within(d.z.name) {
		return
	}
	d.nsecs = append(d.nsecs, &nsec{set: s, owner: s.owner, next: next, types: rr.TypeBitMap})
}

// covers reports whether n lies between owner and next. The last record of a zone points to the
// apex.
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

func (d *denial) noDSByNSEC(child name) cut {
	if r := d.nsecMatching(child); r != nil {
		return r.types.delegation()
	}
	if d.nsecCovering(child) != nil {
		return cutNone
	}
	return cutUnproven
}

// noDataByNSEC: RFC 4035, Section 5.4; RFC 9824, Section 3 needs nothing more. A name that is
// covered exists as an empty non-terminal, or a wildcard stands for it that has other types or is
// an empty non-terminal itself.
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
	if r.emptyNonTerminal(n) {
		return absentType
	}
	wildcard := r.encloser(n).wildcard()
	w := d.nsecMatching(wildcard)
	if w != nil && w.types.mayDeny(n, t) || w == nil && d.emptyWildcard(wildcard) {
		return absentType
	}
	return unproven
}

// emptyWildcard reports whether a wildcard exists without any data, because names are below its
// asterisk (as _443._tcp.*.example.org): no NSEC is at it, but one leads from before it to below
// it. Such a wildcard stands for names as any other does, and gives them no data (RFC 4592,
// Sections 2.2.3 and 4).
func (d *denial) emptyWildcard(wildcard name) bool {
	r := d.nsecCovering(wildcard)
	return r != nil && r.emptyNonTerminal(wildcard)
}

// encloser is the closest existing name above n, which r covers: whatever n shares with its
// neighbours.
func (r *nsec) encloser(n name) name {
	a, b := r.owner.common(n), r.next.common(n)
	if len(b) > len(a) {
		return b
	}
	return a
}

// noNameByNSEC: RFC 4035, Section 5.4; RFC 9824, Section 3.1 for the NXNAME type.
func (d *denial) noNameByNSEC(n name) outcome {
	if r := d.nsecMatching(n); r != nil {
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

func (d *denial) noCloserByNSEC(next name) outcome {
	r := d.nsecCovering(next)
	if r == nil || r.emptyNonTerminal(next) || !r.provesEncloser(next.parent()) {
		return unproven
	}
	return absentName
}

// beside reports whether the record knows the encloser of what it covers: the encloser exists, or
// something below it does, so one neighbour is within it. A record that passes over all that
// contradicts the rest of its zone.
func (r *nsec) provesEncloser(encloser name) bool {
	return r.owner.within(encloser) || r.next.within(encloser)
}
