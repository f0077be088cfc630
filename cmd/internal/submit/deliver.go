package submit

import (
	"cmp"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"time"

	"dnseal/cmd/internal/cli"
	"dnseal/cmd/internal/submit/spool"
)

// Fate is what became of a message in one pass.
type Fate struct {
	Taken   bool // by the server, for all recipients or some
	Busy    bool // another process delivers
	Refused []string
	Failure *Failure // why it is still there; nil where it is not
	Left    bool     // it stays in the spool, for all recipients or some
	Aside   string   // where it is since it was refused for good, by all recipients or some
	Lost    bool     // it was given up
	Damaged bool     // it is no whole message, or cannot be read
	Doubt   bool     // the spool could not be told what became of it
}

// Delivery hands in messages.
type Delivery struct {
	Options *Options
	Spool   *spool.Spool // nil for Direct alone
	Now     func() time.Time
	Print   func(format string, args ...any) // a line for a person

	session *session
	cuts    int // connections that ended in the middle of a message
	// unwritten are envelopes that the spool does not take; without To: the message has left.
	unwritten map[string]spool.Envelope
}

// maxCuts bounds the connections of one pass: a message at which the server always breaks off must
// not keep others from their turn, nor a server that always does from its rest.
const maxCuts = 3

// Direct hands a letter in without a spool.
func (d *Delivery) Direct(ctx context.Context, l *Letter) Fate {
	defer d.end()
	content := l.Content.Open()
	left, failure := d.hand(ctx, &l.Envelope, content.Size(), content)
	fate := fateOf(left, failure)
	fate.Left = false
	return fate
}

// hand hands one message in, by the session that there is.
func (d *Delivery) hand(ctx context.Context, v *spool.Envelope, size int64, content io.Reader) ([]refusal, *Failure) {
	if d.session != nil && d.session.broken {
		d.end()
	}
	if d.session == nil {
		s, err := connect(ctx, d.Options)
		if err != nil {
			if f, ok := errors.AsType[*Failure](err); ok {
				return nil, f
			}
			return nil, &Failure{Cause: err}
		}
		d.session = s
	}
	left, failure := d.session.send(v.From, v.To, size, isUTF8(v), content)
	if d.session.broken {
		d.cuts++
		if ctx.Err() != nil {
			failure = &Failure{Cause: ctx.Err()}
		}
	}
	return left, failure
}

// isUTF8 reports whether an address needs SMTPUTF8 (RFC 6531, Section 3.4).
func isUTF8(v *spool.Envelope) bool {
	return strings.ContainsFunc(v.From+strings.Join(v.To, ""), func(r rune) bool { return r > 0x7e })
}

func (d *Delivery) end() {
	if d.session != nil {
		d.session.close()
		d.session = nil
	}
}

func fateOf(left []refusal, failure *Failure) Fate {
	fate := Fate{Taken: failure == nil, Failure: failure, Left: failure != nil}
	for _, r := range left {
		fate.Refused = append(fate.Refused, r.Error())
		fate.Left = true
	}
	return fate
}

// text says why a message is not with all its recipients.
func (f *Fate) text() string {
	if f.Failure != nil {
		return f.Failure.Error()
	}
	return strings.Join(f.Refused, "; ")
}

// Flush goes through the spool once, the oldest message first, and says what became of each, by the
// names of the entries. Where another process does so, all are Busy. It ends early where the server
// cannot be had. What comes into the spool meanwhile is handed in too. Errors: the spool cannot be
// read, or nothing could be taken out of it.
func (d *Delivery) Flush(ctx context.Context) (map[string]*Fate, error) {
	fates := map[string]*Fate{}
	for {
		unlock, ok, err := d.Spool.Lock()
		if err != nil {
			return fates, err
		}
		if !ok {
			d.busy(fates)
			return fates, nil
		}
		err = d.pass(ctx, fates)
		d.end()
		unlock()
		// Who added a message since and found the lock taken relies on this process.
		if err != nil || d.stopped(fates) || !d.news(fates) {
			return fates, err
		}
	}
}

func (d *Delivery) busy(fates map[string]*Fate) {
	entries, _, _ := d.Spool.List()
	for _, e := range entries {
		if fates[e.Name] == nil {
			fates[e.Name] = &Fate{Busy: true, Left: true}
		}
	}
}

// stopped reports whether the server cannot be had now.
func (d *Delivery) stopped(fates map[string]*Fate) bool {
	for _, f := range fates {
		if f.Failure != nil && !f.Failure.Message && d.cuts == 0 {
			return true
		}
	}
	return d.cuts >= maxCuts
}

func (d *Delivery) news(fates map[string]*Fate) bool {
	entries, _, _ := d.Spool.List()
	for _, e := range entries {
		if fates[e.Name] == nil {
			return true
		}
	}
	return false
}

// pass goes through what is there: what was tried less often comes first, so that messages at which
// the server breaks off do not keep others from their turn.
func (d *Delivery) pass(ctx context.Context, fates map[string]*Fate) error {
	entries, damaged, err := d.Spool.List()
	if err != nil {
		return err
	}
	for _, damage := range damaged {
		d.setAside(damage)
		fates[damage.Name] = &Fate{Damaged: true}
	}
	if len(entries) > 0 {
		if err = d.Spool.Removable(); err != nil {
			return err
		}
	}
	slices.SortStableFunc(entries, func(a, b *spool.Entry) int { return a.Envelope.Attempts - b.Envelope.Attempts })
	var down *Failure // why the server cannot be had
	var left []*spool.Entry
	for _, e := range entries {
		if fates[e.Name] == nil {
			fates[e.Name] = d.one(ctx, e, entries, down)
			if f := fates[e.Name].Failure; f != nil && !f.Message && !e.Envelope.Refused && (d.session == nil || d.cuts >= maxCuts) {
				down = f
			}
		}
		if fates[e.Name].Left {
			left = append(left, e)
		}
	}
	if err = errors.Join(d.pause(down), d.Spool.Count(left)); err != nil {
		d.Print("dnseal: the time of the next attempt is not kept: %s", cli.Plain(err))
	}
	return nil
}

// pause keeps when the server may be asked again.
func (d *Delivery) pause(down *Failure) error {
	if down == nil {
		return d.Spool.SetPause(spool.Pause{})
	}
	return d.Spool.SetPause(d.Spool.Pause().After(d.Now()))
}

// Wait goes through the spool until nothing is left that can be handed in, with growing pauses.
// sleep waits, or returns false when ctx has ended. The fates are those of all passes.
func (d *Delivery) Wait(ctx context.Context, sleep func(context.Context, time.Duration) bool) (map[string]*Fate, error) {
	all := map[string]*Fate{}
	said := ""
	var later spool.Pause
	for {
		d.cuts = 0
		fates, err := d.Flush(ctx)
		if err != nil {
			return all, err
		}
		waiting := ""
		for name, f := range fates {
			all[name] = f
			if f.Left && (f.Failure == nil || !f.Failure.Permanent || !f.Failure.Message) {
				waiting = cmp.Or(f.text(), "another process delivers")
			}
		}
		if waiting == "" {
			return all, nil
		}
		pause := d.Spool.Pause()
		if pause.Over(d.Now()) { // the server is there, and wants a message later
			later = later.After(d.Now())
			pause = later
		}
		if said != waiting {
			d.Print("dnseal: waiting: %s", waiting)
			said = waiting
		}
		if !sleep(ctx, max(pause.Until.Sub(d.Now()), time.Second)) {
			return all, ctx.Err()
		}
	}
}
