package fleet

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"dnseal/lookup/dane"
	"dnseal/sender/identity"
	"dnseal/sender/identity/provision"
)

// RetireOptions say who is retired.
type RetireOptions struct {
	// Names are retired; nil: those that are older than Lifetime.
	Names Names
	// Lifetime is how old an identity gets.
	Lifetime time.Duration
	// Dir is the directory of the identities; empty: the keys are elsewhere.
	Dir string
	// DryRun changes nothing: Would is told of each identity, with when it was enrolled.
	DryRun bool
	Would  func(name string, enrolled time.Time)
	// Failed and Done are as those of EnrollOptions.
	Failed func(*Failure)
	Done   func(n int)
}

// Retirement is what became of the names.
type Retirement struct {
	// Retired are new, Before were retired earlier, Failed were told. Published of the new ones had
	// a record in the zone, as far as the inventory knows.
	Retired, Before, Failed, Published int
}

// Retire makes identities sign no more: their folders say that all keys are revoked, as dnseal
// identity revoke writes it, and then the inventory has it. Their records are withdrawn by
// [Inventory.Publish], or left out by the next [ZoneFile]. Names that are not enrolled are told.
// Where it ends early the same call goes on. Errors: the context's; a [*DamagedError]; what the
// file system returned.
func (inv *Inventory) Retire(ctx context.Context, opts RetireOptions) (Retirement, error) {
	r := &retiring{RetireOptions: opts, inv: inv, now: inv.now()}
	number := uint64(0)
	var err error
	r.x, err = inv.byName(func(e *Event, at int, x *index) error {
		if number++; e.What == Enrolled {
			x.rows[at] = number
		}
		return nil
	})
	if err == nil {
		err = r.choose()
	}
	if err == nil {
		err = inv.scan(func(e *Event) error { return r.event(ctx, e) })
	}
	if err == nil {
		err = r.flush()
	}
	return r.sum, err
}

// retiring is one call of Retire.
type retiring struct {
	RetireOptions

	inv    *Inventory
	x      *index
	now    time.Time
	number uint64
	sum    Retirement

	names []string
	lines []byte
	count Retirement // of names
}

// choose marks the names.
func (r *retiring) choose() error {
	for r.Names != nil {
		name, line, err := r.Names()
		if isEOF(err) {
			break
		}
		failure, isFailure := errors.AsType[*Failure](err)
		if err != nil && !isFailure {
			return err
		}
		at, ok := 0, false
		if failure == nil {
			at, ok = r.x.find(digestOf(name))
		}
		switch {
		case failure != nil:
			r.fail(failure)
		case !ok:
			r.fail(&Failure{Line: line, Name: name, Code: NotEnrolled, Err: fmt.Errorf("%s is not enrolled", name)})
		case r.x.states[at]&isRetired != 0:
			r.sum.Before++
			r.done(1)
		default:
			r.x.states[at] |= isMet
			r.x.lines[at] = uint32(line)
		}
	}
	return nil
}

func (r *retiring) fail(f *Failure) {
	r.sum.Failed++
	if r.Failed != nil {
		r.Failed(f)
	}
	r.done(1)
}

func (r *retiring) done(n int) {
	if r.Done != nil {
		r.Done(n)
	}
}

// event retires the identity of a line, where it is one of those.
func (r *retiring) event(ctx context.Context, e *Event) error {
	if r.number++; e.What != Enrolled {
		return nil
	}
	at, ok := r.x.find(digestOf(e.Name))
	if !ok || r.x.rows[at] != r.number || r.x.states[at]&isRetired != 0 {
		return nil
	}
	if r.Names != nil && r.x.states[at]&isMet == 0 || r.Names == nil && r.now.Sub(e.Time) < r.Lifetime {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return errors.Join(r.flush(), err)
	}
	if r.DryRun {
		if r.sum.Retired++; r.Would != nil {
			r.Would(e.Name, e.Time)
		}
		return nil
	}
	gone := Event{Time: r.now, What: Retire, Name: e.Name, Line: e.Line, Row: e.Row, Key: e.Key, Record: e.Record}
	if failure, err := r.revoke(&gone, int(r.x.lines[at])); err != nil {
		return err
	} else if failure != nil {
		r.fail(failure)
		return nil
	}
	var err error
	if r.lines, err = gone.appendSealed(r.lines); err != nil {
		return fmt.Errorf("fleet: inventory: %w", err)
	}
	r.names = append(r.names, e.Name)
	r.count.Retired++
	if r.x.states[at]&(isPublished|isListed) != 0 {
		r.count.Published++
	}
	if len(r.names) < manyPending {
		return nil
	}
	return r.flush()
}

// flush brings what the folders say to disk, then the inventory.
func (r *retiring) flush() error {
	if len(r.names) == 0 {
		return nil
	}
	if r.Dir != "" {
		if err := syncFolders(r.Dir, r.names); err != nil {
			return err
		}
	}
	if err := r.inv.append(r.lines); err != nil {
		return err
	}
	r.sum.Retired += r.count.Retired
	r.sum.Published += r.count.Published
	r.done(len(r.names))
	r.names, r.lines, r.count = r.names[:0], r.lines[:0], Retirement{}
	return nil
}

// revoke notes in the folder that its keys are revoked, and which records they have. Without a
// folder the key is elsewhere.
func (r *retiring) revoke(gone *Event, line int) (*Failure, error) {
	if r.Dir == "" {
		return nil, nil //nolint:nilnil // nothing is wrong
	}
	fail := func(err error) (*Failure, error) {
		return &Failure{Line: line, Name: gone.Name, Code: Folder, Err: err}, nil
	}
	if _, err := os.Lstat(filepath.Join(r.Dir, identity.FolderName(gone.Name))); errors.Is(err, fs.ErrNotExist) {
		return nil, nil //nolint:nilnil // nothing is wrong
	}
	folder, err := provision.Lock(r.Dir, gone.Name)
	if err != nil {
		return fail(err)
	}
	defer folder.Close()
	keys, err := folder.Keys()
	if err != nil {
		return fail(err)
	}
	ids := []string{gone.Key}
	for _, g := range keys.All() {
		for _, id := range generation(g) {
			if !slices.Contains(ids, id.KeyID()) {
				ids = append(ids, id.KeyID())
				gone.Others = append(gone.Others, recordsOf(id, gone.Record, g.Folder)...)
			}
		}
	}
	return nil, writeRevoked(folder.Path, ids, r.now)
}

func generation(g provision.Generations) (ids []*identity.Identity) {
	for _, id := range []*identity.Identity{g.Active, g.Next} {
		if id != nil {
			ids = append(ids, id)
		}
	}
	for _, old := range g.Old {
		ids = append(ids, old.Identity)
	}
	return ids
}

// recordsOf are those that another key of the name may have: in the form of the first, and of keys
// beside it also whole, as others encrypt to them. One that is not there is not missed.
func recordsOf(id *identity.Identity, like, beside string) (texts []string) {
	r, err := parseRecord(like)
	if err != nil {
		return nil
	}
	forms := [][3]uint8{{r.Usage, r.Selector, r.MatchingType}}
	if beside != "" {
		forms = append(forms, [3]uint8{dane.DANEEE, dane.FullCertificate, 0}, [3]uint8{dane.DANEEE, dane.PublicKey, 0})
	}
	for _, f := range forms {
		if r, err := id.Record(f[0], f[1], f[2]); err == nil && !slices.Contains(texts, recordText(r)) {
			texts = append(texts, recordText(r))
		}
	}
	return texts
}

// writeRevoked adds keys to those that are revoked, whole or not at all, without waiting for the
// disk.
func writeRevoked(folder string, ids []string, now time.Time) error {
	before, err := identity.Revoked(folder)
	if err != nil {
		return err
	}
	path := filepath.Join(folder, identity.RevokedFile)
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("fleet: %w", err)
	}
	old := len(text)
	for _, id := range ids {
		if !slices.Contains(before, id) {
			text = fmt.Appendf(text, "%s %s\n", id, now.Format(time.RFC3339))
		}
	}
	if len(text) == old {
		return nil
	}
	temp := filepath.Join(folder, ".new-revoked")
	if err = os.WriteFile(temp, text, 0o600); err == nil { //nolint:gosec // G703: in the folder of an identity
		err = os.Rename(temp, path)
	}
	if err != nil {
		_ = os.Remove(temp) // what there is of it
		return fmt.Errorf("fleet: %w", err)
	}
	return nil
}
