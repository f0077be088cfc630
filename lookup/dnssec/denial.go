package dnssec

import (
	"slices"

	"github.com/miekg/dns"
)

// outcome is what NSEC or NSEC3 records prove about a name and a type.
type outcome uint8

const (
	unproven       outcome = iota
	absentName             // neither the name nor a wildcard for it exists
	absentType             // the name, or the wildcard that matches it, has no such type
	optedOut               // an opt-out span: there may be an unsigned delegation
	highIterations         // NSEC3 with more iterations than are worth checking
)

// cut is what they prove about a delegation (RFC 4035, Section 5.2; RFC 5155, Section 8.9).
type cut uint8

const (
	cutUnproven   cut = iota
	cutNone           // no delegation is at this name
	cutUnsigned       // one without DS
	cutOptOut         // in an opt-out span
	cutIterations     // as highIterations
)

// denial is the NSEC and NSEC3 records of one reply that are in the secure zone z.
type denial struct {
	l      *lookup
	z      *Zone
	nsecs  []*nsec
	nsec3s []*nsec3
	used   proof
	// failure is why a record that would have helped does not count; clear when there was none.
	failure verdict
}

// denial collects what the reply holds about z, without checking signatures yet.
func (l *lookup) denial(r *reply, z *Zone) *denial {
	d := &denial{l: l, z: z}
	for _, s := range r.denials() {
		if !s.owner.within(z.name) || len(s.rrs) != 1 {
			continue
		}
		switch rr := s.rrs[0].(type) {
		case *dns.NSEC:
			d.addNSEC(s, rr)
		case *dns.NSEC3:
			d.addNSEC3(s, rr)
		}
	}
	d.dropMixedNSEC3()
	return d
}

// trusted verifies a record that would help. Denials must not come from a wildcard (RFC 4035,
// Section 5.4; CVE-2017-15105): such a record is a copy of another name's.
func (d *denial) trusted(s *rrset) bool {
	by, v := d.l.verify(s, d.z)
	if v.status == Secure && expanded(s, by) {
		v = bogus(dns.ExtendedErrorCodeDNSBogus, CodeBadDenial, "the %s record of %s was made from a wildcard", typeName(s.typ), s.owner)
	}
	if v.status != Secure {
		d.failure = v
		return false
	}
	d.used.add(d.l, s, by)
	return true
}

// unproven is the verdict when what was needed is not proven.
func (d *denial) unproven(what string) verdict {
	if d.failure.code != "" {
		return d.failure
	}
	if len(d.nsecs) == 0 && len(d.nsec3s) == 0 {
		return bogus(dns.ExtendedErrorCodeNSECMissing, CodeNoDenial, "%s does not prove %s: no NSEC or NSEC3 record came along", d.z.Name, what)
	}
	return bogus(dns.ExtendedErrorCodeNSECMissing, CodeBadDenial, "%s does not prove %s: its NSEC or NSEC3 records say something else", d.z.Name, what)
}

// noDS decides what is at child when no DS came: an unsigned delegation, or none.
// RFC 4035, Section 5.2; RFC 5155, Section 8.6.
func (d *denial) noDS(child name) cut {
	if c := d.noDSByNSEC(child); c != cutUnproven || d.failure.final() && d.failure.code != "" {
		return c
	}
	return d.noDSByNSEC3(child)
}

// noData decides whether n exists without type t.
// RFC 4035, Section 5.4; RFC 5155, Sections 8.5 to 8.7.
func (d *denial) noData(n name, t uint16) outcome {
	if o := d.noDataByNSEC(n, t); o != unproven {
		return o
	}
	return d.noDataByNSEC3(n, t)
}

// noName decides whether n does not exist.
// RFC 4035, Section 5.4; RFC 5155, Section 8.4.
func (d *denial) noName(n name) outcome {
	if o := d.noNameByNSEC(n); o != unproven {
		return o
	}
	return d.noNameByNSEC3(n)
}

// noCloser decides whether next does not exist: the next closer name, one label longer than the
// encloser of the wildcard that an answer was made from.
// RFC 4035, Section 5.3.4; RFC 5155, Section 8.8.
func (d *denial) noCloser(next name) outcome {
	if o := d.noCloserByNSEC(next); o != unproven {
		return o
	}
	return d.noCloserByNSEC3(next)
}

// bits are the types that a name has.
type bits []uint16

func (b bits) has(t uint16) bool { return slices.Contains(b, t) }

// delegates reports the parent's side of a delegation (RFC 6840, Section 4.1).
func (b bits) delegates() bool { return b.has(dns.TypeNS) && !b.has(dns.TypeSOA) }

// mayDeny reports whether a record at n itself with these types proves that t is absent there.
func (b bits) mayDeny(n name, t uint16) bool {
	switch {
	case b.has(t) || b.has(dns.TypeCNAME):
		// RFC 6840, Section 4.3.
		return false
	case t == dns.TypeDS:
		// RFC 6840, Section 4.4: the apex record of the child does not deny its DS.
		return !b.has(dns.TypeSOA) || n == root
	}
	// RFC 6840, Section 4.1: the parent's record denies nothing at a delegation but DS.
	return !b.delegates()
}

// delegation returns what a record at the name itself proves about a delegation without DS.
func (b bits) delegation() cut {
	switch {
	// RFC 4035, Section 5.2; RFC 6840, Section 4.4.
	case b.has(dns.TypeDS) || b.has(dns.TypeSOA) || b.has(dns.TypeCNAME):
		return cutUnproven
	// RFC 5155, Section 8.9: NS without DS.
	case b.has(dns.TypeNS):
		return cutUnsigned
	}
	return cutNone
}

// hidesBelow reports whether names below the owner are not in its zone: they are in a child zone,
// or below a DNAME. RFC 6840, Section 4.1; RFC 6672, Section 5.3.4.
func (b bits) hidesBelow() bool { return b.delegates() || b.has(dns.TypeDNAME) }
