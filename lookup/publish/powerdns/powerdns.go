// Package powerdns publishes SMIMEA and TLSA records into the database of PowerDNS: the tables
// domains and records of its generic PostgreSQL back end, as Debian's pdns-backend-pgsql makes
// them. It is for many names: a million records go in by COPY, some ten thousand in one
// transaction.
//
// [Client] (this file) is a [publish.Publisher]. A transaction (zone.go, plan.go, write.go) locks
// the zone's row in domains, so that no other writer is in between, reads what is at the names and
// above them, and writes the difference: records, their ordername and auth (names.go), the empty
// non-terminals above them (nonterminal.go), and the next serial (RFC 1982). pdnsutil rectify-zone
// finds nothing to change then. Each transaction is made or not made as a whole; when the
// connection is lost, it is opened again and the transaction repeated, which reads first whether
// the last one was made after all.
//
// # Limitations
//
// PowerDNS answers from its caches for a while: up to query-cache-ttl and cache-ttl (20 s each), of
// a name that was not there before negquery-cache-ttl (60 s), of a zone that is new
// zone-cache-refresh-interval (300 s). Set them lower, or purge them (pdns_control purge 'zone$').
// Secondaries hear of a new serial within xfr-cycle-interval (60 s), where the zone is of type
// PRIMARY (MASTER); pdns_control notify zone does it at once.
//
// Zones must be there, with their SOA and keys: pdnsutil makes them. Presigned zones, secondaries
// and catalogs are refused, and TXT records. Beyond max-ent-entries (100,000 in a zone) pdnsutil
// rectify-zone removes all empty non-terminals. Only PostgreSQL is supported, from version 9.5.
package powerdns

import (
	"cmp"
	"context"
	"errors"
	"time"

	"dnseal/lookup"
	"dnseal/lookup/publish"
)

// Options of a Client.
type Options struct {
	// URL is where the database is: "postgres://USER@HOST/DATABASE?sslmode=verify-full", or
	// "host=… dbname=… user=…". What it leaves out comes from PGHOST, PGUSER, PGPASSWORD,
	// PGPASSFILE and the like, as in libpq; the password file is the place for a password. Without
	// sslmode the connection is encrypted where the server can, and the server is not
	// authenticated. It is in no error and no log. Required.
	URL string
	// Zone is the zone of all names; "": of each name the nearest one that the database has.
	Zone string
	// NameServers, Lookup and Now are as in [publish.ReaderOptions]; they are for reading back.
	NameServers []string
	Lookup      *lookup.Client
	Now         func() time.Time
	// Timeout for a connection, and for a transaction; 0: 60 s. A lock that another one holds is
	// waited for a sixth of it.
	Timeout time.Duration
	// Batch is how many changes one transaction makes; 0: 10,000. Memory grows with it, some 2 KiB
	// each.
	Batch int
}

const (
	defaultTimeout = time.Minute
	defaultBatch   = 10_000
)

// Client changes zones in the database, and reads back from their name servers. It is safe for
// concurrent use, also by several processes.
type Client struct {
	*publish.Reader
	opts   Options
	server server
}

var _ publish.Publisher = (*Client)(nil)

// New returns a Client. It fails on options that cannot be read; it connects not yet.
func New(opts Options) (*Client, error) {
	r, err := publish.NewReader(publish.ReaderOptions{Lookup: opts.Lookup, Zone: opts.Zone, NameServers: opts.NameServers, Now: opts.Now})
	if err != nil {
		return nil, err
	}
	opts.Timeout = cmp.Or(max(opts.Timeout, 0), defaultTimeout)
	opts.Batch = cmp.Or(max(opts.Batch, 0), defaultBatch)
	s, err := parse(opts.URL, opts.Timeout)
	if err != nil {
		return nil, err
	}
	return &Client{Reader: r, opts: opts, server: s}, nil
}

// Apply implements [publish.Publisher], over one connection: a transaction for each [Options].Batch
// changes of a zone. Changes that are refused for their own sake do not stop the others:
// [publish.Alias], [publish.Changed], [publish.OutsideZone] (another zone's, or beneath a
// delegation), [publish.NoZone], [publish.TooLong]. Those of one name are made together. Anything
// else stops: [publish.Unreachable], [publish.Policy] (the database user may not),
// [publish.Secondary], [publish.NoUpdates] (presigned), [publish.ServerFailure], and
// [publish.Unknown] where the connection was lost at the end of a transaction and could not be
// opened again. A change that is there already counts as made, whatever it expects.
func (c *Client) Apply(ctx context.Context, changes ...publish.Change) error {
	changes, err := normal(changes)
	if err != nil || len(changes) == 0 {
		return err
	}
	s := session{Client: c}
	defer s.close()
	p := progress{total: len(changes)}
	zones, err := s.byZone(ctx, changes, &p)
	if err != nil {
		return err
	}
	for _, z := range zones {
		for _, names := range z.batches(c.opts.Batch) {
			if p.stopped {
				p.notDone = append(p.notDone, flat(names)...)
				continue
			}
			s.apply(ctx, z, names, &p)
		}
	}
	return p.result()
}

// progress is what became of the changes so far.
type progress struct {
	total                  int
	done, notDone, unknown []publish.Change
	err                    error // the first
	stopped                bool
}

// refuse notes changes that are not made for their own sake.
func (p *progress) refuse(changes []publish.Change, err error) {
	p.notDone = append(p.notDone, changes...)
	p.fail(err)
}

func (p *progress) fail(err error) {
	if p.err == nil {
		p.err = err
	}
}

// stop notes that nothing more can be made.
func (p *progress) stop(err error) {
	p.fail(err)
	p.stopped = true
}

// result is the error of Apply.
func (p *progress) result() error {
	if p.err == nil || p.total == 1 {
		return p.err
	}
	return &publish.PartialError{Done: p.done, NotDone: p.notDone, Unknown: p.unknown, Err: p.err}
}

// tries is how often a transaction is made before it is given up.
const tries = 4

// apply makes one transaction, and again when the connection was lost or the database asks for it.
func (s *session) apply(ctx context.Context, z *zone, names [][]publish.Change, p *progress) {
	var last error
	unsure := false // whether one that was to end is made
	for try := range tries {
		if try > 0 && pause(ctx, try) != nil {
			break
		}
		o, err := s.try(ctx, z, names)
		if err == nil {
			p.add(o)
			return
		}
		last, unsure = err, unsure || o.committing && !rolledBack(err)
		if !again(err) {
			break
		}
	}
	p.stop(s.server.refusal(ctx, z.name, last, unsure))
	if unsure {
		p.unknown = append(p.unknown, flat(names)...)
		return
	}
	p.notDone = append(p.notDone, flat(names)...)
}

// try makes one transaction, over a new connection where the last one is lost.
func (s *session) try(ctx context.Context, z *zone, names [][]publish.Change) (outcome, error) {
	if !s.connected() {
		if err := s.connect(ctx); err != nil {
			return outcome{}, err
		}
	}
	return s.transact(ctx, z, names)
}

// add notes what a transaction did.
func (p *progress) add(o outcome) {
	p.done = append(p.done, o.done...)
	for _, r := range o.refused {
		p.refuse(r.changes, r.err)
	}
}

// pause waits before another try.
func pause(ctx context.Context, try int) error {
	timer := time.NewTimer(50 * time.Millisecond << try)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// flat are the changes of several names.
func flat(names [][]publish.Change) (out []publish.Change) {
	for _, n := range names {
		out = append(out, n...)
	}
	return out
}

var errURL = errors.New("powerdns: the URL of the database cannot be read; want postgres://USER@HOST/DATABASE, or host=… dbname=… user=…")
