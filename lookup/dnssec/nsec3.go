package dnssec

import (
	"bytes"
	"crypto/sha1"
	"encoding/base32"
	"encoding/hex"
	"strings"

	"github.com/miekg/dns"
)

// hash is a hashed owner name.
type hash [sha1.Size]byte

// nsec3 is one NSEC3 record (RFC 5155, Section 3).
type nsec3 struct {
	set         *rrset
	owner, next hash
	iterations  uint16
	salt        []byte
	optOut      bool
	types       bits
}

var base32Hex = base32.HexEncoding.WithPadding(base32.NoPadding)

func readHash(text string) (h hash, ok bool) {
	raw, err := base32Hex.DecodeString(strings.ToUpper(text))
	if err != nil || len(raw) != len(h) {
		return h, false
	}
	return hash(raw), true
}

// addNSEC3 adds records with SHA-1 and no flags but opt-out, one label below the apex.
// RFC 5155, Sections 8.1 and 8.2.
func (d *denial) addNSEC3(s *rrset, rr *dns.NSEC3) {
	// RFC 5155, Section 8.2: other flags are ignored with their record.
	if rr.Hash != dns.SHA1 || rr.Flags&^1 != 0 || s.owner == root || s.owner.parent() != d.z.name {
		return
	}
	owner, ok := readHash(s.owner.label(0))
	next, okNext := readHash(rr.NextDomain)
	salt, err := hex.DecodeString(rr.Salt)
	if !ok || !okNext || err != nil && rr.Salt != "-" {
		return
	}
	d.nsec3s = append(d.nsec3s, &nsec3{s, owner, next, rr.Iterations, salt, rr.Flags&1 != 0, rr.TypeBitMap})
}

// dropMixedNSEC3 refuses records with different parameters (RFC 5155, Section 8.2).
func (d *denial) dropMixedNSEC3() {
	for _, r := range d.nsec3s {
		first := d.nsec3s[0]
		if r.iterations != first.iterations || !bytes.Equal(r.salt, first.salt) {
			d.nsec3s = nil
			d.failure = bogus(dns.ExtendedErrorCodeDNSBogus, CodeBadDenial, "the NSEC3 records of %s differ in salt or iterations", d.z.Name)
			return
		}
	}
}

// mayHash is false when there is nothing to hash, or the iterations are above a limit; then o
// is the outcome.
func (d *denial) mayHash() (o outcome, ok bool) {
	if len(d.nsec3s) == 0 {
		return unproven, false
	}
	n, limits := int(d.nsec3s[0].iterations), d.l.spent.limits
	// RFC 9276, Section 3.2: a validator may refuse an answer above its own limit.
	if n > limits.BogusIterations {
		d.failure = bogus(dns.ExtendedErrorCodeUnsupportedNSEC3IterValue, CodeIterations, "%s uses %d NSEC3 iterations; RFC 9276 wants 0", d.z.Name, n)
		return unproven, false
	}
	if n <= limits.Iterations {
		return unproven, true
	}
	// Without the signature one forged record would make any zone insecure.
	for _, r := range d.nsec3s {
		if d.trusted(r.set) {
			return highIterations, false
		}
	}
	return unproven, false
}

func (l *lookup) tooManyIterations(z *Zone) verdict {
	return insecure(int(dns.ExtendedErrorCodeUnsupportedNSEC3IterValue), CodeIterations,
		"%s uses more than %d NSEC3 iterations, which are not checked; RFC 9276 wants 0", z.Name, l.spent.limits.Iterations)
}

// hashed is a name and how it is hashed.
type hashed struct {
	n          name
	iterations uint16
	salt       string
}

// hash hashes a name as the zone does (RFC 5155, Section 5), once per lookup; ok is false when the
// budget is spent.
func (d *denial) hash(n name) (h hash, ok bool) {
	first := d.nsec3s[0]
	key := hashed{n, first.iterations, string(first.salt)}
	if h, ok = d.l.hashes[key]; ok {
		return h, true
	}
	if v, ok := spend(&d.l.spent.hashes, d.l.spent.limits.Hashes, "nsec3-hashes"); !ok {
		d.failure = v
		return h, false
	}
	// RFC 5155, Section 5: the salt goes into every round.
	h = sha1.Sum(append([]byte(n), first.salt...))
	buf := make([]byte, len(h)+len(first.salt))
	copy(buf[len(h):], first.salt)
	for range first.iterations {
		copy(buf, h[:])
		h = sha1.Sum(buf)
	}
	d.l.hashes[key] = h
	return h, true
}

// covers reports whether h is between owner and next; the last record of a zone wraps around.
// RFC 5155, Section 3.1.7.
func (r *nsec3) covers(h hash) bool {
	after, before := bytes.Compare(h[:], r.owner[:]) > 0, bytes.Compare(h[:], r.next[:]) < 0
	if bytes.Compare(r.owner[:], r.next[:]) < 0 {
		return after && before
	}
	return after || before // the last of the zone
}

// nsec3Matching returns the trusted NSEC3 that matches n.
// RFC 5155, Section 1.3.
func (d *denial) nsec3Matching(n name) *nsec3 {
	h, ok := d.hash(n)
	if !ok {
		return nil
	}
	for _, r := range d.nsec3s {
		if r.owner == h && d.trusted(r.set) {
			return r
		}
	}
	return nil
}

// nsec3Covering returns a trusted NSEC3 that covers n.
// RFC 5155, Section 1.3.
func (d *denial) nsec3Covering(n name) *nsec3 {
	h, ok := d.hash(n)
	if !ok {
		return nil
	}
	for _, r := range d.nsec3s {
		if r.covers(h) && d.trusted(r.set) {
			return r
		}
	}
	return nil
}
