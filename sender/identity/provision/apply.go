package provision

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"dnseal/lookup/publish"
	"dnseal/sender/identity/lifecycle"
)

// apply sends the changes together and waits until the name servers show them.
func (r *Runner) apply(ctx context.Context, works []*work, changes []publish.Change) {
	err := r.Publisher.Apply(ctx, changes...)
	sent := works
	if err != nil {
		sent = nil
		failed := notMade(err)
		for i, w := range works {
			switch {
			case failed != nil && !failed[key(changes[i])]:
				sent = append(sent, w)
			case changed(err):
				if lost := w.lost(err, changes[i], w.Seen); lost != nil {
					w.fail(lost)
				}
			default:
				w.fail(err)
			}
		}
	}
	if len(sent) == 0 {
		return
	}
	for _, w := range sent {
		w.contest = contest{}
		r.did(w)
		if w.Step.Do == lifecycle.Publish {
			r.accept(w)
		}
	}
	r.readBack(ctx, sent)
}

// key names the RRset of a change.
func key(c publish.Change) string { return c.Owner + " " + c.Type.String() }

// notMade are the RRsets whose change is not known to be made; nil: all.
func notMade(err error) map[string]bool {
	partial, ok := errors.AsType[*publish.PartialError](err)
	if !ok {
		return nil
	}
	failed := map[string]bool{}
	for _, c := range append(partial.NotDone, partial.Unknown...) {
		failed[key(c)] = true
	}
	return failed
}

// changed reports whether the records were not those expected.
func changed(err error) bool {
	refusal, ok := errors.AsType[*publish.Refusal](err)
	return ok && refusal.Code == publish.Changed
}

// readBack waits until the name servers show what was sent. One that does not in time is told by
// the next step.
func (r *Runner) readBack(ctx context.Context, works []*work) {
	limit := r.ReadBack
	if limit == 0 {
		limit = time.Minute
	}
	wait, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	changes := make([]publish.Change, len(works))
	for i, w := range works {
		changes[i] = w.change()
	}
	servers, err := r.Publisher.ReadBack(wait, changes...)
	if ctx.Err() != nil {
		for _, w := range works {
			w.fail(notRead(w.owner, ctx.Err()))
		}
		return
	}
	if err != nil && len(servers) == 0 {
		return // the next round reads each name by itself
	}
	byName := map[string][]publish.Seen{}
	for _, s := range servers {
		byName[s.Owner+" "+s.Type.String()] = append(byName[s.Owner+" "+s.Type.String()], s)
	}
	for i, w := range works {
		if seen := byName[key(changes[i])]; len(seen) > 0 {
			w.Seen, w.fresh = seenBy(seen), true
			w.noteTTL(seen, changes[i])
		}
	}
}

// notRead is the end of the context after a change was accepted.
func notRead(owner string, err error) error {
	return fmt.Errorf("provision: the server accepted the change of %s; whether every name server shows it was not waited for: %w", owner, err)
}

// noteTTL keeps what is to be said where the records have another TTL than was sent: a server can
// bound it.
func (w *work) noteTTL(seen []publish.Seen, c publish.Change) {
	other := func(s publish.Seen) bool { return len(s.Records) > 0 && s.TTL != c.TTL }
	if !slices.ContainsFunc(seen, other) {
		return
	}
	for _, note := range publish.Notes(seen, c) {
		if !slices.Contains(w.Notes, note) {
			w.Notes = append(w.Notes, note)
		}
	}
}
