package fleet

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"dnseal/lookup/publish"
)

// apply makes the changes of a batch, and notes them.
func (p *publishing) apply(ctx context.Context) error {
	if len(p.batch) == 0 {
		return nil
	}
	batch := p.batch
	p.batch, p.room = nil, p.Batch
	changes := make([]publish.Change, len(batch))
	for i := range batch {
		changes[i] = batch[i].change
	}
	err := p.Publisher.Apply(ctx, changes...)
	done := batch
	partial, isPartial := errors.AsType[*publish.PartialError](err)
	switch {
	case err == nil:
	case isPartial:
		done = pick(batch, partial.Done)
	case len(batch) > 1 && isOwn(err): // none was made
		isPartial, partial, done = true, &publish.PartialError{NotDone: changes, Err: err}, nil
	case isOwn(err):
		done, err = nil, p.refused(ctx, batch[0], err)
	default:
		return err
	}
	if noted := p.note(ctx, done); noted != nil {
		return noted
	}
	if isPartial && isOwn(partial.Err) && len(partial.Unknown) == 0 {
		err = p.oneByOne(ctx, pick(batch, partial.NotDone))
	}
	return err
}

// ownCodes are about one name, which must not keep the others from their zones.
var ownCodes = []publish.Code{publish.Alias, publish.Changed, publish.TooLong, publish.NoZone, publish.OutsideZone}

// isOwn reports whether an error is about one name alone. That no resolver answers is about all.
func isOwn(err error) bool {
	r, ok := errors.AsType[*publish.Refusal](err)
	return ok && slices.Contains(ownCodes, r.Code) && (r.Code != publish.NoZone || !r.IsUnanswered())
}

// pick returns those of a batch whose changes are in a list.
func pick(batch []planned, changes []publish.Change) (out []planned) {
	in := make(map[string]bool, len(changes))
	for _, c := range changes {
		in[c.Owner] = true
	}
	for _, b := range batch {
		if in[b.change.Owner] {
			out = append(out, b)
		}
	}
	return out
}

// oneByOne finds out which names a batch was refused for.
func (p *publishing) oneByOne(ctx context.Context, batch []planned) error {
	for _, b := range batch {
		err := p.Publisher.Apply(ctx, b.change)
		if err != nil && isOwn(err) {
			if err = p.refused(ctx, b, err); err != nil {
				return err
			}
			continue
		}
		if err == nil {
			err = p.note(ctx, []planned{b})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// refused tells of one name, unless what is there is what was wanted: a run that was killed has
// sent it.
func (p *publishing) refused(ctx context.Context, b planned, why error) error {
	if p.Reader != nil && len(b.change.Add) > 0 {
		seen, err := p.Reader.Read(ctx, b.change.Owner, b.change.Type)
		if err != nil {
			return err
		}
		ours := func(s publish.Seen) bool {
			return s.Err == nil && s.Alias == "" && !s.Wildcard && len(s.Records) == 1 && recordText(s.Records[0]) == recordText(b.change.Add[0])
		}
		if slices.ContainsFunc(seen, ours) {
			return p.note(ctx, []planned{b})
		}
	}
	if r, ok := errors.AsType[*publish.Refusal](why); ok && b.again && r.Code == publish.Changed {
		p.samples = append(p.samples, b.change) // the primary has records, the name servers will
		return nil
	}
	p.fail(b.event.Name, Refused, why)
	return nil
}

// fail tells of one name: its line was in the table that enrolled it, and need not be in today's.
func (p *publishing) fail(name string, code Code, why error) {
	p.sum.Failed++
	if p.Failed != nil {
		p.Failed(&Failure{Name: name, Code: code, Err: why})
	}
	if p.Done != nil {
		p.Done(1)
	}
}

// note writes down what was made and where, and which of it is to be read back: one change of each
// zone.
func (p *publishing) note(ctx context.Context, done []planned) error {
	if len(done) == 0 {
		return nil
	}
	now := p.inv.now()
	var lines []byte
	samples := map[string]publish.Change{}
	var failed error
	for i := range done {
		e := &done[i].event
		e.Time = now
		if p.Reader != nil && failed == nil {
			e.Zone, failed = p.Reader.ZoneOf(ctx, done[i].change.Owner)
			samples[e.Zone] = done[i].change
		}
		var err error
		if lines, err = e.appendSealed(lines); err != nil {
			return fmt.Errorf("fleet: inventory: %w", err)
		}
		p.count(&done[i])
	}
	if err := p.inv.append(lines); err != nil {
		return err
	}
	if p.Done != nil {
		p.Done(len(done))
	}
	for _, c := range samples {
		p.samples = append(p.samples, c)
	}
	p.unserved = true
	return cmp.Or(failed, p.enough(ctx))
}

func (p *publishing) count(b *planned) {
	if b.again {
		p.sum.Lost++
	}
	if b.event.What == Published {
		p.sum.Published++
	} else {
		p.sum.Withdrawn++
	}
}
