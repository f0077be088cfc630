package publish

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/miekg/dns"

	"dnseal/lookup/dnssec"
)

// Pauses of ReadBack: the first, and the longest.
const (
	firstPause = 20 * time.Millisecond
	lastPause  = 5 * time.Second
	readBack   = 2 * time.Minute // where the context has no end
)

// ReadBack waits until every name server shows the changes, validated, and returns what was seen
// last, by change, then by server. It asks again with growing pauses until the context ends (two
// minutes where it has no end). Errors are a [*Refusal]: [Behind] names a server that does not show
// them yet, [NotDone] is a primary that does not, [NotSigned] a zone without DNSSEC or DS, [Bogus]
// wrong signatures, [OptOut] a withdrawal that cannot be proven, [Alias] a CNAME in the way;
// [NoZone], [OutsideZone] and [NoNameServers] are about the zone. Of an update that nobody waits
// for any more (the context is canceled) it is the context's.
func (r *Reader) ReadBack(ctx context.Context, changes ...Change) ([]Seen, error) {
	return r.Await(ctx, nil, changes...)
}

// Await is [Reader.ReadBack]; waiting, which can be nil, is told before each pause what is still
// missing.
func (r *Reader) Await(ctx context.Context, waiting func(*Refusal), changes ...Change) ([]Seen, error) {
	ctx, cancel := withEnd(ctx)
	defer cancel()
	changes, err := Normal(changes)
	if err != nil {
		return nil, err
	}
	groups, err := r.byZone(ctx, changes)
	if err != nil {
		return nil, err
	}
	out := make([][]Seen, len(changes))
	for _, g := range groups {
		if err = r.readBackZone(ctx, g, out, waiting); err != nil {
			break
		}
	}
	return slices.Concat(out...), err
}

// Look reads once, without waiting, what every name server has of some changes: by change, then by
// server. Errors are a [*Refusal] with [NoZone], [OutsideZone] or [NoNameServers], or the
// context's.
func (r *Reader) Look(ctx context.Context, changes ...Change) ([]Seen, error) {
	changes, err := Normal(changes)
	if err != nil {
		return nil, err
	}
	groups, err := r.byZone(ctx, changes)
	if err != nil {
		return nil, err
	}
	out := make([][]Seen, len(changes))
	for _, g := range groups {
		servers, err := r.nameServers(ctx, g.zone)
		if err != nil {
			return nil, err
		}
		left := make([]int, len(g.changes))
		for i := range left {
			left[i] = i
		}
		_, _ = r.look(ctx, g, newRounds(g.zone, servers), left, out) // out has what is missing
	}
	return slices.Concat(out...), ctx.Err()
}

func withEnd(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, readBack)
}

// group is the changes of one zone; at is where each stands in the list of the caller.
type group struct {
	zone    zone
	changes []Change
	at      []int
}

// byZone groups changes, in their order.
func (r *Reader) byZone(ctx context.Context, changes []Change) ([]*group, error) {
	var out []*group
	for i := range changes {
		z, err := r.zoneNear(ctx, out, changes[i].Owner)
		if err != nil {
			return nil, err
		}
		at := slices.IndexFunc(out, func(g *group) bool { return g.zone.name == z.name })
		if at < 0 {
			at = len(out)
			out = append(out, &group{zone: z})
		}
		out[at].changes, out[at].at = append(out[at].changes, changes[i]), append(out[at].at, i)
	}
	return out, nil
}

// zoneNear is zoneOf. A zone that was named is looked for once, not again for each of hundreds of
// names when nothing answers.
func (r *Reader) zoneNear(ctx context.Context, found []*group, owner string) (zone, error) {
	if len(found) > 0 && r.opts.Zone != "" && dns.IsSubDomain(r.opts.Zone, owner) {
		return found[0].zone, nil
	}
	return r.zoneOf(ctx, owner)
}

// readBackZone reads until all of a group is seen everywhere. What was seen once is not read again.
func (r *Reader) readBackZone(ctx context.Context, g *group, out [][]Seen, waiting func(*Refusal)) error {
	servers, err := r.nameServers(ctx, g.zone)
	if err != nil {
		return err
	}
	views := newRounds(g.zone, servers)
	left := make([]int, len(g.changes))
	for i := range left {
		left[i] = i
	}
	for wait := firstPause; ; wait = min(2*wait, lastPause) {
		var missing *Refusal
		left, missing = r.look(ctx, g, views, left, out)
		switch {
		case missing == nil:
			return nil
		case missing.rank() != mayCome:
			return missing
		}
		if waiting != nil {
			waiting(missing)
		}
		if r.pause(ctx, wait) != nil {
			return missing
		}
	}
}

// look reads once what is left, and returns what is not seen everywhere, with the worst reason. A
// round that the end of the context cut off says nothing new.
func (r *Reader) look(ctx context.Context, g *group, views []view, left []int, out [][]Seen) ([]int, *Refusal) {
	places := make([]place, len(left))
	for i, at := range left {
		places[i] = place{g.changes[at].Owner, g.changes[at].Type}
	}
	seen := r.round(ctx, views, places)
	var still []int
	var worst *Refusal
	for i, at := range left {
		part := seen[i*len(views) : (i+1)*len(views)]
		if ctx.Err() == nil || out[g.at[at]] == nil {
			out[g.at[at]] = part
		}
		if why := missing(g.zone, out[g.at[at]], &g.changes[at]); why != nil {
			still = append(still, at)
			worst = worse(worst, why)
		}
	}
	if worst != nil && len(still) > 1 {
		worst.Text += fmt.Sprintf(" (and %d more)", len(still)-1)
	}
	return still, worst
}

// How much a reason that a change is not seen weighs against those of other servers and changes.
const (
	worthless = iota + 1 // it is there, but nobody can rely on it
	mayCome              // it is not there yet
	hopeless             // it cannot come
)

func (r *Refusal) rank() int {
	switch r.Code {
	case NotSigned, OptOut:
		return worthless
	case Alias:
		return hopeless
	default:
		return mayCome
	}
}

// worse returns the weightier one, the first of equals.
func worse(a, b *Refusal) *Refusal {
	if a == nil || b != nil && b.rank() > a.rank() {
		return b
	}
	return a
}

// missing is why a change is not seen everywhere; nil: it is, on every server and validated.
func missing(z zone, seen []Seen, c *Change) *Refusal {
	var worst *Refusal
	for i := range seen {
		worst = worse(worst, missingAt(z, seen, &seen[i], c))
	}
	return worst
}

// missingAt is missing for one server.
func missingAt(z zone, all []Seen, s *Seen, c *Change) *Refusal {
	r := &Refusal{Server: s.Server, Zone: z.name, Name: c.Owner}
	switch {
	case s.Err != nil:
		r.Code, r.Err = Behind, s.Err
		r.Text = fmt.Sprintf("name server %s cannot be read: %v", s.Server, s.Err)
		r.Advice = "see that it runs and serves " + z.name + " (PowerDNS: up to 300 s after the zone was made); --name-server names those to read from"
	case s.Alias != "":
		return AliasRefusal(s.Server, z.name, c.Owner, s.Alias)
	case s.Status == dnssec.Bogus:
		r.Code, r.Text = Bogus, fmt.Sprintf("what %s serves for %s does not validate: %s", s.Server, c.Owner, s.Reason)
		r.Advice = "nobody can rely on it until the zone's signatures are right"
	case !s.shows(c):
		return behind(r, all, s, c)
	case s.Status == dnssec.Secure:
		return nil
	case s.Code == dnssec.CodeOptOut && len(c.Add) == 0:
		r.Code = OptOut
		r.Text = fmt.Sprintf("%s is withdrawn, but %s denies by NSEC3 with opt-out, so its absence is never proven", c.Owner, z.name)
		r.Advice = "sign the zone without opt-out; until then receivers see an unsigned name, not a withdrawn key"
	default:
		r.Code, r.Text = NotSigned, fmt.Sprintf("%s is as asked on the name servers, but not signed: %s", c.Owner, s.Reason)
		r.Advice = "sign the zone " + z.name + " and publish its DS at the parent; until then nobody can rely on its records"
	}
	return r
}

// behind tells a secondary that does not have the change yet from a server that did not make it.
func behind(r *Refusal, all []Seen, s *Seen, c *Change) *Refusal {
	for i := range all {
		if all[i].Serial != s.Serial && all[i].shows(c) {
			r.Code = Behind
			r.Text = fmt.Sprintf("%s does not have the change of %s yet: its serial is %d, that of %s is %d", s.Server, c.Owner, s.Serial, all[i].Server, all[i].Serial)
			r.Advice = "see that it gets NOTIFY and may transfer the zone (AXFR, IXFR)"
			return r
		}
	}
	r.Code, r.Text = NotDone, fmt.Sprintf("%s does not show the change of %s (serial %d)", s.Server, c.Owner, s.Serial)
	r.Advice = "see its log; a policy script of PowerDNS leaves out what it does not permit, and a server that answers queries from another copy of the zone than it updates shows it later"
	return r
}
