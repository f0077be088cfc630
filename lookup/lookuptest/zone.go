package lookuptest

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/miekg/dns"
)

// maxIterations is the most any resolver ever had to accept (RFC 5155, Section 10.3).
const maxIterations = 2500

// zone is one zone ready to answer. It is never changed after it was built, but for its signatures.
type zone struct {
	name       string
	spec       Zone
	parent     *zone // nil at the root
	nodes      map[string]*node
	soa        *dns.SOA
	key        *key // nil when unsigned
	chain      []link
	signatures sync.Map // signatureKey -> *signature
}

// node is one name of a zone. It may have no data (an empty non-terminal: RFC 4592, Section 2.2.2).
type node struct {
	name     string
	sets     map[uint16][]dns.RR
	cut      bool  // a delegation
	occluded bool  // below a delegation
	child    *zone // what is delegated, when it is served here
}

// link is one name in the chain of denials.
type link struct {
	node *node
	sort string // canonical order (NSEC) or hash in upper-case base32 (NSEC3)
}

// newZone makes a zone of records that were checked.
func newZone(name string, spec Zone, records []record) (*zone, error) {
	if spec.Iterations > maxIterations {
		return nil, fmt.Errorf("lookuptest: zone %s: %d NSEC3 iterations, at most %d", name, spec.Iterations, maxIterations)
	}
	if salt, err := hex.DecodeString(spec.Salt); err != nil || len(salt) > 255 {
		return nil, fmt.Errorf("lookuptest: zone %s: salt is no hex of at most 255 octets", name)
	}
	z := &zone{name: name, spec: spec, nodes: map[string]*node{}}
	for _, r := range records {
		z.add(r.rr)
	}
	apex := z.node(name)
	if apex.sets[dns.TypeSOA] == nil {
		z.add(madeUpSOA(name))
	}
	z.soa = apex.sets[dns.TypeSOA][0].(*dns.SOA)
	if apex.sets[dns.TypeNS] == nil {
		z.addNameServer()
	}
	for _, n := range z.nodes {
		n.evenTTLs()
	}
	return z, nil
}

// madeUpSOA is the SOA of zones without one.
func madeUpSOA(name string) *dns.SOA {
	return &dns.SOA{
		Hdr: dns.RR_Header{Name: name, Rrtype: dns.TypeSOA, Class: dns.ClassINET, Ttl: defaultTTL},
		Ns:  below("ns", name), Mbox: below("hostmaster", name),
		Serial: 1, Refresh: 7200, Retry: 3600, Expire: 1209600, Minttl: defaultTTL,
	}
}

// addNameServer gives the apex an NS at loopback.
func (z *zone) addNameServer() {
	ns := below("ns", z.name)
	z.add(&dns.NS{Hdr: dns.RR_Header{Name: z.name, Rrtype: dns.TypeNS, Class: dns.ClassINET, Ttl: defaultTTL}, Ns: ns})
	if z.nodes[ns] == nil {
		z.add(&dns.A{Hdr: dns.RR_Header{Name: ns, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: defaultTTL}, A: []byte{127, 0, 0, 1}})
	}
}

// add puts one record at its node.
func (z *zone) add(rr dns.RR) {
	n := z.node(rr.Header().Name)
	n.sets[rr.Header().Rrtype] = append(n.sets[rr.Header().Rrtype], rr)
}

// node returns the node of a name within the zone, made with all its ancestors when missing.
func (z *zone) node(name string) *node {
	n := z.nodes[name]
	if n == nil {
		n = &node{name: name, sets: map[uint16][]dns.RR{}}
		z.nodes[name] = n
		if name != z.name {
			z.node(parent(name))
		}
	}
	return n
}

// evenTTLs gives all records of a set the smallest TTL among them (RFC 2181, Section 5.2).
func (n *node) evenTTLs() {
	for _, set := range n.sets {
		ttl := set[0].Header().Ttl
		for _, rr := range set {
			ttl = min(ttl, rr.Header().Ttl)
		}
		for _, rr := range set {
			// Records can stand in an older view too, where they are read and even already.
			if h := rr.Header(); h.Ttl != ttl {
				h.Ttl = ttl
			}
		}
	}
}

// prepare marks delegations and makes the key, once all children are known.
func (z *zone) prepare(keys *keyStore) error {
	// RFC 1034, Section 4.2.1: NS records below the apex are a zone cut.
	for _, n := range z.nodes {
		n.cut = n.name != z.name && n.sets[dns.TypeNS] != nil
	}
	for _, n := range z.nodes {
		n.occluded = z.cutAbove(n.name) != nil
	}
	if z.spec.Unsigned {
		return nil
	}
	k, err := keys.get(z.name, z.spec.Algorithm)
	if err != nil {
		return err
	}
	z.key = k
	z.nodes[z.name].sets[dns.TypeDNSKEY] = []dns.RR{k.record}
	return nil
}

// buildChain makes the chain of denials, once keys and DS sets are there.
func (z *zone) buildChain() {
	switch {
	case z.key == nil:
	case z.spec.NSEC3:
		z.buildNSEC3()
	default:
		z.buildNSEC()
	}
}

// cutAbove returns the delegation strictly above name, or nil.
func (z *zone) cutAbove(name string) *node {
	var found *node
	for name != z.name {
		name = parent(name)
		if n := z.nodes[name]; n != nil && n.cut {
			found = n
		}
	}
	return found
}

// denialTTL is the TTL of negative answers (RFC 2308, Section 5; RFC 9077, Section 3).
func (z *zone) denialTTL() uint32 { return min(z.soa.Hdr.Ttl, z.soa.Minttl) }

// parent returns the name without its first label; the parent of the root is the root.
func parent(name string) string {
	i, end := dns.NextLabel(name, 0)
	if end {
		return "."
	}
	return name[i:]
}

// below returns label.name.
func below(label, name string) string { return label + "." + strings.TrimPrefix(name, ".") }

// canonicalKey returns a string whose byte order is the canonical order of names (RFC 4034, Section
// 6.1).
func canonicalKey(name string) string {
	wire := make([]byte, 256)
	n, err := dns.PackDomainName(dns.CanonicalName(name), wire, 0, nil, false)
	if err != nil {
		return ""
	}
	var labels [][]byte
	for i := 0; i < n && wire[i] != 0; i += int(wire[i]) + 1 {
		labels = append(labels, wire[i+1:i+1+int(wire[i])])
	}
	var out []byte
	for _, label := range slices.Backward(labels) {
		for _, b := range label {
			// A zero octet is written 0 1, the end of a label 0 0.
			if out = append(out, b); b == 0 {
				out = append(out, 1)
			}
		}
		out = append(out, 0, 0)
	}
	return string(out)
}
