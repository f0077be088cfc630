package provision

import (
	"context"
	"fmt"

	"dnseal/lookup/publish"
	"dnseal/sender/identity/lifecycle"
)

// Look is Run without any change, and without a lock: where the identities stand, and what the next
// step would be. The intent changes memory alone.
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
			w.Step = lifecycle.Next(w.Keys.state(w.Step.Memory, w.Seen), w.Seen, r.now())
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
	if w.owner, w.typ, err = w.Keys.owner(); err != nil {
		return fmt.Errorf("provision: %s: %w", w.folder.Path, err)
	}
	w.Step.Memory, w.Note, err = w.folder.Memory()
	if err == nil && r.Intent.Memory != nil {
		err = r.Intent.Memory(w.Keys, &w.Step.Memory)
	}
	return err
}

// Change is the change of the zone that the step of an outcome of Look would make; ok is false
// where it would make none.
func (o *Outcome) Change() (c publish.Change, ok bool) {
	owner, typ, err := o.Keys.owner()
	w := work{Outcome: o, owner: owner, typ: typ}
	return w.change(), err == nil && o.Err == nil && (o.Step.Do == lifecycle.Publish || o.Step.Do == lifecycle.Remove)
}
