package fleet

import (
	"context"
	"errors"
	"slices"

	"dnseal/lookup/dane"
	"dnseal/lookup/publish"
)

// sampling is what is asked of name servers, and what they said.
type sampling struct {
	counts  map[uint64]int   // noted names by zone
	last    map[uint64]noted // of each zone, where it was not asked for
	asking  []noted          // noted before, to be asked for once
	lost    map[uint64]bool  // zones that do not have what was noted
	samples []publish.Change // to be read back

	unserved bool            // something was not seen on every name server before
	servers  map[string]bool // name servers, and whether they show all they were asked for
	behind   error           // why it is not seen; others go on
}

func newSampling() sampling {
	return sampling{counts: map[uint64]int{}, last: map[uint64]noted{}, lost: map[uint64]bool{}, servers: map[string]bool{}}
}

// maxAsking is how many samples are held at a time.
const maxAsking = 5000

// sample chooses of what earlier runs noted: the first and the last of each zone, and one of each
// batch between.
func (p *publishing) sample(ctx context.Context, n *noted) error {
	if p.Reader == nil {
		return nil
	}
	p.unserved = p.unserved || n.unserved
	kept := *n
	event := Event{What: n.event.What, Name: n.event.Name, Key: n.event.Key, Line: n.event.Line, Record: n.event.Record}
	kept.event = &event
	p.counts[n.zone]++
	if p.counts[n.zone]%p.Batch != 1 && p.Batch > 1 {
		p.last[n.zone] = kept
		return nil
	}
	delete(p.last, n.zone)
	p.asking = append(p.asking, kept)
	if len(p.asking) < maxAsking {
		return nil
	}
	return p.ask(ctx)
}

// ask looks once whether the samples are as noted. Those that not every server shows are to be read
// back; where none does, the zone has lost them.
func (p *publishing) ask(ctx context.Context) error {
	asking := p.asking
	p.asking = nil
	return p.look(ctx, asking, func(n *noted, seen []publish.Seen) error {
		switch {
		case isReplaced(n, seen): // by a rollover: the record is another's matter
		case isLost(n, seen):
			p.lost[n.zone] = p.lost[n.zone] || !p.isGone(n)
		case showsAll(n, seen):
			p.saw(n.change, seen)
		default:
			p.samples = append(p.samples, n.change)
		}
		return nil
	})
}

// look asks every name server for names, and calls f for each.
func (p *publishing) look(ctx context.Context, list []noted, f func(*noted, []publish.Seen) error) error {
	fail := func(_ int, name string, code Code, why error) { p.fail(name, code, why) }
	return lookAt(ctx, p.Reader, list, fail, f)
}

// lookAt asks for names in a few messages; fail is told of those that cannot be asked for.
func lookAt(ctx context.Context, r Reader, list []noted, fail func(int, string, Code, error), f func(*noted, []publish.Seen) error) error {
	for part := range slices.Chunk(list, defaultBatch) {
		changes := make([]publish.Change, len(part))
		for i := range part {
			changes[i] = part[i].change
		}
		seen, err := r.Look(ctx, changes...)
		switch {
		case err != nil && isOwn(err) && len(part) > 1:
			for i := range part {
				if err = lookAt(ctx, r, part[i:i+1], fail, f); err != nil {
					return err
				}
			}
			continue
		case err != nil && isOwn(err):
			fail(part[0].event.Line, part[0].event.Name, Refused, err)
			continue
		case err != nil:
			return err
		}
		by := map[string][]publish.Seen{}
		for _, s := range seen {
			by[s.Owner] = append(by[s.Owner], s)
		}
		for i := range part {
			if err = f(&part[i], by[part[i].change.Owner]); err != nil {
				return err
			}
		}
	}
	return nil
}

// isLost reports whether those that answer say that nothing is as noted: no record is there, or all
// show one that was withdrawn.
func isLost(n *noted, seen []publish.Seen) bool {
	answered := false
	for _, s := range seen {
		if s.Err != nil || s.Presence == dane.Unknown || s.Alias != "" {
			continue
		}
		answered = true
		none := len(s.Records) == 0 || s.Wildcard
		if len(n.change.Add) > 0 && !none || len(n.change.Remove) > 0 && (none || s.Shows(n.change)) {
			return false
		}
	}
	return answered
}

// isReplaced reports whether servers have other records than that which was enrolled, and none that
// one.
func isReplaced(n *noted, seen []publish.Seen) bool {
	others := false
	for _, s := range seen {
		if s.Err == nil && !s.Wildcard && s.Alias == "" && len(s.Records) > 0 {
			others = true
			if s.Shows(n.change) {
				return false
			}
		}
	}
	return others && len(n.change.Add) > 0
}

func showsAll(n *noted, seen []publish.Seen) bool {
	return len(seen) > 0 && !slices.ContainsFunc(seen, func(s publish.Seen) bool { return !s.Shows(n.change) })
}

// saw counts one name, and the servers that were asked for it.
func (p *publishing) saw(c publish.Change, seen []publish.Seen) {
	if len(seen) > 0 {
		p.sum.Sampled++
	}
	for _, s := range seen {
		before, met := p.servers[s.Server]
		p.servers[s.Server] = s.Shows(c) && (before || !met)
	}
}

// result is what became of the records.
func (p *publishing) result() Publication {
	p.sum.Servers, p.sum.Showing = len(p.servers), 0
	for _, all := range p.servers {
		p.sum.Showing += btoi(all)
	}
	return p.sum
}

// findLost asks for what is left of the samples, and sends again what zones have lost.
func (p *publishing) findLost(ctx context.Context) error {
	if p.Reader == nil {
		return nil
	}
	for _, n := range p.last {
		p.asking = append(p.asking, n)
	}
	if err := p.ask(ctx); err != nil || len(p.lost) == 0 {
		return err
	}
	var chunk []noted
	again := func() error {
		err := p.look(ctx, chunk, func(n *noted, seen []publish.Seen) error {
			if !isLost(n, seen) {
				return nil
			}
			return p.plan(ctx, n)
		})
		chunk = chunk[:0]
		return err
	}
	err := p.each(func(n *noted) error {
		if !n.done || !p.lost[n.zone] {
			return nil
		}
		kept, event := *n, *n.event
		kept.event = &event
		if chunk = append(chunk, kept); len(chunk) < defaultBatch {
			return nil
		}
		return again()
	})
	if err == nil {
		err = again()
	}
	if err == nil {
		err = p.apply(ctx)
	}
	return err
}

// enough reads back where there is much to read: what waits stays small.
func (p *publishing) enough(ctx context.Context) error {
	if p.Reader == nil || len(p.samples) < defaultBatch {
		return nil
	}
	return p.readBack(ctx)
}

// readBack waits until every name server shows what was made. Where one does not, the rest is made
// all the same, and not waited for.
func (p *publishing) readBack(ctx context.Context) error {
	samples := p.samples
	p.samples = nil
	if p.behind != nil {
		return nil
	}
	for part := range slices.Chunk(samples, defaultBatch) {
		for i := range part {
			part[i].Expect = nil // it was there before
		}
		seen, err := p.Reader.Await(ctx, p.Waiting, part...)
		by := map[string][]publish.Seen{}
		for _, s := range seen {
			by[s.Owner] = append(by[s.Owner], s)
		}
		for _, c := range part {
			p.saw(c, by[c.Owner])
		}
		if _, refused := errors.AsType[*publish.Refusal](err); refused && ctx.Err() == nil {
			p.behind = err
			return nil
		} else if err != nil {
			return err
		}
	}
	return nil
}

// served notes that all is seen, where it was not before.
func (p *publishing) served(ctx context.Context) error {
	if p.Reader == nil {
		return nil
	}
	if err := p.readBack(ctx); err != nil {
		return err
	}
	if p.behind != nil || !p.unserved {
		return p.behind
	}
	if r := p.result(); !r.Served() {
		return nil
	}
	return p.inv.note(Event{What: Served, Count: p.sum.Sampled})
}
