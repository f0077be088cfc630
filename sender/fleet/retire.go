package fleet

import (
	"context"
	"errors"
	"fmt"
	"time"

	"dnseal/sender/identity"
)

// RetireOptions say who is retired.
type RetireOptions struct {
	// Names are retired; nil: those that are older than Lifetime.
	Names *Names
	// Lifetime is how old an identity gets.
	Lifetime time.Duration
	// Dir is the directory of the identities; empty: the keys are elsewhere.
	Dir string
	// Reader tells whether records of names that were retired before are there again, and whether a
	// CA vouches for keys; nil: nobody asks.
	Reader Reader
	// DryRun changes nothing: Would is told of each identity, with when it was enrolled.
	DryRun bool
	Would  func(name string, enrolled time.Time)
	// Failed and Done are as those of EnrollOptions.
	Failed func(*Failure)
	Done   func(n int)
}

// Retirement is what became of the names.
type Retirement struct {
	// Retired are new, Before were retired earlier, Failed were told, of the others or of these.
	// Published of the new ones had a record in the zone, as far as the inventory knows.
	Retired, Before, Failed, Published int
	// Elsewhere of the new ones have no folder: their keys are marked as revoked nowhere.
	Elsewhere int
	// Marked of those before were not revoked in their folders, and are now. Again of them
	// have records, which are to be withdrawn once more.
	Marked, Again int
	// Vouched of the Failed are accepted by others still: see [Vouched]. Unasked of the new ones
	// have a certificate of a CA, and without a Reader nobody knows.
	Vouched, Unasked int
	// Unknown of those before may have records: name servers do not answer. Why is what the first
	// said; empty: all answered.
	Unknown int
	Why     string
}

// Retire makes identities sign no more: their folders say that all keys are revoked, as dnseal
// identity revoke writes it, and then the inventory has it. Their records are withdrawn by
// [Inventory.Publish], or left out by the next [ZoneFile]. Told are names that are not enrolled, or
// for other values than those of the row that makes the name, and keys for which the record of a CA
// vouches all the same. Told and retired are those of which name servers do not say whether a CA
// vouches, and whose folders cannot be read: the key that was enrolled is revoked then, and others
// may be in use. Names that were retired before are looked at again: what is missing in
// their folders is written, and records that are there again are withdrawn. Where it ends early the
// same call goes on. Errors: the context's; a [*DamagedError]; what the file system returned, such
// as a full disk.
func (inv *Inventory) Retire(ctx context.Context, opts RetireOptions) (Retirement, error) {
	r := &retiring{RetireOptions: opts, inv: inv, now: inv.now(), places: map[string]*vouching{}}
	number := uint64(0)
	var err error
	r.x, err = inv.byName(func(e *Event, at int, x *index) error {
		if number++; e.What == Enrolled || e.isOut() {
			x.rows[at] = number
		}
		return nil
	})
	if err == nil {
		err = r.readRows()
	}
	if err == nil {
		err = r.choose()
	}
	if err == nil {
		err = inv.scan(func(e *Event) error { return r.event(ctx, e) })
	}
	if err == nil {
		err = r.look(ctx)
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
	values []uint64 // digests of the rows that were enrolled, by place; nil: of no interest
	now    time.Time
	number uint64
	sum    Retirement
	places map[string]*vouching

	before []noted // retired, to be looked for
	names  []string
	lines  []byte
	count  Retirement // of names
}

// readRows reads which values each identity was enrolled for.
func (r *retiring) readRows() error {
	if r.Names == nil || r.Names.columns == nil {
		return nil
	}
	r.values = make([]uint64, len(r.x.states))
	return r.inv.scan(func(e *Event) error {
		if at, ok := r.x.find(digestOf(e.Name)); ok && e.What == Enrolled {
			r.values[at] = r.Names.of(e.Row)
		}
		return nil
	})
}

// choose marks the names.
func (r *retiring) choose() error {
	for r.Names != nil {
		l, err := r.Names.Next()
		if isEOF(err) {
			break
		}
		failure, isFailure := errors.AsType[*Failure](err)
		if err != nil && !isFailure {
			return err
		}
		if failure == nil {
			failure = r.mark(&l)
		}
		if failure != nil {
			r.fail(failure)
		}
	}
	return nil
}

// mark marks one.
func (r *retiring) mark(l *Listed) *Failure {
	at, ok := r.x.find(digestOf(l.Name))
	switch {
	case !ok || r.x.states[at]&isEnrolled == 0:
		return &Failure{Line: l.Line, Name: l.Name, Code: NotEnrolled, Err: fmt.Errorf("%s is not enrolled", l.Name)}
	case r.values != nil && r.values[at] != l.row:
		return &Failure{Line: l.Line, Name: l.Name, Code: Duplicate, Err: identity.WithHint(
			fmt.Errorf("%s is enrolled for other values than those of this row: it is another device's, and stays", l.Name),
			"to retire it all the same, name it in a list (--from without --template)")}
	case r.x.states[at]&isMet != 0: // the same line twice
		r.done(1)
	}
	r.x.states[at] |= isMet
	r.x.lines[at] = uint32(l.Line)
	return nil
}

func (r *retiring) fail(f *Failure) {
	r.tell(f)
	r.done(1)
}

// tell tells of what is not as it should be with one that is retired; nil: nothing.
func (r *retiring) tell(f *Failure) {
	if f == nil {
		return
	}
	r.sum.Failed++
	if r.Failed != nil {
		r.Failed(f)
	}
}

func (r *retiring) done(n int) {
	if r.Done != nil {
		r.Done(n)
	}
}

// event retires the identity of a line, where it is one of those.
func (r *retiring) event(ctx context.Context, e *Event) error {
	if r.number++; e.What != Enrolled && !e.isOut() {
		return nil
	}
	at, ok := r.x.find(digestOf(e.Name))
	if !ok || r.x.rows[at] != r.number || !r.isChosen(e, at) {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return r.end(err)
	}
	line := int(r.x.lines[at])
	switch {
	case r.DryRun && e.What == Enrolled:
		if r.sum.Retired++; r.Would != nil {
			r.Would(e.Name, e.Time)
		}
		return nil
	case r.DryRun:
		r.sum.Before++
		return nil
	case e.What == Retire:
		return r.again(ctx, e, line)
	}
	return r.retire(ctx, e, at, line)
}

// isChosen reports whether an identity is one of those: by its name, or by its age.
func (r *retiring) isChosen(e *Event, at int) bool {
	if r.Names != nil {
		return r.x.states[at]&isMet != 0
	}
	return e.What == Enrolled && r.now.Sub(e.Time) >= r.Lifetime
}

// end notes what is done before an error ends the call.
func (r *retiring) end(err error) error {
	if e := r.flush(); e != nil {
		return e
	}
	return err
}

// retire makes the keys of an identity sign no more.
func (r *retiring) retire(ctx context.Context, e *Event, at, line int) error {
	gone := Event{Time: r.now, What: Retire, Name: e.Name, Line: e.Line, Row: e.Row, Key: e.Key, Record: e.Record, Others: e.Others, CA: e.CA, NotAfter: e.NotAfter}
	done, failure, err := r.revoke(&gone, line)
	if err != nil {
		return r.end(err)
	}
	if failure != nil {
		r.fail(failure)
		return nil
	}
	failure, unasked, err := r.vouched(ctx, &gone, done.keys, line)
	if err != nil {
		return r.end(err)
	}
	r.tell(done.unread)
	if failure != nil && failure.Code == VouchedFor {
		return r.notGone(&gone, failure)
	}
	r.tell(failure) // it is retired all the same
	if err = r.add(&gone); err != nil {
		return err
	}
	r.count.Retired++
	r.count.Unasked += btoi(unasked)
	r.count.Elsewhere += btoi(done.keys == nil && done.unread == nil)
	r.count.Published += btoi(r.x.states[at]&(isPublished|isListed) != 0)
	return r.mayFlush()
}

// add notes an event, for now in memory.
func (r *retiring) add(e *Event) (err error) {
	if r.lines, err = e.appendSealed(r.lines); err != nil {
		return fmt.Errorf("fleet: inventory: %w", err)
	}
	r.names = append(r.names, e.Name)
	return nil
}

func (r *retiring) mayFlush() error {
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
	r.sum.Elsewhere += r.count.Elsewhere
	r.sum.Unasked += r.count.Unasked
	r.sum.Marked += r.count.Marked
	r.sum.Again += r.count.Again
	r.done(r.count.Retired)
	r.names, r.lines, r.count = r.names[:0], r.lines[:0], Retirement{}
	return nil
}
