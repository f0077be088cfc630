package lookuptest

import (
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// reply is what the resolver found, before it is made a message.
type reply struct {
	rcode             int
	answer, authority []dns.RR
	status            status
	fault             Break // of the first broken zone met
}

// query is one question on its way through the zones.
type query struct {
	view *view
	now  time.Time
	do   bool // DNSSEC records are wanted
	reply
}

// answer answers from one zone (RFC 1034, Section 4.3.2; RFC 4035, Section 3.1) and returns the
// name an alias leads to.
func (q *query) answer(z *zone, name string, qtype uint16) (next string) {
	if next, done := q.above(z, name); done {
		return next
	}
	if n := z.nodes[name]; n != nil {
		return q.exact(z, n, qtype)
	}
	encloser := parent(name)
	for z.nodes[encloser] == nil {
		encloser = parent(encloser)
	}
	if w := z.nodes[below("*", encloser)]; w != nil {
		return q.wildcard(z, w, name, encloser, qtype)
	}
	if !z.compactDenial() {
		q.rcode = dns.RcodeNameError
	}
	q.deny(z, name, func() []dns.RR { return z.denyName(name, encloser) })
	return ""
}

// above looks for a delegation to somewhere else, or a DNAME, between the apex and the name.
func (q *query) above(z *zone, name string) (next string, done bool) {
	if z.cutAbove(name) != nil {
		q.rcode = dns.RcodeServerFailure
		return "", true
	}
	for up := name; up != z.name; {
		up = parent(up)
		if n := z.nodes[up]; n != nil && n.sets[dns.TypeDNAME] != nil {
			return q.dname(z, n, name), true
		}
	}
	return "", false
}

// dname adds a DNAME and the CNAME made of it (RFC 6672, Section 3.2).
func (q *query) dname(z *zone, n *node, name string) string {
	set := n.sets[dns.TypeDNAME]
	q.put(&q.reply.answer, z, set, "")
	target := strings.TrimSuffix(name, n.name) + strings.TrimPrefix(set[0].(*dns.DNAME).Target, ".")
	if _, ok := dns.IsDomainName(target); !ok {
		q.rcode = dns.RcodeYXDomain
		return ""
	}
	q.reply.answer = append(q.reply.answer, &dns.CNAME{
		Hdr:    dns.RR_Header{Name: name, Rrtype: dns.TypeCNAME, Class: dns.ClassINET, Ttl: set[0].Header().Ttl},
		Target: target,
	})
	return dns.CanonicalName(target)
}

// exact answers for a name that exists.
func (q *query) exact(z *zone, n *node, qtype uint16) string {
	if n.cut && qtype != dns.TypeDS && qtype != dns.TypeNSEC {
		q.rcode = dns.RcodeServerFailure
		return ""
	}
	if qtype == dns.TypeNSEC && z.key != nil && !z.spec.NSEC3 && len(n.sets) > 0 {
		q.put(&q.reply.answer, z, []dns.RR{z.nsecFor(n.name)}, "")
		return ""
	}
	if next, ok := q.data(z, n, qtype, ""); ok {
		return next
	}
	q.deny(z, n.name, func() []dns.RR { return z.denyType(n.name) })
	return ""
}

// wildcard answers from a wildcard (RFC 1034, Section 4.3.3).
func (q *query) wildcard(z *zone, w *node, name, encloser string, qtype uint16) string {
	if next, ok := q.data(z, w, qtype, name); ok {
		if z.compactDenial() {
			return next
		}
		q.prove(z, name, func() []dns.RR { return z.denyCloser(name, encloser) })
		return next
	}
	q.deny(z, name, func() []dns.RR { return z.denyWildcardType(name, encloser) })
	return ""
}

// data adds the sets asked for, under another owner if one is given; ok is false when there are
// none.
func (q *query) data(z *zone, n *node, qtype uint16, owner string) (next string, ok bool) {
	if set := n.sets[dns.TypeCNAME]; set != nil && qtype != dns.TypeCNAME && qtype != dns.TypeANY {
		q.put(&q.reply.answer, z, set, owner)
		return dns.CanonicalName(set[0].(*dns.CNAME).Target), true
	}
	for t, set := range n.sets {
		if t == qtype || qtype == dns.TypeANY {
			q.put(&q.reply.answer, z, q.asBroken(n, set), owner)
			ok = true
		}
	}
	return "", ok
}

// asBroken returns a DS set, a wrong one where the break of its child is WrongDS.
func (q *query) asBroken(n *node, set []dns.RR) []dns.RR {
	if n.child == nil || q.view.breaks[n.name] != WrongDS || set[0].Header().Rrtype != dns.TypeDS {
		return set
	}
	ds := *set[0].(*dns.DS)
	ds.Digest = strings.Repeat("0", len(ds.Digest))
	return []dns.RR{&ds}
}

// deny adds the SOA and the proof of a negative answer.
func (q *query) deny(z *zone, name string, proof func() []dns.RR) {
	q.put(&q.authority, z, []dns.RR{z.soa}, "")
	// RFC 2308, Section 3: the SOA says for how long.
	for i, rr := range q.authority {
		if rr.Header().Ttl > z.denialTTL() {
			q.authority[i] = dns.Copy(rr)
			q.authority[i].Header().Ttl = z.denialTTL()
		}
	}
	q.prove(z, name, proof)
}

// prove adds NSEC or NSEC3 records, each once.
func (q *query) prove(z *zone, name string, proof func() []dns.RR) {
	switch {
	case z.key == nil:
		return
	case q.view.breaks[z.name] == MissingDenial:
		if q.status == secure {
			q.status, q.fault = bogus, MissingDenial
		}
		return
	}
	seen := map[string]bool{}
	for _, rr := range proof() {
		if q.do && !seen[rr.Header().Name] {
			seen[rr.Header().Name] = true
			q.put(&q.authority, z, []dns.RR{rr}, "")
		}
	}
	// RFC 5155, Section 9.2: no AD on what an opt-out span covers.
	if z.spec.NSEC3 && z.spec.OptOut {
		if _, match := z.at(z.hash(name)); !match {
			q.status = min(q.status, insecure)
		}
	}
}

// put adds a set and its signature to a section, renamed to owner if one is given.
func (q *query) put(section *[]dns.RR, z *zone, set []dns.RR, owner string) {
	if owner != "" && z.compactDenial() {
		set, owner = renamed(set, owner), ""
	}
	all := set
	if q.do {
		if sig := z.sign(set, q.view.breaks[z.name], q.now); sig != nil {
			all = append(slices.Clip(all), sig)
		}
	}
	if owner != "" {
		all = renamed(all, owner)
	}
	*section = append(*section, all...)
}

// renamed copies records to another owner.
func renamed(rrs []dns.RR, owner string) []dns.RR {
	out := make([]dns.RR, 0, len(rrs))
	for _, rr := range rrs {
		rr = dns.Copy(rr)
		rr.Header().Name = owner
		out = append(out, rr)
	}
	return out
}
