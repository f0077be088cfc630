package submit

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"dnseal/cmd/internal/submit/spool"
)

// Fate is what became of a message in one pass.
type Fate struct {
	Taken   bool // by the server, for all recipients or some
	Busy    bool // another process delivers
	Refused []string
	Failure *Failure // why it is still there; nil where it is not
	Left    bool     // it stays in the spool, for all recipients or some
	Lost    bool     // it expired
}

// Delivery hands in messages.
type Delivery struct {
	Options *Options
	Spool   *spool.Spool // nil for Direct alone
	Expire  time.Duration
	Now     func() time.Time
	Print   func(format string, args ...any) // a line for a person

	session *session
	cuts    int // connections that ended in the middle of a message
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
func (d *Delivery) hand(ctx context.Context, v *spool.Envelope, size int64, content interface {
	Read(p []byte) (int, error)
},
) ([]refusal, *Failure) {
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

// Flush goes through the spool once, the oldest message first, and says what became of each, by the
// names of the entries. Where another process does so, all are Busy. It ends early where the server
// cannot be had. What comes into the spool meanwhile is handed in too.
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
	entries, _ := d.Spool.List()
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
	entries, _ := d.Spool.List()
	for _, e := range entries {
		if fates[e.Name] == nil {
			return true
		}
	}
	return false
}

// pass goes through what is there.
func (d *Delivery) pass(ctx context.Context, fates map[string]*Fate) error {
	entries, damaged := d.Spool.List()
	for _, e := range damaged {
		d.Print("dnseal: %s; it is left where it is", strings.TrimPrefix(e.Error(), "submit: "))
	}
	var down *Failure // why the server cannot be had
	for _, e := range entries {
		if fates[e.Name] != nil {
			continue
		}
		fate, err := d.one(ctx, e, down)
		if err != nil {
			return err
		}
		fates[e.Name] = fate
		if f := fate.Failure; f != nil && !f.Message && !e.Envelope.Refused && (d.session == nil || d.cuts >= maxCuts) {
			down = f
		}
	}
	return d.pause(down)
}

// pause keeps when the server may be asked again.
func (d *Delivery) pause(down *Failure) error {
	if down == nil {
		return d.Spool.SetPause(spool.Pause{})
	}
	return d.Spool.SetPause(d.Spool.Pause().After(d.Now()))
}

// noClock is a time before which no clock is right: devices without a battery start there.
var noClock = time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)

// one hands in one message of the spool, and keeps what became of it.
func (d *Delivery) one(ctx context.Context, e *spool.Entry, down *Failure) (*Fate, error) {
	now := d.Now()
	if e.Envelope.Spooled.Before(noClock) && now.After(noClock) {
		e.Envelope.Spooled = now
		if err := d.Spool.Update(e); err != nil {
			return nil, err
		}
	}
	if now.Sub(e.Envelope.Spooled) > d.Expire {
		return d.expire(e, down)
	}
	switch {
	case e.Envelope.Refused:
		return &Fate{Left: true, Failure: &Failure{Cause: errors.New(e.Envelope.Last), Permanent: true, Message: true}}, nil
	case down != nil:
		return &Fate{Left: true, Failure: down}, nil
	}
	f, err := e.Open()
	if err != nil {
		return nil, fmt.Errorf("submit: spool: %w", err)
	}
	defer f.Close() //nolint:errcheck // only read from
	left, failure := d.hand(ctx, &e.Envelope, e.Size, &file{f})
	fate := fateOf(left, failure)
	return &fate, d.keep(e, left, failure)
}

// file hides what else a file can do: the library would send it by other ways than the connection.
type file struct{ f *os.File }

func (r *file) Read(p []byte) (int, error) { return r.f.Read(p) }

// keep removes a message that all have, and writes down what became of another. What is about the
// connection alone is not written: the memory of devices wears.
func (d *Delivery) keep(e *spool.Entry, left []refusal, failure *Failure) error {
	v := &e.Envelope
	switch {
	case failure == nil && len(left) == 0:
		return d.Spool.Remove(e)
	case failure == nil:
		v.To, v.Refused = v.To[:0], true
		for _, r := range left {
			v.To, v.Last = append(v.To, r.Recipient), r.Error()
			v.Refused = v.Refused && r.Permanent
		}
	case failure.Message:
		v.Last, v.Refused = failure.Error(), failure.Permanent
	case d.session != nil: // it was cut in the middle of this message
		v.Last = failure.Error()
	default:
		return nil
	}
	v.Attempts++
	return d.Spool.Update(e)
}

// expire removes a message that waited too long, and says so.
func (d *Delivery) expire(e *spool.Entry, down *Failure) (*Fate, error) {
	why := e.Envelope.Last
	if why == "" && down != nil {
		why = down.Error()
	}
	if why == "" {
		why = "the server could not be had"
	}
	if err := d.Spool.Remove(e); err != nil {
		return nil, err
	}
	d.Print("dnseal: the message %s for %s is lost: it was in the spool for more than %s; %s", e.Name, strings.Join(e.Envelope.To, ", "), d.Expire, why)
	return &Fate{Lost: true}, nil
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
				waiting = "another process delivers"
				if f.Failure != nil {
					waiting = f.Failure.Error()
				}
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
