package dnssec

import (
	"slices"
)

// answeredBy notes the zone that a part of the answer comes from.
func (l *lookup) answeredBy(z *Zone) {
	if z != nil && !slices.Contains(l.links, z) {
		l.links = append(l.links, z)
	}
}

// finish fills the Answer.
func (l *lookup) finish(v verdict) *Answer {
	a := l.answer
	a.Status, a.EDE, a.Code, a.Reason = v.status, v.ede, v.code, v.reason
	all := new(proof)
	all.join(&l.leaf)
	chain := l.chain()
	for _, z := range slices.Backward(chain) {
		all.join(&z.proof)
	}
	all.join(&l.passed)
	for _, z := range chain {
		a.Links = append(a.Links, z.Link)
	}
	for _, s := range all.sets {
		a.RRsets = append(a.RRsets, s.set.public(s.by))
	}
	a.Inception, a.Expiration = all.inception, all.expiration
	if all.expires.After(l.now) {
		a.TTL = all.expires.Sub(l.now)
	}
	return a
}

// chain returns all zones on the way to those that answered, each after its parent.
func (l *lookup) chain() []*Zone {
	var out []*Zone
	var add func(z *Zone)
	add = func(z *Zone) {
		if z == nil || slices.Contains(out, z) {
			return
		}
		add(z.parent)
		out = append(out, z)
	}
	for _, z := range l.links {
		add(z)
	}
	return out
}
