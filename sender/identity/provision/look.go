package provision

import (
	"context"
	"fmt"
	"slices"
	"time"

	"dnseal/lookup/dane"
	"dnseal/lookup/publish"
	"dnseal/sender/identity"
	"dnseal/sender/identity/lifecycle"
)

// Look is Run without any change, and without a lock: where the identities stand, and what the next
// step would be.
func (r *Runner) Look(ctx context.Context, names []string) []*Outcome {
	outcomes := make([]*Outcome, len(names))
	works := make([]*work, len(names))
	for i, name := range names {
		outcomes[i] = &Outcome{Name: name}
		works[i] = &work{Outcome: outcomes[i]}
		if err := r.look(works[i]); err != nil {
			works[i].fail(err)
		}
	}
	r.read(ctx, works)
	for _, w := range works {
		if !w.ended {
			w.Step = lifecycle.Next(w.state(), w.Seen, r.now())
		}
	}
	return outcomes
}

// look is begin without a lock.
func (r *Runner) look(w *work) (err error) {
	if w.folder, err = Find(r.Dir, w.Name); err != nil {
		return err
	}
	w.Name = w.folder.Name
	if w.Keys, err = w.folder.Keys(); err != nil {
		return err
	}
	if r.Intent.pretend != nil {
		r.Intent.pretend(&w.Keys)
	}
	if w.owner, w.typ, err = w.Keys.owner(); err != nil {
		return fmt.Errorf("provision: %s: %w", w.folder.Path, err)
	}
	w.Step.Memory, w.Note, err = w.folder.Memory()
	if err == nil && r.Intent.Memory != nil {
		err = r.Intent.Memory(w.Keys, &w.Step.Memory)
	}
	return err
}

// Owner is where the records of the identity are: their absolute name and type.
func (o *Outcome) Owner() (string, dane.Type, error) { return o.Keys.owner() }

// Wanted is the record that publishes the active key; ok is false where there is no key.
func (o *Outcome) Wanted() (r dane.Record, ok bool) {
	g := o.Keys.state(o.Step.Memory, o.Seen).Active
	if g == nil {
		return r, false
	}
	return g.Want, true
}

// WantedBeside are the records of the other keys of the name that a name server shows.
func (o *Outcome) WantedBeside() (records []dane.Record) {
	for _, b := range o.Keys.state(o.Step.Memory, o.Seen).Beside {
		if b.Active != nil && shows(o.Seen, b.Active.Want) {
			records = append(records, b.Active.Want)
		}
	}
	return records
}

// Published reports whether a name server shows a record of the key.
func (o *Outcome) Published(id *identity.Identity) bool {
	return slices.ContainsFunc(o.Seen, func(s lifecycle.Server) bool { return o.PublishedAt(s, id) })
}

// PublishedAt reports whether a name server shows a record of the key.
func (o *Outcome) PublishedAt(s lifecycle.Server, id *identity.Identity) bool {
	g := o.Keys.generation(id, o.Keys.form(o.Step.Memory, o.Seen))
	return slices.ContainsFunc(s.Records, g.Publishes)
}

// InCaches is when every cache has the record of the active key: zero where not every name server
// shows it, or that is not known.
func (o *Outcome) InCaches() time.Time {
	r, ok := o.Wanted()
	s := o.Step.Memory.Shown[lifecycle.RecordID(r)]
	if !ok || s.Since.IsZero() {
		return time.Time{}
	}
	return s.Since.Add(s.Hold + lifecycle.Margin(s.Hold))
}

// Change is the change of the zone that the step of an outcome of Look would make; ok is false
// where it would make none.
func (o *Outcome) Change() (c publish.Change, ok bool) {
	owner, typ, err := o.Keys.owner()
	w := work{Outcome: o, owner: owner, typ: typ}
	return w.change(), err == nil && o.Err == nil && (o.Step.Do == lifecycle.Publish || o.Step.Do == lifecycle.Remove)
}
