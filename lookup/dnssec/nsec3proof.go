package dnssec

import (
	"github.com/miekg/dns"
)

// closest3 is the closest encloser proof (RFC 5155, Section 8.3): the closest name above n that has
// an NSEC3, and the NSEC3 that covers the name one label longer.
func (d *denial) closest3(n name) (encloser name, cover *nsec3) {
	for n != d.z.name {
		next := n
		n = n.parent()
		r := d.matching3(n)
		if d.failure.code != "" && d.failure.final() {
			return "", nil
		}
		if r == nil {
			continue
		}
		if r.types.hidesBelow() {
			return "", nil
		}
		return n, d.covering3(next)
	}
	return "", nil
}

func (d *denial) noDSByNSEC3(child name) cut {
	if o, ok := d.worthHashing(); !ok {
		if o == tooMuch {
			return cutIterations
		}
		return cutUnproven
	}
	if r := d.matching3(child); r != nil {
		return r.types.delegation()
	}
	// RFC 5155, Section 8.6.
	switch _, cover := d.closest3(child); {
	case cover == nil:
		return cutUnproven
	case cover.optOut:
		return cutOptOut
	}
	return cutNone
}

// noDataByNSEC3: RFC 5155, Sections 8.5 to 8.7. An opt-out span also leaves open whether an
// unsigned delegation is there, so that nothing but insecure can come of it (RFC 5155, Section
// 9.2).
func (d *denial) noDataByNSEC3(n name, t uint16) outcome {
	if o, ok := d.worthHashing(); !ok {
		return o
	}
	if r := d.matching3(n); r != nil {
		if r.types.mayDeny(n, t) {
			return absentType
		}
		return unproven
	}
	encloser, cover := d.closest3(n)
	switch {
	case cover == nil:
		return unproven
	case cover.optOut:
		return optedOut
	}
	if w := d.matching3(encloser.wildcard()); w != nil && w.types.mayDeny(n, t) {
		return absentType
	}
	return unproven
}

// noNameByNSEC3: RFC 5155, Section 8.4; RFC 9824, Section 3.1 for the NXNAME type.
func (d *denial) noNameByNSEC3(n name) outcome {
	if o, ok := d.worthHashing(); !ok {
		return o
	}
	if r := d.matching3(n); r != nil {
		if r.types.has(dns.TypeNXNAME) {
			return absentName
		}
		return unproven
	}
	encloser, cover := d.closest3(n)
	if cover == nil || d.covering3(encloser.wildcard()) == nil {
		return unproven
	}
	if cover.optOut {
		return optedOut
	}
	return absentName
}

func (d *denial) noCloserByNSEC3(next name) outcome {
	if o, ok := d.worthHashing(); !ok {
		return o
	}
	switch cover := d.covering3(next); {
	case cover == nil:
		return unproven
	case cover.optOut:
		return optedOut
	}
	return absentName
}
