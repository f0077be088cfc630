package fleet

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"dnseal/lookup/dane"
	"dnseal/lookup/publish"
	"dnseal/sender/identity"
)

// again looks at an identity that was retired before: an earlier call may not have found its
// folder, and somebody may have published its record again.
func (r *retiring) again(ctx context.Context, e *Event, line int) error {
	gone, marked := *e, r.isMarked(e)
	if marked && r.Reader == nil {
		r.sum.Before++
		r.done(1)
		return nil
	}
	done, failure, err := r.revoke(&gone, line)
	if err != nil {
		return r.end(err)
	}
	var vouched *Failure
	if failure == nil && r.Reader != nil {
		if vouched, _, err = r.vouched(ctx, &gone, done.keys, line); err != nil {
			return r.end(err)
		}
	}
	switch {
	case failure != nil:
		r.fail(failure)
		return nil
	case vouched != nil && vouched.Code == VouchedFor:
		r.tell(done.unread)
		return r.notGone(&gone, vouched)
	}
	r.tell(done.unread)
	r.tell(vouched)
	r.sum.Before++
	r.done(1)
	if done.wrote {
		r.count.Marked++
		r.names = append(r.names, e.Name) // to be brought to disk
	}
	if r.Reader == nil {
		return r.mayFlush()
	}
	change, err := changeOf(&gone)
	if err != nil {
		return fmt.Errorf("fleet: %s: %w", e.Name, err)
	}
	gone.Line = line
	if r.before = append(r.before, noted{event: &gone, change: change}); len(r.before) < defaultBatch {
		return r.mayFlush()
	}
	return r.look(ctx)
}

// isMarked reports whether there is nothing to write into the folder.
func (r *retiring) isMarked(e *Event) bool {
	if r.Dir == "" {
		return true
	}
	folder := filepath.Join(r.Dir, identity.FolderName(e.Name))
	revoked, err := identity.Revoked(folder)
	return err == nil && slices.Contains(revoked, e.Key) && isCertified(folder, e.Key)
}

// look asks for the records of identities that were retired before, and notes once more those whose
// records are there: they are withdrawn then.
func (r *retiring) look(ctx context.Context) error {
	before := r.before
	r.before = nil
	err := lookAt(ctx, r.Reader, before, r.failAt, func(n *noted, seen []publish.Seen) error {
		switch there, unknown := has(n, seen); {
		case there:
			r.count.Again++
			e := *n.event
			e.Time, e.What = r.now, Retire
			if err := r.add(&e); err != nil {
				return err
			}
			return r.mayFlush()
		case unknown != "":
			r.unknown(1, unknown)
		}
		return nil
	})
	if _, refused := errors.AsType[*publish.Refusal](err); refused && ctx.Err() == nil {
		r.unknown(len(before), err.Error()) // keys are revoked all the same
		return nil
	}
	return err
}

// unknown counts records of which nobody tells whether they are gone.
func (r *retiring) unknown(n int, why string) {
	if r.sum.Unknown += n; r.sum.Why == "" {
		r.sum.Why = why
	}
}

func (r *retiring) failAt(line int, name string, code Code, why error) {
	r.fail(&Failure{Line: line, Name: name, Code: code, Err: why})
}

// has reports whether a name server shows one of the records that are withdrawn, at the name
// itself, or else what one that does not answer says.
func has(n *noted, seen []publish.Seen) (there bool, unknown string) {
	for _, s := range seen {
		if s.Err != nil {
			unknown = s.Server + ": " + s.Err.Error()
		}
		if s.Err != nil || s.Wildcard || s.Alias != "" {
			continue
		}
		if slices.ContainsFunc(s.Records, func(r dane.Record) bool { return isAmong(r, n.change.Remove) }) {
			return true, ""
		}
	}
	return false, unknown
}

func isAmong(r dane.Record, list []dane.Record) bool {
	text := recordText(r)
	return slices.ContainsFunc(list, func(other dane.Record) bool { return recordText(other) == text })
}
