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

// clock turns "expired" into "your clock is wrong" when nothing received is in time: not the keys
// of the anchor's zone, nor anything the answer is signed with.
func (l *lookup) clock(n name, v verdict) verdict {
	if v.code != CodeExpired && v.code != CodeNotYetValid {
		return v
	}
	seen := 0
	for _, c := range l.asker.calls {
		if c.reply == nil || c.reply.failed {
			continue
		}
		for _, s := range c.reply.sets {
			for _, sig := range s.sigs {
				if w, ok := l.inTime(s, sig); ok || w.code != v.code {
					return v
				}
				seen++
			}
		}
	}
	top, ok := l.anchors.closest(n)
	if f := l.zones[top]; !ok || seen == 0 || f.z == nil || f.code != v.code {
		return v
	}
	return indeterminate(v.ede, CodeClock, "all signatures, down from those of %s, are out of date at %s: set the clock of this machine right", top, stamp(l.now.UTC()))
}
