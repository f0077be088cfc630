package lookuptest

import (
	"maps"
	"slices"
	"sort"
	"strings"

	"github.com/miekg/dns"
)

// buildNSEC sorts all names with data or delegations in canonical order (RFC 4035, Section 2.3).
func (z *zone) buildNSEC() {
	for _, n := range z.nodes {
		if !n.occluded && len(n.sets) > 0 {
			z.chain = append(z.chain, link{n, canonicalKey(n.name)})
		}
	}
	z.sortChain()
}

// sortChain puts the chain into canonical order (RFC 4034, Section 6.1) or the order of hashes (RFC
// 5155, Section 7.1).
func (z *zone) sortChain() {
	slices.SortFunc(z.chain, func(a, b link) int { return strings.Compare(a.sort, b.sort) })
}

// at returns the index of the link that matches the key, or of the one before it, which covers it.
func (z *zone) at(key string) (i int, match bool) {
	i = sort.Search(len(z.chain), func(i int) bool { return z.chain[i].sort >= key })
	if i < len(z.chain) && z.chain[i].sort == key {
		return i, true
	}
	return (i + len(z.chain) - 1) % len(z.chain), false
}

// nsecFor returns the NSEC that matches or covers a name.
func (z *zone) nsecFor(name string) dns.RR {
	i, _ := z.at(canonicalKey(name))
	return z.nsecAt(i)
}

// nsecAt returns the i-th NSEC of the chain; the last one names the apex (RFC 4034, Section 4.1.1).
func (z *zone) nsecAt(i int) dns.RR {
	n := z.chain[i].node
	return &dns.NSEC{
		Hdr:        dns.RR_Header{Name: n.name, Rrtype: dns.TypeNSEC, Class: dns.ClassINET, Ttl: z.denialTTL()},
		NextDomain: z.chain[(i+1)%len(z.chain)].node.name,
		TypeBitMap: bitmap(n, dns.TypeRRSIG, dns.TypeNSEC),
	}
}

// bitmap lists the types at a node, for a delegation only those the parent speaks for (RFC 4034,
// Section 4.1.2).
func bitmap(n *node, more ...uint16) []uint16 {
	types := map[uint16]bool{}
	for t := range n.sets {
		if !n.cut || t == dns.TypeNS || t == dns.TypeDS {
			types[t] = true
		}
	}
	for _, t := range more {
		types[t] = true
	}
	return slices.Sorted(maps.Keys(types))
}

// The denials. Each returns the NSEC or NSEC3 records that prove it.

// denyType proves that an existing name has no data of a type (RFC 4035, Section 3.1.3.1; RFC 5155,
// 7.2.3 and 7.2.4).
func (z *zone) denyType(name string) []dns.RR {
	if z.spec.NSEC3 {
		return z.denyType3(name)
	}
	if z.spec.Narrow {
		return []dns.RR{z.compact(name, z.nodes[name])}
	}
	return []dns.RR{z.nsecFor(name)}
}

// denyName proves that neither the name nor a wildcard for it exists (RFC 4035, Section 3.1.3.2;
// RFC 5155, 7.2.2).
func (z *zone) denyName(name, encloser string) []dns.RR {
	if z.spec.NSEC3 {
		return append(z.denyCloser3(name), z.nsec3For(below("*", encloser)))
	}
	if z.spec.Narrow {
		return []dns.RR{z.compact(name, nil)}
	}
	return []dns.RR{z.nsecFor(name), z.nsecFor(below("*", encloser))}
}

// denyCloser proves that nothing is closer to the name than the wildcard used (RFC 4035, Section
// 3.1.3.3; RFC 5155, 7.2.6).
func (z *zone) denyCloser(name, encloser string) []dns.RR {
	if z.spec.NSEC3 {
		return []dns.RR{z.nsec3For(nextCloser(name, encloser))}
	}
	return []dns.RR{z.nsecFor(name)}
}

// denyWildcardType proves that the wildcard that fits has no data of a type (RFC 4035, Section
// 3.1.3.4; RFC 5155, 7.2.5).
func (z *zone) denyWildcardType(name, encloser string) []dns.RR {
	wildcard := below("*", encloser)
	if z.spec.NSEC3 {
		return append(z.denyCloser3(name), z.nsec3For(wildcard))
	}
	if z.spec.Narrow {
		return []dns.RR{z.compact(name, z.nodes[wildcard])}
	}
	return []dns.RR{z.nsecFor(name), z.nsecFor(wildcard)}
}

// compact is the NSEC of a name by itself (RFC 9824, Section 3); without a node the name does not
// exist.
func (z *zone) compact(name string, n *node) dns.RR {
	types := []uint16{dns.TypeRRSIG, dns.TypeNSEC, dns.TypeNXNAME}
	if n != nil {
		types = bitmap(n, dns.TypeRRSIG, dns.TypeNSEC)
	}
	return &dns.NSEC{
		Hdr:        dns.RR_Header{Name: name, Rrtype: dns.TypeNSEC, Class: dns.ClassINET, Ttl: z.denialTTL()},
		NextDomain: below(`\000`, name), TypeBitMap: types,
	}
}

// compactDenial reports whether answers about absent names say NOERROR (RFC 9824, Section 3.1) and
// wildcards are signed under the name asked for (Section 3.3).
func (z *zone) compactDenial() bool { return z.spec.Narrow && !z.spec.NSEC3 && z.key != nil }

// nextCloser is the name one label longer than the encloser, on the way to name (RFC 5155, Section
// 1.3).
func nextCloser(name, encloser string) string {
	labels := dns.Split(name)
	return name[labels[len(labels)-dns.CountLabel(encloser)-1]:]
}
