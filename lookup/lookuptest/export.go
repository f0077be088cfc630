package lookuptest

import (
	"crypto"
	"fmt"
	"maps"
	"slices"

	"github.com/miekg/dns"
)

// Key returns the key of a signed zone, for tests that forge what only its holder can sign. It
// fails when there is no such zone or it is unsigned.
func (s *Server) Key(zone string) (*dns.DNSKEY, crypto.Signer, error) {
	z := s.view.Load().zones[dns.CanonicalName(zone)]
	if z == nil || z.key == nil {
		return nil, nil, fmt.Errorf("lookuptest: no signed zone %s", zone)
	}
	return z.key.record, z.key.signer, nil
}

// Records returns a whole zone with its signatures and denials, ordered by name, as a name server
// would load it. Breaks of the zone show in it, but for those that silence it. It fails when there
// is no such zone.
func (s *Server) Records(zone string) ([]dns.RR, error) {
	v := s.view.Load()
	z := v.zones[dns.CanonicalName(zone)]
	if z == nil {
		return nil, fmt.Errorf("lookuptest: no zone %s", zone)
	}
	q := &query{view: v, now: s.opts.Now(), do: true}
	var out []dns.RR
	for _, name := range slices.Sorted(maps.Keys(z.nodes)) {
		n := z.nodes[name]
		for _, t := range slices.Sorted(maps.Keys(n.sets)) {
			set := q.asBroken(n, n.sets[t])
			if n.occluded || n.cut && t != dns.TypeDS {
				out = append(out, set...)
				continue
			}
			q.put(&out, z, set, "")
		}
	}
	if v.breaks[z.name] == MissingDenial {
		return out, nil
	}
	for i := range z.chain {
		q.put(&out, z, []dns.RR{z.denial(i)}, "")
	}
	return out, nil
}

// denial returns the i-th NSEC or NSEC3 of the zone.
func (z *zone) denial(i int) dns.RR {
	if z.spec.NSEC3 {
		return z.nsec3At(i)
	}
	return z.nsecAt(i)
}
