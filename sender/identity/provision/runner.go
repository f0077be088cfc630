package provision

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"dnseal/lookup/dane"
	"dnseal/lookup/publish"
	"dnseal/sender/identity/lifecycle"
)

// Publisher changes a zone and reads it back: a *publish.Client or a *publish.ZoneFile.
type Publisher interface {
	publish.Publisher
	Read(ctx context.Context, owner string, t dane.Type) ([]publish.Seen, error)
	ReadBack(ctx context.Context, changes ...publish.Change) ([]publish.Seen, error)
}

// Intent is what somebody wants of an identity.
type Intent struct {
	// Files changes the folder, before the servers are asked; nil: nothing. A Runner calls it once
	// an identity, and after a crash it is called again.
	Files func(*Folder, Keys) error
	// Memory changes what is remembered; nil: nothing. It must have the same result each time.
	Memory func(Keys, *lifecycle.Memory) error

	// pretend makes of the keys what Files or published would; nil: nothing.
	pretend func(*Keys)
	// published changes the folder when the record is published. Where it is not nil, what Memory
	// wants is written no earlier: who is refused leaves all as it was.
	published func(*Folder, Keys) error
	// insists goes on where the folder cannot be written.
	insists bool
}

// Runner takes identities through their life. It is used by one goroutine.
type Runner struct {
	// Dir is the directory of the identities.
	Dir       string
	Publisher Publisher
	// Intent is what is wanted; the zero value carries on what was begun.
	Intent Intent
	// ReadBack is how long the name servers may need to show a change; 0: one minute.
	ReadBack time.Duration
	// Done is told of every action that was taken; nil: nobody.
	Done func(name string, s lifecycle.Step)
	// Enough says of an identity that waits that Wait need not wait for it; nil: of none.
	Enough func(*Outcome) bool
	// Now is the clock; nil: time.Now.
	Now func() time.Time

	begun map[string]bool // those of which Intent.Files or Intent.published was called
}

// Outcome is where an identity stands after a run.
type Outcome struct {
	Name string
	Keys Keys
	// Seen is what the name servers showed last.
	Seen lifecycle.Seen
	// Users is what they showed at "_user" of the domain, where that counts; else nil.
	Users lifecycle.Seen
	// Step is the last one: [lifecycle.Wait] or [lifecycle.Nothing], where Err is nil.
	Step lifecycle.Step
	// Did are the actions of this run, and DidIn the folders of the keys that each is about.
	Did   []lifecycle.Action
	DidIn []string
	// Note is a sentence about a state.json that counts as lost; "": none.
	Note string
	// Notes are sentences about a TTL that is not as it was sent, and about a private key that
	// stays on its token.
	Notes []string
	// Unwritten is why the folder does not say what was done, although records were withdrawn; it
	// has a hint. StillSigns says that it does not say that the keys are revoked.
	Unwritten  error
	StillSigns bool
	// Err is why it went no further: [identity.ErrBusy], a [*publish.Refusal], or what the file
	// system returned.
	Err error

	vouching map[string][]dane.Record // by generation, those of Users
}

// batch is how many identities are locked and changed together: each has an open file, and 500
// changes fit into a message.
const batch = 250

// readers is how many names are read at the same time.
const readers = 16

// rounds bounds the steps of one identity in one run: publish, switch, withdraw and settle are
// four, of each of its keys.
const rounds = 24

var errNoKey = errors.New("provision: there is no key in the folder")

func (r *Runner) now() time.Time {
	if r.Now != nil {
		return r.Now()
	}
	return time.Now()
}

// Run does all that can be done now for the identities, in batches, and returns one Outcome each,
// in their order. The identities of a batch are locked until all of them wait or need nothing;
// where the Intent is only to carry on, not while the name servers are asked at first.
func (r *Runner) Run(ctx context.Context, names []string) []*Outcome {
	outcomes := make([]*Outcome, len(names))
	for i, name := range names {
		outcomes[i] = &Outcome{Name: name}
	}
	for start := 0; start < len(names); start += batch {
		r.runBatch(ctx, outcomes[start:min(start+batch, len(names))])
	}
	return outcomes
}

// work is one identity during a run.
type work struct {
	*Outcome
	folder *Folder
	owner  string
	typ    dane.Type
	fresh  bool // Seen is of after the last action
	kept   bool // it was so at the last round, and so are Users
	ended  bool
	before *lifecycle.Memory // what was wanted before, until Intent.published counts
	stays  bool              // a revoked key stays revoked until then
	// contents of the folder when the servers were asked, before it was locked
	first  string
	unread error // why they could not be asked then
	contest
}

func (w *work) fail(err error) { w.Err, w.ended = err, true }

func (r *Runner) runBatch(ctx context.Context, outcomes []*Outcome) {
	works := make([]*work, len(outcomes))
	for i, o := range outcomes {
		works[i] = &work{Outcome: o}
	}
	if r.Intent.Files == nil && r.Intent.Memory == nil {
		r.readFirst(ctx, works)
	}
	for _, w := range works {
		if err := r.begin(w); err != nil {
			w.fail(err)
		}
	}
	defer func() {
		for _, w := range works {
			w.end()
		}
	}()
	for range rounds {
		if !r.round(ctx, works) {
			return
		}
	}
	for _, w := range works {
		if !w.ended {
			w.fail(noRest(w.Name, w.Step))
		}
	}
}

// round takes every identity that has not ended one step further; false: all have ended.
func (r *Runner) round(ctx context.Context, works []*work) bool {
	r.read(ctx, works)
	var changing []*work
	var changes []publish.Change
	more := false
	for _, w := range works {
		if w.ended {
			continue
		}
		more = true
		w.Step = lifecycle.Next(w.state(), w.Seen, r.now())
		if err := r.write(w, w.remember()); err != nil {
			w.fail(err)
			continue
		}
		switch w.Step.Do {
		case lifecycle.Publish, lifecycle.Remove:
			changing, changes = append(changing, w), append(changes, w.change())
		case lifecycle.Switch, lifecycle.SettleOld:
			r.changeFolder(w)
		case lifecycle.Nothing, lifecycle.Wait:
			w.ended = true
			if w.isPublished() {
				r.accept(w)
			}
		}
	}
	if len(changes) > 0 {
		r.apply(ctx, changing, changes)
		r.pause(ctx, changing)
	}
	return more
}

// pause waits where somebody was refused because the records were others.
func (r *Runner) pause(ctx context.Context, works []*work) {
	var longest *contest
	for _, w := range works {
		if !w.ended && w.tries > 0 && (longest == nil || w.next > longest.next) {
			longest = &w.contest
		}
	}
	if longest == nil {
		return
	}
	if err := longest.pause(ctx); err != nil {
		for _, w := range works {
			if !w.ended && w.tries > 0 {
				w.fail(fmt.Errorf("provision: the change of %s was refused, as its records are not those that were read, and was not tried again: %w", w.owner, err))
			}
		}
	}
}

// noRest is about more steps than any identity needs.
func noRest(name string, last lifecycle.Step) error {
	return fmt.Errorf("provision: %s is not done after %d steps, the last of which was: %s (%s); perhaps somebody else changes its records at the same time", name, rounds, last.Do, last.Why)
}

// change is the step as a change of the zone.
func (w *work) change() publish.Change {
	return publish.Change{Owner: w.owner, Type: w.typ, TTL: w.Step.TTL, Add: w.Step.Add, Remove: w.Step.Remove, Expect: w.Step.Expect}
}

// changeFolder makes a step that changes the folder alone.
func (r *Runner) changeFolder(w *work) {
	var err error
	if w.Step.Do == lifecycle.Switch {
		err = w.folder.in(w.Step.Folder).Switch(r.now())
	} else {
		err = w.folder.Settle(w.Step.Settle)
	}
	if err == nil {
		err = r.readKeys(w)
	}
	if err != nil {
		w.fail(err)
		return
	}
	if u, ok := w.Keys.Object(w.Step.Settle); ok && w.Step.Do == lifecycle.SettleOld {
		w.Notes = append(w.Notes, leftOnToken(w.Name, u))
	}
	w.fresh = true // the servers show what they did
	r.did(w)
}

func (r *Runner) did(w *work) {
	w.Did, w.DidIn = append(w.Did, w.Step.Do), append(w.DidIn, w.Step.Folder)
	if r.Done != nil {
		r.Done(w.Name, w.Step)
	}
}

// read asks the name servers about the identities whose view is old.
func (r *Runner) read(ctx context.Context, works []*work) {
	var group sync.WaitGroup
	slots := make(chan struct{}, readers)
	for _, w := range works {
		if w.kept = w.fresh; w.ended || w.fresh {
			w.fresh = false
			continue
		}
		slots <- struct{}{}
		group.Go(func() {
			defer func() { <-slots }()
			servers, err := r.Publisher.Read(ctx, w.owner, w.typ)
			if err != nil {
				w.fail(err)
				return
			}
			w.Seen = seenBy(servers)
		})
	}
	group.Wait()
	r.readUsers(ctx, works)
}
