package sasl

import (
	"strings"

	"golang.org/x/net/publicsuffix"

	"dnseal/lookup"
)

// state is what is known of a zone.
type state int

const (
	untested state = iota // it has not answered yet
	answers
	down // it does not answer
)

// zone is what logins of one zone share. Where zones begin is not known before their names are
// looked up: until then all names at one place (below one name) stand for a zone, and what a lookup
// blames, or gets its answer from, says which zone they belong to.
type zone struct {
	name     string
	gate     gate
	cut      bool   // a zone begins here
	in       string // the zone above that names at this place are in; empty: this one, or not known
	users    int    // running or waiting
	answered bool
	failed   int // lookups without an answer since the last that had one
}

func (z *zone) state() state {
	switch {
	case z.failed >= downAfter:
		return down
	case z.answered:
		return answers
	}
	return untested
}

// zoneOf is the zone of a name as far as it is known.
func (zs *zones) zoneOf(owner string) *zone {
	owner = strings.TrimSuffix(owner, ".")
	if z := zs.named[owner]; z != nil && z.failed > 0 { // a zone of its own
		return z
	}
	parent := above(owner)
	switch z := zs.named[parent]; {
	case z == nil || z.state() == untested:
	case z.in != "" && z.state() != down:
		return zs.get(z.in)
	default:
		return z
	}
	for name, end := above(parent), registrable(owner); len(name) >= len(end); name = above(name) {
		if z := zs.named[name]; z != nil && z.state() == down {
			return z
		}
		if name == end {
			break
		}
	}
	return zs.get(parent)
}

// above is a name without its first label; a name of one label stays.
func above(name string) string {
	if _, rest, ok := strings.Cut(name, "."); ok {
		return rest
	}
	return name
}

// registrable is the domain of a name that somebody registered, by the public suffix list.
func registrable(owner string) string {
	signer := lookup.SignerDomain(owner)
	if domain, err := publicsuffix.EffectiveTLDPlusOne(signer); err == nil {
		return domain
	}
	return signer
}

func (zs *zones) get(name string) *zone {
	z := zs.named[name]
	if z == nil {
		if len(zs.named) >= maxZones {
			zs.forget()
		}
		z = &zone{name: name, gate: gate{limit: zs.zoneSlots(untested)}}
		zs.named[name] = z
	}
	return z
}

// forget drops zones that nobody uses.
func (zs *zones) forget() {
	for name, z := range zs.named {
		if z.users == 0 {
			delete(zs.named, name)
		}
	}
}

func (zs *zones) zoneSlots(is state) int {
	per := max(zs.lookups/zonePart, 1)
	if is == answers {
		return per
	}
	return min(per, probes)
}

// enter counts one more user of the zone of a name, unless too many wait for one that does not
// answer.
func (zs *zones) enter(owner string) (z *zone, was state, err error) {
	zs.mu.Lock()
	defer zs.mu.Unlock()
	z = zs.zoneOf(owner)
	if was = z.state(); was == down && z.users >= downWaiting {
		return nil, was, unavailable("%s gives no answers, and %d logins wait for it already", z.name, z.users)
	}
	z.users++
	return z, was, nil
}

func (zs *zones) leave(z *zone) {
	zs.mu.Lock()
	defer zs.mu.Unlock()
	z.users--
}

// still reports whether z is the zone of a name, and what is known of it.
func (zs *zones) still(owner string, z *zone) (now state, failed int, ok bool) {
	zs.mu.Lock()
	defer zs.mu.Unlock()
	return z.state(), z.failed, zs.zoneOf(owner) == z
}

// learn records whether the lookup of a name, begun as one of z, had an answer, and which zone
// that says something about. A resolver that gets no answer does not say from whom.
func (zs *zones) learn(owner string, z *zone, cut string, answered bool) {
	zs.mu.Lock()
	defer zs.mu.Unlock()
	owner, cut = strings.TrimSuffix(owner, "."), strings.TrimSuffix(cut, ".")
	place, found := zs.get(above(owner)), z
	switch {
	case cut != "" && (owner == cut || strings.HasSuffix(owner, "."+cut)): // not behind an alias
		found = zs.get(cut)
		found.cut = true
		if place.in = cut; cut == owner || place == found {
			place.in = ""
		}
	case !answered && place != z: // a site that has become a zone, or all of z
		zs.note(place, false)
	}
	zs.note(found, answered)
	if answered { // those that wait there go on to the zone that was found
		zs.note(z, true)
		zs.note(place, true)
	}
}

// note records whether a lookup in the zone had an answer. One that never had is not tried on.
func (zs *zones) note(z *zone, answered bool) {
	switch {
	case answered:
		z.answered, z.failed = true, 0
	case !z.answered:
		z.failed = max(z.failed+1, downAfter)
	default:
		z.failed++
	}
	z.gate.resize(zs.zoneSlots(z.state()))
}
