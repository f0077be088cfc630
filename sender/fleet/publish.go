package fleet

import (
	"context"
	"strings"
	"time"

	"dnseal/lookup/dane"
	"dnseal/lookup/publish"
)

// Reader reads back what was published: a [publish.Reader], or what embeds one.
type Reader interface {
	Await(ctx context.Context, waiting func(*publish.Refusal), changes ...publish.Change) ([]publish.Seen, error)
	Look(ctx context.Context, changes ...publish.Change) ([]publish.Seen, error)
	Read(ctx context.Context, owner string, t dane.Type) ([]publish.Seen, error)
	ZoneOf(ctx context.Context, owner string) (string, error)
}

// PublishOptions say how records get into zones.
type PublishOptions struct {
	Publisher publish.Publisher
	// Reader reads back; nil: nobody does, and nothing counts as served.
	Reader Reader
	// Batch is how many names are given to the Publisher at a time, and of how many one is asked
	// for; 0: 500.
	Batch int
	// Failed is told of each name that is refused for its own sake, Done how many are done with,
	// Waiting what name servers do not show yet; nil: nobody is.
	Failed  func(*Failure)
	Done    func(n int)
	Waiting func(*publish.Refusal)
}

// Publication is what became of the records.
type Publication struct {
	Published, Withdrawn, Failed int
	// Lost of these had been noted by an earlier run, and no name server showed them any more.
	Lost int
	// Sampled are the names that name servers were asked for, Servers the name servers, and Showing
	// those that show all of what was asked of them.
	Sampled, Servers, Showing int
}

// Served reports whether name servers were asked, and all of them show what was asked.
func (p *Publication) Served() bool { return p.Sampled > 0 && p.Showing == p.Servers }

const defaultBatch = 500

// Publish publishes the records of all identities that are enrolled and not published yet, and
// withdraws those of all that are retired. What the server has accepted is noted after each batch,
// so that the same call goes on after whatever ended it; what it had accepted before it could be
// noted is accepted once more, and there once. A name where other records are is left alone, and
// told.
//
// Name servers are asked for a sample: of what this call did one name of each batch and zone, until
// all show it; of what earlier calls noted the first and the last of each zone, and one of each
// Batch between. Where no server shows one of these (a zone came back from an old copy), all noted
// names of the zone are asked for, and what is missing is sent again: the record of a name that has
// none, and the withdrawal of one that has them. Errors: those of the Publisher and of reading; a
// [*DamagedError]; what the file system returned.
func (inv *Inventory) Publish(ctx context.Context, opts PublishOptions) (sum Publication, err error) {
	if opts.Batch <= 0 {
		opts.Batch = defaultBatch
	}
	p := &publishing{PublishOptions: opts, inv: inv, room: opts.Batch, zoneIDs: map[string]uint64{}, sampling: newSampling()}
	defer func() { sum = p.result() }()
	if err = p.read(); err != nil {
		return sum, err
	}
	if err = p.each(func(c *noted) error { return p.event(ctx, c) }); err == nil {
		err = p.apply(ctx)
	}
	if err == nil {
		err = p.findLost(ctx)
	}
	if err == nil {
		err = p.served(ctx)
	}
	return sum, err
}

// publishing is one call of Publish.
type publishing struct {
	PublishOptions

	inv     *Inventory
	x       *index
	epoch   uint32            // how often all was served
	zoneIDs map[string]uint64 // of zones that the inventory names
	sum     Publication

	batch []planned
	room  int

	sampling
}

// planned is one change, and what is noted of it.
type planned struct {
	change publish.Change
	event  Event
	again  bool // it was noted before
}

// In a row of the index is the number of the last line of an identity, and above it that of the
// zone where its record is.
const (
	zoneShift = 40
	lineMask  = 1<<zoneShift - 1
	maxZones  = 100_000
)

// read finds what is published, in which zone, and what was not seen at every name server.
func (p *publishing) read() (err error) {
	number := uint64(0)
	p.x, err = p.inv.byName(func(e *Event, at int, x *index) error {
		number++
		switch e.What {
		case Enrolled, Retire, Vouched:
			x.rows[at] = x.rows[at]&^lineMask | number
		case Published, Withdrawn:
			x.lines[at] = p.epoch
			x.rows[at] = x.rows[at]&lineMask | p.zoneID(e)<<zoneShift
		case Served:
			p.epoch++
		case Written, KeysIn, ZoneIn, MadeBy, Ran: // of files
		}
		return nil
	})
	return err
}

// zoneID numbers zones. Lines of old have none: names below the same one are in one zone then. Of
// very many zones the rest count as one.
func (p *publishing) zoneID(e *Event) uint64 {
	zone := e.Zone
	if zone == "" {
		_, zone, _ = strings.Cut(strings.ReplaceAll(e.Name, "@", "."), ".")
	}
	id, ok := p.zoneIDs[zone]
	if !ok && len(p.zoneIDs) < maxZones {
		id = uint64(len(p.zoneIDs)) + 1
		p.zoneIDs[zone] = id
	}
	return id
}

// noted is what the inventory has of one identity: its last line, and what follows from it.
type noted struct {
	event    *Event
	change   publish.Change
	done     bool // its record is in, or out
	zone     uint64
	unserved bool // no run has seen it on every name server
}

// each calls f for each identity.
func (p *publishing) each(f func(*noted) error) error {
	number := uint64(0)
	return p.inv.scan(func(e *Event) error {
		number++
		if e.What != Enrolled && !e.isOut() {
			return nil
		}
		at, ok := p.x.find(digestOf(e.Name))
		if !ok || p.x.rows[at]&lineMask != number {
			return nil
		}
		s := p.x.states[at]
		n := noted{event: e, done: s&isPublished != 0, zone: p.x.rows[at] >> zoneShift}
		if s&isRetired != 0 {
			n.done = s&isWithdrawn != 0
		}
		n.unserved = n.done && p.x.lines[at] == p.epoch
		var err error
		if n.change, err = changeOf(e); err != nil {
			return &DamagedError{p.inv.path, int(number), err}
		}
		return f(&n)
	})
}

// event plans what an identity needs.
func (p *publishing) event(ctx context.Context, n *noted) error {
	if n.done {
		return p.sample(ctx, n)
	}
	return p.plan(ctx, n)
}

// plan puts a change into the batch.
func (p *publishing) plan(ctx context.Context, n *noted) error {
	if n.event.What == Enrolled && !p.isPresent(n) {
		return nil
	}
	e := Event{What: Published, Name: n.event.Name, Key: n.event.Key}
	if n.event.isOut() {
		e.What = Withdrawn
	}
	p.batch = append(p.batch, planned{n.change, e, n.done})
	if p.room -= len(n.change.Add) + len(n.change.Remove); p.room > 0 {
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
	if e.isOut() {
		return publish.Change{Owner: owner, Type: kind, Remove: records}, nil
	}
	return publish.Change{Owner: owner, Type: kind, TTL: time.Duration(e.TTL) * time.Second, Add: records, Expect: []dane.Record{}}, nil
}
