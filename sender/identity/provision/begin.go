package provision

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"dnseal/sender/identity"
	"dnseal/sender/identity/lifecycle"
)

// readFirst asks the name servers before the folders are locked, so that slow ones keep nobody out.
// Errors are those of begin, which reads the folder again.
func (r *Runner) readFirst(ctx context.Context, works []*work) {
	for _, w := range works {
		if err := r.look(w); err != nil {
			w.fresh = true // there is nothing to be asked
			continue
		}
		w.first = w.contents()
	}
	r.read(ctx, works)
	for _, w := range works {
		w.unread, w.Err, w.ended = w.Err, nil, false
		w.fresh = w.first != "" && w.unread == nil
	}
}

// contents says what the folder holds: the same at two times when nothing has changed.
func (w *work) contents() string {
	text, _ := w.Step.Memory.Marshal()
	for _, id := range w.Keys.all() {
		text = fmt.Appendln(text, id.GenerationID())
	}
	for _, g := range w.Keys.All() {
		text = fmt.Appendln(text, g.Folder, g.Active != nil, g.Next != nil)
		for _, old := range g.Old {
			text = fmt.Appendln(text, old.Settled)
		}
	}
	return string(fmt.Appendln(text, w.Keys.Revoked))
}

// begin locks the folder, changes it as is wanted, and reads it.
func (r *Runner) begin(w *work) (err error) {
	if err = r.lock(w); err != nil {
		return err
	}
	w.Name = w.folder.Name
	if w.Keys, err = w.folder.Keys(); err != nil {
		return err
	}
	if w.Step.Memory, w.Note, err = w.folder.Memory(); err != nil {
		return err
	}
	if r.Intent.published != nil {
		err = r.intend(w)
	} else {
		err = r.note(w)
	}
	if err != nil {
		return err
	}
	if w.owner, w.typ, err = w.Keys.owner(); err != nil {
		return fmt.Errorf("provision: %s: %w", w.folder.Path, err)
	}
	if w.fresh = w.fresh && w.contents() == w.first; w.fresh {
		return nil
	}
	return w.unread
}

// lock locks the folder. An intent that insists goes on without, where that cannot be written.
func (r *Runner) lock(w *work) (err error) {
	if w.folder, err = Lock(r.Dir, w.Name); err == nil || errors.Is(err, identity.ErrBusy) {
		return err
	}
	found, notThere := Find(r.Dir, w.Name)
	if notThere != nil {
		return notThere
	}
	w.folder = found
	return r.write(w, err)
}

// note notes what is wanted, before anything is done: who is killed after that carries it on.
func (r *Runner) note(w *work) error {
	if r.Intent.Memory != nil {
		if err := r.Intent.Memory(w.Keys, &w.Step.Memory); err != nil {
			return err
		}
		if err := r.write(w, w.folder.Remember(w.Step.Memory)); err != nil {
			return err
		}
	}
	if r.Intent.Files == nil || r.begun[w.Name] {
		return nil
	}
	err := r.Intent.Files(w.folder, w.Keys)
	switch {
	case err == nil && w.Unwritten == nil:
		r.isBegun(w)
	case err != nil && r.Intent.insists:
		w.StillSigns = true
		w.Unwritten = identity.WithHint(fmt.Errorf("provision: it cannot be written in %s that %s is revoked: %w", w.folder.Path, w.Name, err),
			"until it is, what runs here still signs by the key: %s", makeRoom)
	case err != nil:
		return err
	}
	return r.readKeys(w)
}

func (r *Runner) isBegun(w *work) {
	if r.begun == nil {
		r.begun = map[string]bool{}
	}
	r.begun[w.Name] = true
}

// intend has the run go by what is wanted, and writes nothing of it yet.
func (r *Runner) intend(w *work) error {
	if r.begun[w.Name] {
		return nil
	}
	before := w.Step.Memory
	before.Shown = maps.Clone(before.Shown)
	if err := r.Intent.Memory(w.Keys, &w.Step.Memory); err != nil {
		return err
	}
	w.before = &before
	if w.Keys.Active != nil {
		w.stays = slices.Contains(w.Keys.Revoked, w.Keys.Active.KeyID())
	}
	r.Intent.pretend(&w.Keys)
	return nil
}

// accept writes what intend kept back: the record is published.
func (r *Runner) accept(w *work) {
	if w.before == nil {
		return
	}
	err := r.Intent.published(w.folder, w.Keys)
	if err == nil {
		w.before, w.stays = nil, false
		err = w.remember()
	}
	if err != nil {
		err = fmt.Errorf("provision: the record of %s is published, and that it is wanted cannot be written in %s: %w", w.Name, w.folder.Path, err)
		w.fail(identity.WithHint(err, "%s", makeRoom))
		return
	}
	r.isBegun(w)
}

// isPublished reports whether some name server shows a record of the active key.
func (w *work) isPublished() bool {
	switch w.Step.Condition {
	case lifecycle.Published, lifecycle.Active, lifecycle.NextPublished, lifecycle.Switched, lifecycle.ByCA:
		return true
	default:
		return false
	}
}

// remember writes the memory, without what is only intended.
func (w *work) remember() error {
	m := w.Step.Memory
	if w.before != nil {
		m = m.WithIntention(*w.before)
	}
	return w.folder.Remember(m)
}

// write passes on an error of writing into the folder. For an intent that insists it is kept for
// the end, and there is none.
func (r *Runner) write(w *work, err error) error {
	if err == nil || !r.Intent.insists {
		return err
	}
	if w.Unwritten == nil {
		w.Unwritten = unwritten(w.Name, err)
	}
	return nil
}

const makeRoom = "make room on the disk, or make the folder one that can be written to, and run this again"

// unwritten is the error of a withdrawal that was made and could not be noted.
func unwritten(name string, err error) error {
	return identity.WithHint(fmt.Errorf("provision: what was done with %s cannot be written: %w", name, err), "%s", makeRoom)
}

// readKeys reads the keys again. What is only intended, or could not be written, counts for them.
func (r *Runner) readKeys(w *work) (err error) {
	if w.Keys, err = w.folder.Keys(); err == nil && (w.StillSigns || w.before != nil) {
		r.Intent.pretend(&w.Keys)
	}
	return err
}

// end closes the folder, and says what stays as it was.
func (w *work) end() {
	if w.folder != nil {
		w.folder.Close()
	}
	if w.stays {
		w.Notes = append(w.Notes, w.Name+" stays revoked")
	}
}
