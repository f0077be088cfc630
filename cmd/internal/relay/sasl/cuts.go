package sasl

import (
	"container/list"
	"strings"

	"golang.org/x/net/publicsuffix"

	"dnseal/lookup"
)

// state is what is known of a zone.
type state int

const (
	untested state = iota // it has not answered yet
	beneath               // nor has it, but the zone above it does
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

	idle *list.Element // in zones.places or zones.kept; nil while it is used
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
	if z := zs.nearest(parent); z != nil && z.state() == down {
		return z
	}
	return zs.get(parent)
}

// nearest is the first zone above a place that is known to begin there and answer, or to be down.
func (zs *zones) nearest(place string) *zone {
	for name, end := place, registrable(place); len(name) > len(end); {
		name = above(name)
		if z := zs.named[name]; z != nil && (z.state() == down || z.cut && z.state() == answers) {
			return z
		}
	}
	return nil
}

// stateOf is what is known of a zone, and of those above it.
func (zs *zones) stateOf(z *zone) state {
	if is := z.state(); is != untested {
		return is
	}
	if in := zs.nearest(z.name); in != nil && in.state() == answers {
		return beneath
	}
	return untested
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
		zs.forget(maxZones - 1)
		z = &zone{name: name, gate: gate{limit: zs.zoneSlots(untested)}}
		zs.named[name] = z
		zs.file(z)
	}
	return z
}

// use counts one more user of a zone, or one less.
func (zs *zones) use(z *zone, users int) {
	z.users += users
	zs.file(z)
	zs.forget(maxZones)
}

// file lists a zone that nobody uses as the last to be forgotten of its kind.
func (zs *zones) file(z *zone) {
	if z.idle != nil {
		zs.places.Remove(z.idle) // it is in one of the two
		zs.kept.Remove(z.idle)
		z.idle = nil
	}
	switch {
	case z.users > 0:
	case z.cut || z.state() == down:
		z.idle = zs.kept.PushBack(z)
	default:
		z.idle = zs.places.PushBack(z)
	}
}

// forget drops zones that nobody uses until no more are left than so many: first places, which cost
// one lookup to know again, and where there are none what was used long ago.
func (zs *zones) forget(most int) {
	for len(zs.named) > most {
		from := &zs.places
		if from.Len() == 0 {
			from = &zs.kept
		}
		e := from.Front()
		if e == nil {
			return
		}
		z := from.Remove(e).(*zone)
		z.idle = nil
		delete(zs.named, z.name)
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
	if was = zs.stateOf(z); was == down && z.users >= downWaiting {
		return nil, was, unavailable("%s gives no answers, and %d logins wait for it already", z.name, z.users)
	}
	zs.use(z, 1)
	return z, was, nil
}

func (zs *zones) leave(z *zone) {
	zs.mu.Lock()
	defer zs.mu.Unlock()
	zs.use(z, -1)
}

// still reports whether z is the zone of a name, and what is known of it.
func (zs *zones) still(owner string, z *zone) (now state, failed int, ok bool) {
	zs.mu.Lock()
	defer zs.mu.Unlock()
	return zs.stateOf(z), z.failed, zs.zoneOf(owner) == z
}

// learn records whether the lookup of a name, begun as one of z, had an answer, and which zone
// that says something about. A resolver that gets no answer does not say from whom.
func (zs *zones) learn(owner string, z *zone, cut string, answered bool) {
	zs.mu.Lock()
	defer zs.mu.Unlock()
	owner, cut = strings.TrimSuffix(owner, "."), strings.TrimSuffix(cut, ".")
	place, found := zs.get(above(owner)), z
	zs.use(place, 1) // stays while others are made
	defer zs.use(place, -1)
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
	zs.file(z)
}
