package provision

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"dnseal/lookup/dane"
	"dnseal/lookup/publish"
	"dnseal/sender/identity"
	"dnseal/sender/identity/ca"
	"dnseal/sender/identity/lifecycle"
)

// Authority publishes or withdraws the record of a domain's CA at a place that stands for many
// names. It remembers what neither keys nor DNS tell in state-PLACE.json of the CA's folder.
type Authority struct {
	CA        *ca.Authority
	Place     identity.Place // not [identity.AtName]
	Publisher Publisher
	// Withdraw wants the records of the CA gone from the place; else one is published.
	Withdraw bool
	// Form of the record, with usage 2; nil: as it is, at first 2 1 1. The TTL; 0: as it is. Beside
	// publishes beside records of others.
	Form   *lifecycle.Form
	TTL    time.Duration
	Beside bool
	// OldFor is how long the record of an earlier certificate of the CA stays after the new one is
	// published; nil: [lifecycle.DefaultOldFor].
	OldFor *time.Duration
	// ReadBack is how long the name servers may need to show a change; 0: one minute.
	ReadBack time.Duration
	// Now is the clock; nil: time.Now.
	Now func() time.Time

	memory, before lifecycle.Memory
	contest        contest
}

// AuthorityOutcome is where the record of a CA stands.
type AuthorityOutcome struct {
	Domain string
	Owner  string
	Type   dane.Type
	// Record is that which is wanted, or withdrawn.
	Record dane.Record
	Seen   lifecycle.Seen
	Step   lifecycle.Step
	Did    []lifecycle.Action
	// Earlier is how many records of earlier certificates of the CA are at the place.
	Earlier int
	Note    string // as in Outcome
	// Unwritten is why it could not be noted that the records were withdrawn; it has a hint.
	Unwritten error
}

// InCaches is when every cache has the record; zero: not known.
func (o *AuthorityOutcome) InCaches() time.Time {
	s := o.Step.Memory.Shown[lifecycle.RecordID(o.Record)]
	if s.Since.IsZero() {
		return time.Time{}
	}
	return s.Since.Add(s.Hold + lifecycle.Margin(s.Hold))
}

// Change is what the step changes; ok is false where it is nothing.
func (o *AuthorityOutcome) Change() (c publish.Change, ok bool) {
	s := o.Step
	return publish.Change{Owner: o.Owner, Type: o.Type, TTL: s.TTL, Add: s.Add, Remove: s.Remove, Expect: s.Expect}, s.Do == lifecycle.Publish || s.Do == lifecycle.Remove
}

// Run does all that can be done now. Errors: [identity.ErrBusy], a [*publish.Refusal], a place that
// is none (with a hint), what the file system returned.
func (a *Authority) Run(ctx context.Context) (*AuthorityOutcome, error) {
	unlock, err := identity.Lock(a.CA.Folder, "the CA of "+a.CA.Domain)
	if err != nil {
		return nil, err
	}
	defer unlock()
	a.contest = contest{}
	o, err := a.begin()
	if err != nil {
		return nil, err
	}
	for range rounds {
		if err = a.next(ctx, o); err != nil {
			return o, err
		}
		change, ok := o.Change()
		if err = a.remember(o, ok); err != nil && !a.Withdraw {
			return o, err
		}
		if err != nil { // the withdrawal counts more than the note of it
			o.Unwritten = unwritten("the CA of "+a.CA.Domain, err)
		}
		if !ok && o.Step.Do != lifecycle.SettleOld {
			return o, nil
		}
		if !ok {
			continue
		}
		made, err := a.apply(ctx, change, o.Seen)
		if made {
			o.Did = append(o.Did, o.Step.Do)
		}
		if err != nil {
			return o, err
		}
	}
	return o, noRest("the CA of "+a.CA.Domain, o.Step)
}

// Look is Run that changes nothing: Step is what would be done.
func (a *Authority) Look(ctx context.Context) (*AuthorityOutcome, error) {
	o, err := a.begin()
	if err == nil {
		err = a.next(ctx, o)
	}
	return o, err
}

// begin reads what is remembered, and puts what is wanted into it.
func (a *Authority) begin() (o *AuthorityOutcome, err error) {
	o = &AuthorityOutcome{Domain: a.CA.Domain}
	if o.Owner, o.Type, err = a.Place.DomainOwner(a.CA.Domain); err != nil {
		return nil, err
	}
	text, err := os.ReadFile(a.file())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("provision: %w", err)
	}
	if err == nil {
		if a.memory, err = lifecycle.ParseMemory(text); err != nil {
			o.Note = fmt.Sprintf("%s counts as lost: %s", a.file(), strings.TrimPrefix(err.Error(), "lifecycle: "))
		}
	}
	a.before = a.memory
	m := &a.memory
	m.Publish, m.Beside, m.Retention, m.OldFor = !a.Withdraw, m.Beside || a.Beside, lifecycle.Withdraw, lifecycle.DefaultOldFor
	if a.OldFor != nil {
		m.OldFor = *a.OldFor
	}
	if a.Form != nil {
		m.Form = a.Form
	}
	if a.TTL > 0 && a.TTL != m.TTL {
		m.TTL, m.TTLSent = a.TTL, time.Time{}
	}
	return o, nil
}

func (a *Authority) file() string {
	return filepath.Join(a.CA.Folder, "state-"+string(a.Place)+".json")
}

// remember writes the memory, before a change is sent. How the record is published is written when
// the server took one: a publish that is refused leaves it as it was.
func (a *Authority) remember(o *AuthorityOutcome, changes bool) error {
	m := o.Step.Memory
	if a.memory = m; changes && len(o.Did) == 0 && !a.Withdraw {
		m = m.WithIntention(a.before)
	}
	text, err := m.Marshal()
	if err != nil {
		return fmt.Errorf("provision: state of the CA of %s: %w", a.CA.Domain, err)
	}
	return identity.ReplaceFile(a.file(), text, 0o600)
}

// next asks the name servers, and decides.
func (a *Authority) next(ctx context.Context, o *AuthorityOutcome) error {
	servers, err := a.Publisher.Read(ctx, o.Owner, o.Type)
	if err != nil {
		return err
	}
	o.Seen = seenBy(servers)
	now := time.Now()
	if a.Now != nil {
		now = a.Now()
	}
	state, err := a.state(o)
	if err != nil {
		return err
	}
	o.Record, o.Earlier = state.Active.Want, len(state.Old)
	if id := lifecycle.RecordID(o.Record); len(o.Did) == 0 { // one that vanished is published again
		if shown, known := state.Memory.Shown[id]; known {
			shown.Once = false
			state.Memory.Shown[id] = shown
		}
	}
	o.Step = lifecycle.Next(state, o.Seen, now)
	for i := range o.Step.Troubles {
		t := &o.Step.Troubles[i]
		t.Text = strings.ReplaceAll(t.Text, "of this identity", "of this CA")
	}
	return nil
}

// state has the certificate of the CA as the active key, and what was published of earlier ones as
// earlier keys: a record of the whole certificate is another one after each renewal.
func (a *Authority) state(o *AuthorityOutcome) (s lifecycle.State, err error) {
	active := lifecycle.Generation{ID: "ca", Key: a.CA.Domain, Revoked: a.Withdraw}
	form := a.form(o.Seen)
	if active.Want, err = caRecord(a.CA.Certificate, form); err != nil {
		return s, err
	}
	for _, f := range caForms() {
		if r, err := caRecord(a.CA.Certificate, f); err == nil && f != form {
			active.Also = append(active.Also, r)
		}
	}
	s = lifecycle.State{Active: &active, Memory: a.memory}
	for _, server := range o.Seen {
		for _, r := range server.Records {
			id := lifecycle.RecordID(r)
			_, ours := a.memory.Shown[id]
			known := slices.ContainsFunc(s.Old, func(old lifecycle.Old) bool { return old.ID == id })
			if ours && !known && !active.Publishes(r) {
				s.Old = append(s.Old, lifecycle.Old{Generation: lifecycle.Generation{ID: id, Key: id, Want: r, Revoked: a.Withdraw}})
			}
		}
	}
	return s, nil
}

// form is that of the record: as somebody said, else as the DNS shows, else 2 1 1.
func (a *Authority) form(seen lifecycle.Seen) lifecycle.Form {
	if a.memory.Form != nil {
		return *a.memory.Form
	}
	for _, f := range caForms() {
		if r, err := caRecord(a.CA.Certificate, f); err == nil && shows(seen, r) {
			return f
		}
	}
	return caForms()[0]
}

func caRecord(cert *x509.Certificate, f lifecycle.Form) (dane.Record, error) {
	return identity.CertificateRecord(cert, f.Usage, f.Selector, f.Matching)
}

// caForms are all forms of the record of a CA, the default first.
func caForms() (forms []lifecycle.Form) {
	for _, selector := range []uint8{dane.PublicKey, dane.FullCertificate} {
		for _, matching := range []uint8{dane.SHA256, dane.SHA512, dane.Exact} {
			forms = append(forms, lifecycle.Form{Usage: dane.DANETA, Selector: selector, Matching: matching})
		}
	}
	return forms
}

// apply sends a change and waits until the name servers show it. One that does not in time is told
// by the next step. What somebody else changed meanwhile is read again, after a pause.
func (a *Authority) apply(ctx context.Context, c publish.Change, seen lifecycle.Seen) (made bool, err error) {
	if err = a.Publisher.Apply(ctx, c); err != nil {
		if !changed(err) {
			return false, err
		}
		if err = a.contest.lost(err, c, seen); err == nil {
			err = a.contest.pause(ctx)
		}
		return false, err
	}
	a.contest = contest{}
	limit := a.ReadBack
	if limit == 0 {
		limit = time.Minute
	}
	wait, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	_, _ = a.Publisher.ReadBack(wait, c) // the next step reads it
	if ctx.Err() != nil {
		err = notRead(c.Owner, ctx.Err())
	}
	return true, err
}

// Wait runs again and again, until nothing has to be waited for or ctx ends; waiting is told what
// for. Errors: those of Run, and of ctx.
func (a *Authority) Wait(ctx context.Context, waiting func(*AuthorityOutcome)) (*AuthorityOutcome, error) {
	var did []lifecycle.Action
	for {
		o, err := a.Run(ctx)
		if o != nil {
			did = append(did, o.Did...)
			o.Did = did
		}
		if err != nil || o.Step.Do != lifecycle.Wait {
			return o, err
		}
		waiting(o)
		if !sleep(ctx, max(time.Until(o.Step.Until), 0)+time.Second) {
			return o, ctx.Err()
		}
	}
}
