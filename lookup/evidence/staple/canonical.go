package staple

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/miekg/dns"

	"dnseal/lookup/dnssec"
	"dnseal/lookup/evidence"
)

// canonical returns the RRsets that a validated answer rests on in the one form of a staple,
// without repetition.
func canonical(sets []dnssec.RRset) ([]evidence.Set, error) {
	var out []evidence.Set
	for _, s := range sets {
		if s.Records[0].Header().Rrtype == dns.TypeSOA {
			continue
		}
		if len(s.Signatures) != 1 {
			return nil, fmt.Errorf("staple: %s %s has no signature that holds", s.Name, dns.Type(s.Type))
		}
		wire, err := canonicalSet(s)
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(out, func(o evidence.Set) bool { return bytes.Equal(o.Wire, wire) }) {
			out = append(out, evidence.Set{Name: s.Name, Type: dns.Type(s.Type).String(), Wire: wire})
		}
	}
	return out, nil
}

func canonicalSet(s dnssec.RRset) ([]byte, error) {
	ttl := s.Signatures[0].OrigTtl
	var wire []byte
	buf := make([]byte, dns.MaxMsgSize)
	for _, rr := range append(slices.Clone(s.Records), dns.RR(s.Signatures[0])) {
		rr = dns.Copy(rr) // those of a cached result are shared
		h := rr.Header()
		h.Name, h.Ttl = dns.CanonicalName(h.Name), ttl
		// RFC 4034, Section 6.2: signatures do not tell the case of these.
		switch rr := rr.(type) {
		case *dns.RRSIG:
			rr.SignerName = dns.CanonicalName(rr.SignerName)
		case *dns.CNAME:
			rr.Target = dns.CanonicalName(rr.Target)
		case *dns.DNAME:
			rr.Target = dns.CanonicalName(rr.Target)
		}
		n, err := dns.PackRR(rr, buf, 0, nil, false)
		if err != nil {
			return nil, fmt.Errorf("staple: %s %s cannot be written: %w", h.Name, dns.Type(h.Rrtype), err)
		}
		wire = append(wire, buf[:n]...)
	}
	return wire, nil
}

// sameSets reports whether two lists hold the same RRsets in any order. No list has one twice.
func sameSets(a, b []evidence.Set) bool {
	if len(a) != len(b) {
		return false
	}
	return !slices.ContainsFunc(a, func(s evidence.Set) bool {
		return !slices.ContainsFunc(b, func(o evidence.Set) bool { return bytes.Equal(s.Wire, o.Wire) })
	})
}
