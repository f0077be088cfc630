package dnssec

import (
	"github.com/miekg/dns"
)

// closestEncloser is the closest encloser proof: the closest name above n that has an NSEC3, and
// the NSEC3 that covers the next closer name, one label longer. RFC 5155, Section 8.3.
func (d *denial) closestEncloser(n name) (encloser name, cover *nsec3) {
	for n != d.z.name {
		next := n
		n = n.parent()
		r := d.nsec3Matching(n)
		if d.failure.code != "" && d.failure.final() {
			return "", nil
		}
		if r == nil {
			continue
		}
		// RFC 5155, Section 8.3: neither a delegation nor a DNAME.
		if r.types.hidesBelow() {
			return "", nil
		}
		return n, d.nsec3Covering(next)
	}
	return "", nil
}

// noDSByNSEC3: an NSEC3 at child without DS, or one that covers it.
// RFC 5155, Section 8.6.
func (d *denial) noDSByNSEC3(child name) cut {
	if o, ok := d.mayHash(); !ok {
		if o == highIterations {
			return cutIterations
		}
		return cutUnproven
	}
	// RFC 5155, Section 8.9.
	if r := d.nsec3Matching(child); r != nil {
		return r.types.delegation()
	}
	switch _, cover := d.closestEncloser(child); {
	case cover == nil:
		return cutUnproven
	case cover.optOut:
		return cutOptOut
	}
	return cutNone
}

// noDataByNSEC3 proves NODATA. An opt-out span leaves open whether there is an unsigned delegation,
// so that the answer is at most insecure. RFC 5155, Section 9.2.
func (d *denial) noDataByNSEC3(n name, t uint16) outcome {
	if o, ok := d.mayHash(); !ok {
		return o
	}
	// RFC 5155, Section 8.5; Section 8.6 for DS.
	if r := d.nsec3Matching(n); r != nil {
		if r.types.mayDeny(n, t) {
			return absentType
		}
		return unproven
	}
	encloser, cover := d.closestEncloser(n)
	switch {
	case cover == nil:
		return unproven
	case cover.optOut:
		return optedOut
	}
	// RFC 5155, Section 8.7.
	if w := d.nsec3Matching(encloser.wildcard()); w != nil && w.types.mayDeny(n, t) {
		return absentType
	}
	return unproven
}

// noNameByNSEC3 proves NXDOMAIN.
// RFC 5155, Section 8.4.
func (d *denial) noNameByNSEC3(n name) outcome {
	if o, ok := d.mayHash(); !ok {
		return o
	}
	if r := d.nsec3Matching(n); r != nil {
		// RFC 9824, Section 3.1.
		if r.types.has(dns.TypeNXNAME) {
			return absentName
		}
		return unproven
	}
	encloser, cover := d.closestEncloser(n)
	if cover == nil || d.nsec3Covering(encloser.wildcard()) == nil {
		return unproven
	}
	if cover.optOut {
		return optedOut
	}
	return absentName
}

// noCloserByNSEC3: an NSEC3 covers the next closer name.
// RFC 5155, Section 8.8.
func (d *denial) noCloserByNSEC3(next name) outcome {
	if o, ok := d.mayHash(); !ok {
		return o
	}
	switch cover := d.nsec3Covering(next); {
	case cover == nil:
		return unproven
	case cover.optOut:
		return optedOut
	}
	return absentName
}
