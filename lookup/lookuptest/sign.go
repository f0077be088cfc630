package lookuptest

import (
	"strings"
	"time"

	"github.com/miekg/dns"
)

const defaultValidity = 14 * 24 * time.Hour

// brokenBy is how long signatures have been, or will be, out of their time: more than any
// validator's skew (unbound allows up to a day).
const brokenBy = 7 * 24 * time.Hour

// signatureKey names one set in one state. The data belongs to it: denials that are made for each
// question have one name and many forms.
type signatureKey struct {
	set string // in wire form
	b   Break  // of this zone
}

// signature is an RRSIG and the time from which on it is made again.
type signature struct {
	record *dns.RRSIG
	made   time.Time
}

// sign returns the signature over a set of this zone, from memory when it is there. Nil: the zone
// is unsigned or broken by leaving signatures out.
func (z *zone) sign(set []dns.RR, b Break, now time.Time) *dns.RRSIG {
	if z.key == nil || len(set) == 0 {
		return nil
	}
	// RFC 4035, Section 2.2: each authoritative set is signed.
	isKey := set[0].Header().Rrtype == dns.TypeDNSKEY
	if b == MissingRRSIG && !isKey {
		return nil
	}
	m := dns.Msg{Answer: set}
	wire, err := m.Pack()
	if err != nil {
		return nil
	}
	id := signatureKey{string(wire), b}
	if s, ok := z.signatures.Load(id); ok {
		s := s.(*signature)
		if age := now.Sub(s.made); age >= 0 && age < z.validity()/2 {
			return s.record
		}
	}
	record := z.makeSignature(set, b, now)
	if record != nil && b == WrongSignature && !isKey {
		flipBit(record)
	}
	z.signatures.Store(id, &signature{record, now})
	return record
}

func (z *zone) validity() time.Duration {
	if z.spec.Validity > 0 {
		return z.spec.Validity
	}
	return defaultValidity
}

// makeSignature signs a set. It returns nil when that is impossible, which the validator at the
// other end will see.
func (z *zone) makeSignature(set []dns.RR, b Break, now time.Time) *dns.RRSIG {
	from, to := now.Add(-time.Hour), now.Add(z.validity())
	switch b {
	case Expired:
		to = now.Add(-brokenBy)
		from = to.Add(-z.validity())
	case NotYet:
		from, to = now.Add(brokenBy), to.Add(brokenBy)
	default: // the other breaks are not about time
	}
	// RFC 4034, Section 3.1.
	record := &dns.RRSIG{
		Hdr:        dns.RR_Header{Ttl: set[0].Header().Ttl},
		Algorithm:  z.key.record.Algorithm,
		Inception:  uint32(from.Unix()),
		Expiration: uint32(to.Unix()),
		KeyTag:     z.key.record.KeyTag(),
		SignerName: z.name,
	}
	if err := record.Sign(z.key.signer, plainAsterisk(set)); err != nil {
		return nil
	}
	record.Hdr.Name = set[0].Header().Name
	return record
}

// plainAsterisk escapes an asterisk that only begins the first label. To the library every owner
// that is written with an asterisk in front is a wildcard, which only a label of one asterisk is
// (RFC 4592, Section 2.1.1).
func plainAsterisk(set []dns.RR) []dns.RR {
	owner := set[0].Header().Name
	if !strings.HasPrefix(owner, "*") || strings.HasPrefix(owner, "*.") {
		return set
	}
	return renamed(set, `\042`+owner[1:])
}

// flipBit changes one bit in the middle of a signature, without changing its length.
func flipBit(r *dns.RRSIG) {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	s := []byte(r.Signature)
	mid := len(s) / 2
	for i := range alphabet {
		if alphabet[i] == s[mid] {
			s[mid] = alphabet[i^1]
			break
		}
	}
	r.Signature = string(s)
}
