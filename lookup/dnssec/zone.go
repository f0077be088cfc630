package dnssec

import (
	"slices"

	"github.com/miekg/dns"
)

// found is what one lookup knows about a zone. z is set also for bogus zones, to show where it broke.
type found struct {
	z *Zone
	verdict
}

// zone establishes what the zone n is worth: secure with its keys, insecure, or why that cannot be told.
// A name that is proven to be no zone at all is bogus with CodeNotAZone.
func (l *lookup) zone(n name) (*Zone, verdict) {
	if f, ok := l.zones[n]; ok {
		return f.z, f.verdict
	}
	if z := l.cached(n); z != nil {
		l.zones[n] = found{z, z.verdict}
		return z, z.verdict
	}
	z, v := l.establish(n)
	l.know(n, z, v)
	return z, v
}

// know remembers a zone for this lookup, and for others when it is proven.
func (l *lookup) know(n name, z *Zone, v verdict) {
	l.zones[n] = found{z, v}
	if l.v.Keys == nil || l.doubtful || z == nil || z.name != n || !l.now.Before(z.Expires) {
		return
	}
	if v.status == Secure || v.status == Insecure {
		l.v.Keys.Put(z.Name, z)
	}
}

// cached returns a zone of the cache that still holds.
func (l *lookup) cached(n name) *Zone {
	if l.v.Keys == nil {
		return nil
	}
	z, ok := l.v.Keys.Get(n.String())
	if !ok || z.name != n || !l.now.Before(z.Expires) || z.Status != Secure && z.Status != Insecure {
		return nil
	}
	return z
}

func (l *lookup) establish(n name) (*Zone, verdict) {
	if a := l.anchors.zones[n]; a != nil {
		return l.prime(n, a)
	}
	parent, v := l.parent(n)
	if v.status != Secure {
		return parent, v
	}
	z, v := l.step(parent, n, nil)
	if z == parent {
		return z, bogus(dns.ExtendedErrorCodeDNSBogus, CodeNotAZone, "%s signs as a zone, but %s proves that it is none", n, parent.Name)
	}
	return z, v
}

// parent returns the zone that n is delegated from: the one that signs the answer about its DS, else what
// the walk from the top finds.
func (l *lookup) parent(n name) (*Zone, verdict) {
	r := l.ask(n, dns.TypeDS)
	for _, signer := range l.signers(r, n.parent()) {
		if z, v := l.zoneOf(n.parent(), signer); v.code != CodeNotAZone {
			return z, v
		}
	}
	return l.enclosing(n.parent())
}

// zoneOf returns the zone that speaks for n when signer says it does. A signer above the zone is the wrong one
// (RFC 4035, Section 5.3.1): such a signature was made before the delegation. Only zones that are known or were asked for
// ahead are thought of; to ask about every label would cost more than it gains, as the parent can take a delegation back.
func (l *lookup) zoneOf(n, signer name) (*Zone, verdict) {
	z, v := l.zone(signer)
	if v.status != Secure {
		return z, v
	}
	for ; n != signer; n = n.parent() {
		if deeper, w := l.known(n); deeper != nil && deeper.name == n && (w.status == Secure || w.status == Insecure) {
			return deeper, w
		}
	}
	return z, v
}

// known is zone for what takes no further question.
func (l *lookup) known(n name) (*Zone, verdict) {
	if _, ok := l.zones[n]; !ok && l.cached(n) == nil && l.asker.calls[question{n, dns.TypeDS}] == nil {
		return nil, verdict{}
	}
	return l.zone(n)
}

// signers returns the names that signed something in the reply and enclose n, at or below the closest anchor,
// the longest first.
func (l *lookup) signers(r *reply, n name) []name {
	top, ok := l.anchors.closest(n)
	if !ok {
		return nil
	}
	var out []name
	for _, s := range r.sets {
		out = appendSigners(out, s, n, top)
	}
	return longestFirst(out)
}

func appendSigners(out []name, s *rrset, n, top name) []name {
	for _, sig := range s.sigs {
		signer, err := parseName(sig.SignerName)
		if err == nil && s.owner.within(signer) && n.within(signer) && signer.within(top) && !slices.Contains(out, signer) {
			out = append(out, signer)
		}
	}
	return out
}

func longestFirst(names []name) []name {
	slices.SortFunc(names, func(a, b name) int { return len(b) - len(a) })
	return names
}

// enclosing walks from the closest known zone down to n, label by label, and returns the zone that n is in.
func (l *lookup) enclosing(n name) (*Zone, verdict) {
	z, v := l.closest(n)
	if z == nil {
		return z, v
	}
	passed := new(proof)
	for depth := z.name.labels() + 1; v.status == Secure && depth <= n.labels(); depth++ {
		next, w := l.step(z, n.ancestor(depth), passed)
		if next != z {
			l.know(next.name, next, w)
		}
		z, v = next, w
	}
	l.passed.join(passed)
	return z, v
}

// closest returns the deepest zone around n that is known already, or its anchor's.
func (l *lookup) closest(n name) (*Zone, verdict) {
	top, ok := l.anchors.closest(n)
	if !ok {
		return nil, indeterminate(int(dns.ExtendedErrorCodeDNSSECIndeterminate), CodeNoAnchor, "no trust anchor encloses %s", n)
	}
	if f, ok := l.lowest(n, top); ok {
		return l.zone(f.z.name)
	}
	return l.zone(top)
}

// step decides what child is, a name below the secure zone parent and no further known zone between: a signed zone, one
// that is not signed, or no zone at all, which returns parent itself. What proves the last goes to passed.
func (l *lookup) step(parent *Zone, child name, passed *proof) (*Zone, verdict) {
	r := l.ask(child, dns.TypeDS)
	if r.failed {
		return l.broken(parent, child, r.failure)
	}
	l.doubtful = l.doubtful || r.cd
	if s := r.find(child, dns.TypeDS, true); s != nil {
		return l.delegation(parent, child, s, passed)
	}
	if by, s, v := l.aliasAt(r, parent, child); s != nil {
		if v.status != Secure {
			return l.broken(parent, child, v)
		}
		passed.addTo(l, s, by)
		return parent, secure
	}
	d := l.denial(r, parent)
	switch d.noDS(child) {
	case cutNone:
		passed.joinTo(&d.used)
		return parent, secure
	case cutUnsigned:
		return l.unsigned(parent, child, &d.used, passed, insecure(noEDE, CodeUnsigned, "%s proves that %s is not signed (no DS)", parent.Name, child))
	case cutOptOut:
		return l.unsigned(parent, child, &d.used, passed, insecure(noEDE, CodeOptOut, "%s leaves open whether %s is signed (NSEC3 opt-out)", parent.Name, child))
	case cutIterations:
		return l.unsigned(parent, child, &d.used, passed, tooManyIterations(parent))
	case cutUnproven:
	}
	return l.broken(parent, child, d.unproven("that there is no DS of "+child.String()))
}

// addTo and joinTo do nothing on a nil proof.
func (p *proof) addTo(l *lookup, s *rrset, by *dns.RRSIG) {
	if p != nil {
		p.add(l, s, by)
	}
}

func (p *proof) joinTo(q *proof) {
	if p != nil {
		p.join(q)
	}
}

// aliasAt finds a signed CNAME at child or a DNAME above: where those are, no zone begins
// (RFC 1034, Section 3.6.2; RFC 6672, Section 2.4).
func (l *lookup) aliasAt(r *reply, parent *Zone, child name) (*dns.RRSIG, *rrset, verdict) {
	s := r.find(child, dns.TypeCNAME, true)
	if s == nil || len(s.sigs) == 0 {
		if d := r.dnameAbove(child); d != nil && d.owner.within(parent.name) {
			s = d
		}
	}
	if s == nil {
		return nil, nil, verdict{}
	}
	by, v := l.verify(s, parent)
	if v.status == Secure && expanded(s, by) {
		v = bogus(dns.ExtendedErrorCodeDNSBogus, CodeNoWildcard, "%s %s comes from a wildcard where a delegation is asked for", s.owner, typeName(s.typ))
	}
	return by, s, v
}

// newZone begins a zone below parent (nil at an anchor).
func (l *lookup) newZone(n name, parent *Zone, v verdict) *Zone {
	z := &Zone{Name: n.String(), Status: v.status, name: n, parent: parent, verdict: v}
	z.Link = Link{Zone: z.Name, Status: v.status, Reason: v.reason}
	if parent != nil {
		z.proof.bound(parent.proof.expires, parent.proof.inception, parent.proof.expiration)
	}
	return z
}

// broken is a zone that only shows where the chain ends.
func (l *lookup) broken(parent *Zone, n name, v verdict) (*Zone, verdict) {
	z := l.newZone(n, parent, v)
	if r := l.asker.calls[question{n, dns.TypeDS}]; r != nil && r.reply != nil && parent != nil {
		z.proof.addAll(r.reply)
	}
	return z, v
}

// addAll adds the sets of a reply as they came, as evidence of what is wrong.
func (p *proof) addAll(r *reply) {
	for _, s := range r.sets {
		p.addProven(&provenSet{s, nil})
	}
}

// unsigned is a zone that is proven to be insecure.
func (l *lookup) unsigned(parent *Zone, n name, used, passed *proof, v verdict) (*Zone, verdict) {
	z := l.newZone(n, parent, v)
	z.proof.join(used)
	if passed != nil {
		z.proof.join(passed)
	}
	z.Expires = z.proof.expires
	return z, v
}
