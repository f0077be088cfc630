package fleet

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"dnseal/lookup/dane"
	"dnseal/lookup/publish"
)

// Reader reads back what was published: a [publish.Reader], or what embeds one.
type Reader interface {
	ReadBack(ctx context.Context, changes ...publish.Change) ([]publish.Seen, error)
	Read(ctx context.Context, owner string, t dane.Type) ([]publish.Seen, error)
	ZoneOf(ctx context.Context, owner string) (string, error)
}

// PublishOptions say how records get into zones.
type PublishOptions struct {
	Publisher publish.Publisher
	// Reader reads back; nil: nobody does, and nothing counts as served.
	Reader Reader
	// Batch is how many names are given to the Publisher at a time; 0: 500.
	Batch int
	// Failed is told of each name that is refused for its own sake, and Done how many are done
	// with; nil: nobody is.
	Failed func(*Failure)
	Done   func(n int)
}

// Publication is what became of the records.
type Publication struct {
	Published, Withdrawn, Failed int
	// Served says that every name server shows what was done, now or before.
	Served bool
}

const defaultBatch = 500

// Publish publishes the records of all identities that are enrolled and not published yet, and
// withdraws those of all that are retired. What the server has accepted is noted after each batch,
// so that the same call goes on after whatever ended it; what it had accepted before it could be
// noted is accepted once more, and there once. A name where other records are is left alone, and
// told. One name of each batch and zone is read back from every name server: a batch is made or not
// made as a whole. Errors: those of the Publisher and of reading back; a [*DamagedError]; what the
// file system returned.
func (inv *Inventory) Publish(ctx context.Context, opts PublishOptions) (Publication, error) {
	if opts.Batch <= 0 {
		opts.Batch = defaultBatch
	}
	p := &publishing{PublishOptions: opts, inv: inv, room: opts.Batch}
	if err := p.read(); err != nil {
		return p.sum, err
	}
	err := inv.scan(func(e *Event) error { return p.event(ctx, e) })
	if err == nil {
		err = p.apply(ctx)
	}
	if err == nil {
		err = p.served(ctx)
	}
	return p.sum, err
}

// publishing is one call of Publish.
type publishing struct {
	PublishOptions

	inv    *Inventory
	x      *index
	epoch  uint32 // how often all was served
	number uint64 // of the line
	sum    Publication

	batch    []planned
	room     int
	samples  []publish.Change // to be read back
	unserved int              // names since the last sample
	seen     int              // samples that every name server shows
}

// planned is one change, and what is noted of it.
type planned struct {
	change publish.Change
	event  Event
	line   int
}

// read finds what is published and was not seen at every name server.
func (p *publishing) read() (err error) {
	number := uint64(0)
	p.x, err = p.inv.byName(func(e *Event, at int, x *index) error {
		number++
		switch e.What {
		case Enrolled, Retire:
			x.rows[at] = number
		case Published, Withdrawn:
			x.lines[at] = p.epoch
		case Served:
			p.epoch++
		case Written, KeysIn, Ran: // of files
		}
		return nil
	})
	return err
}

// event plans what an identity needs: of its last line.
func (p *publishing) event(ctx context.Context, e *Event) error {
	p.number++
	if e.What != Enrolled && e.What != Retire {
		return nil
	}
	at, ok := p.x.find(digestOf(e.Name))
	if !ok || p.x.rows[at] != p.number {
		return nil
	}
	s := p.x.states[at]
	done := s&isPublished != 0
	if s&isRetired != 0 {
		done = s&isWithdrawn != 0
	}
	change, err := changeOf(e)
	if err != nil {
		return fmt.Errorf("fleet: %s: line %d: %w", p.inv.path, p.number, err)
	}
	if done {
		return p.sample(ctx, change, p.x.lines[at] == p.epoch)
	}
	noted := Event{What: Published, Name: e.Name, Key: e.Key}
	if s&isRetired != 0 {
		noted.What = Withdrawn
	}
	p.batch = append(p.batch, planned{change, noted, e.Line})
	if p.room -= len(change.Add) + len(change.Remove); p.room > 0 {
		return nil
	}
	return p.apply(ctx)
}

// changeOf is the record in, or all records of a retired identity out.
func changeOf(e *Event) (publish.Change, error) {
	owner, kind, err := e.owner()
	if err != nil {
		return publish.Change{}, err
	}
	var records []dane.Record
	for _, text := range append([]string{e.Record}, e.Others...) {
		r, err := parseRecord(text)
		if err != nil {
			return publish.Change{}, err
		}
		records = append(records, r)
	}
	if e.What == Retire {
		return publish.Change{Owner: owner, Type: kind, Remove: records}, nil
	}
	return publish.Change{Owner: owner, Type: kind, TTL: time.Duration(e.TTL) * time.Second, Add: records, Expect: []dane.Record{}}, nil
}

// sample notes that a change of an earlier run has to be read back: one of each batch.
func (p *publishing) sample(ctx context.Context, change publish.Change, unserved bool) error {
	if !unserved {
		return nil
	}
	if p.unserved++; p.unserved%p.Batch == 1 || p.Batch == 1 {
		p.samples = append(p.samples, change)
	}
	return p.enough(ctx)
}

// enough reads back where there is much to read: what waits stays small.
func (p *publishing) enough(ctx context.Context) error {
	if p.Reader == nil || len(p.samples) < defaultBatch {
		return nil
	}
	return p.readBack(ctx)
}

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

// isOwn reports whether an error is about one name alone.
func isOwn(err error) bool {
	r, ok := errors.AsType[*publish.Refusal](err)
	return ok && slices.Contains(ownCodes, r.Code)
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
	p.sum.Failed++
	if p.Failed != nil {
		p.Failed(&Failure{Line: b.line, Name: b.event.Name, Code: Refused, Err: why})
	}
	if p.Done != nil {
		p.Done(1)
	}
	return nil
}

// note writes down what was made, and which of it is to be read back: one change of each zone.
func (p *publishing) note(ctx context.Context, done []planned) error {
	if len(done) == 0 {
		return nil
	}
	now := p.inv.now()
	var lines []byte
	zones := map[string]bool{}
	for i := range done {
		e := &done[i].event
		e.Time = now
		var err error
		if lines, err = e.append(lines); err != nil {
			return fmt.Errorf("fleet: inventory: %w", err)
		}
		if e.What == Published {
			p.sum.Published++
		} else {
			p.sum.Withdrawn++
		}
	}
	if err := p.inv.append(lines); err != nil {
		return err
	}
	if p.Done != nil {
		p.Done(len(done))
	}
	for i := len(done) - 1; i >= 0 && p.Reader != nil; i-- {
		zone, err := p.Reader.ZoneOf(ctx, done[i].change.Owner)
		if err != nil {
			return err
		}
		if !zones[zone] {
			zones[zone] = true
			p.samples = append(p.samples, done[i].change)
		}
	}
	return p.enough(ctx)
}

// readBack waits until every name server shows what was made.
func (p *publishing) readBack(ctx context.Context) error {
	for samples := range slices.Chunk(p.samples, defaultBatch) {
		for i := range samples {
			samples[i].Expect = nil // it was there before
		}
		if _, err := p.Reader.ReadBack(ctx, samples...); err != nil {
			return err
		}
		p.seen += len(samples)
	}
	p.samples = nil
	return nil
}

// served notes that all is seen.
func (p *publishing) served(ctx context.Context) error {
	if p.Reader == nil {
		return nil
	}
	err := p.readBack(ctx)
	if p.sum.Served = err == nil; err != nil || p.seen == 0 {
		return err
	}
	return p.inv.note(Event{What: Served, Count: p.seen})
}
