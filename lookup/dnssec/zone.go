package dnssec

import (
	"slices"

	"github.com/miekg/dns"
)

// zoneResult is what one lookup has established about a zone. z is set also for bogus zones, to
// show where it broke.
type zoneResult struct {
	z *Zone
	verdict
}

// zone establishes the status of the zone n: secure with its keys, insecure, or why neither is
// proven. RFC 4035, Section 4.3. A name that is proven to be no zone at all is bogus with
// CodeNotAZone.
func (l *lookup) zone(n name) (*Zone, verdict) {
	if f, ok := l.zones[n]; ok {
		return f.z, f.verdict
	}
	if z := l.cached(n); z != nil {
		l.zones[n] = zoneResult{z, z.verdict}
		return z, z.verdict
	}
	z, v := l.establish(n)
	l.rememberZone(n, z, v)
	return z, v
}

// rememberZone keeps a zone for this lookup, and for others when it is proven.
func (l *lookup) rememberZone(n name, z *Zone, v verdict) {
	l.zones[n] = zoneResult{z, v}
	if l.v.Keys == nil || z == nil || z.name != n || !l.now.Before(z.Expires) {
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
	z, v := l.descend(parent, n, nil)
	if z == parent {
		return z, bogus(dns.ExtendedErrorCodeDNSBogus, CodeNotAZone, "%s signs as a zone, but %s proves that it is none", n, parent.Name)
	}
	return z, v
}

// parent returns the zone that n is delegated from: the one that signs the answer about its DS,
// else what the walk from the top finds.
func (l *lookup) parent(n name) (*Zone, verdict) {
	r := l.ask(n, dns.TypeDS)
	for _, signer := range l.signers(r, n.parent()) {
		if z, v := l.zoneOf(n.parent(), signer); v.code != CodeNotAZone {
			return z, v
		}
	}
	return l.enclosing(n.parent())
}

// zoneOf returns the zone of n, when signer claims to be that. A signer above the zone is the wrong
// one (RFC 4035, Section 5.3.1): such a signature was made before the delegation. Only zones that
// are proven or were asked for ahead are looked at (prefetch): not those at a label with an
// underscore, nor at n itself. Questions about these would gain nothing. The owner of the keys of
// the parent can withdraw the delegation. A replay of a record that the parent signed before the
// delegation can include its proof of that time, that there was none.
func (l *lookup) zoneOf(n, signer name) (*Zone, verdict) {
	z, v := l.zone(signer)
	if v.status != Secure {
		return z, v
	}
	for ; n != signer; n = n.parent() {
		if deeper, w := l.zoneWithoutQuery(n); deeper != nil && deeper.name == n && deeper.isCut(w) {
			return deeper, w
		}
	}
	return z, v
}

// isCut reports whether it is proven that a zone begins here, with or without its keys: an attacker
// who withholds those must not get the parent's signature accepted instead. What NSEC3 leaves open
// (opt-out, iterations) proves no cut.
func (z *Zone) isCut(v verdict) bool {
	return v.status == Secure || v.code == CodeUnsigned || len(z.Link.DS) > 0
}

// zoneWithoutQuery is zone for names that need no further question.
func (l *lookup) zoneWithoutQuery(n name) (*Zone, verdict) {
	if _, ok := l.zones[n]; !ok && l.cached(n) == nil && l.asker.calls[question{n, dns.TypeDS}] == nil {
		return nil, verdict{}
	}
	return l.zone(n)
}

// signers returns the names that signed something in the reply and enclose n, at or below the
// closest anchor, the longest first.
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

// appendSigners adds the signers of a set that enclose n, at or below the anchor top.
// RFC 4035, Section 5.3.1.
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
