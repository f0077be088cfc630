package submit

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"dnseal/cmd/internal/cli"
	"dnseal/cmd/internal/submit/spool"
)

// Status of what was asked for, as the exit status of the program.
const (
	done      = cli.ExitOK       // taken by the server, or in the spool until it can be
	refused   = cli.ExitNotPass  // the server refused something, or something was lost
	temporary = cli.ExitTempfail // not now, and nothing keeps the message
)

// Submit hands in a letter: by the spool where there is one. It has printed what is not done when
// it returns. Errors: a [cli.Exit]; ctx's.
func (d *Delivery) Submit(ctx context.Context, l *Letter, later bool) error {
	if d.Spool == nil {
		return d.told(ctx, d.Direct(ctx, l), "")
	}
	e, err := d.add(ctx, l)
	if err != nil {
		return d.withoutSpool(ctx, l, err)
	}
	for _, name := range e.Dropped {
		d.Print("dnseal: error: the message %s, which was set aside before, is removed: the spool needed its room", name)
	}
	err = d.spooled(ctx, e, later)
	if e.Unsure != nil && d.Spool.Has(e) {
		d.Print("dnseal: error: the message is in %s, but the disk does not confirm that it stays there when the power goes: %s", e.Folder(), cli.Plain(e.Unsure))
		if err == nil {
			return temporary
		}
	}
	return err
}

// spooled hands in a message that is in the spool, where it is time.
func (d *Delivery) spooled(ctx context.Context, e *spool.Entry, later bool) error {
	if later {
		return nil
	}
	if p := d.Spool.Pause(); !p.Over(d.Now()) {
		d.Print("dnseal: kept in the spool: the server could not be had before, and is tried again not before %s UTC, by the next dnseal submit, or by dnseal submit --flush", p.Until.UTC().Format(time.DateTime))
		return nil
	}
	fates, err := d.Flush(ctx)
	if err != nil {
		d.Print("dnseal: error: %s; the message is kept in %s", cli.Plain(err), e.Folder())
		return refused
	}
	fate := fates[e.Name]
	if fate == nil { // the pass ended before it, or another process has handed it in
		fate = &Fate{Busy: true}
	}
	return d.told(ctx, *fate, e.Folder())
}

// add puts a letter into the spool; where that is full it is tried to make room by handing in what
// is there.
func (d *Delivery) add(ctx context.Context, l *Letter) (*spool.Entry, error) {
	l.Envelope.Size = l.Content.Open().Size()
	put := func() (*spool.Entry, error) { return d.Spool.Add(l.Envelope, copyOf(l.Content)) }
	e, err := put()
	if !errors.Is(err, spool.ErrFull) || !d.Spool.Pause().Over(d.Now()) {
		return e, err
	}
	if _, flushErr := d.Flush(ctx); flushErr != nil {
		return nil, errors.Join(err, flushErr)
	}
	return put()
}

// withoutSpool hands in a letter that the spool does not take.
func (d *Delivery) withoutSpool(ctx context.Context, l *Letter, why error) error {
	fate := d.Direct(ctx, l)
	if fate.Taken && len(fate.Refused) == 0 {
		d.Print("dnseal: the message was handed in; the spool would not have taken it: %s", cli.Plain(why))
		return nil
	}
	d.Print("dnseal: error: the message was not taken into the spool: %s", cli.Plain(why))
	return d.told(ctx, fate, "")
}

// told prints what became of a message and returns its status. It is kept in folder; empty: it is
// kept nowhere.
func (d *Delivery) told(ctx context.Context, f Fate, folder string) error {
	if ctx.Err() != nil && !f.Taken {
		if folder != "" {
			d.Print("dnseal: the message is kept in %s", folder)
		}
		return ctx.Err()
	}
	kept := ""
	if folder = cmp.Or(f.Aside, folder); folder != "" {
		kept = "; it is kept in " + folder
	}
	switch failure := f.Failure; {
	case f.Busy:
		return nil
	case f.Taken && len(f.Refused) == 0:
		return nil
	case f.Taken:
		d.Print("dnseal: error: handed in, but not for all recipients: %s%s", strings.Join(f.Refused, "; "), kept)
		return refused
	case f.Lost:
		return refused
	case !failure.Permanent && folder != "":
		d.Print("dnseal: kept in the spool: %s", failure)
		return nil
	case !failure.Permanent:
		d.Print("dnseal: error: not handed in: %s", failure)
		return temporary
	default:
		d.Print("dnseal: error: not handed in: %s%s", failure, kept)
		if failure.hint != "" {
			d.Print("dnseal: hint: %s", failure.hint)
		}
		return refused
	}
}

// FlushAll goes through the spool, once or until it is empty, and prints what is left. Errors: a
// [cli.Exit]; ctx's.
func (d *Delivery) FlushAll(ctx context.Context, wait bool) error {
	flush := d.Flush
	if wait {
		flush = func(ctx context.Context) (map[string]*Fate, error) { return d.Wait(ctx, sleep) }
	}
	fates, err := flush(ctx)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		d.Print("dnseal: error: nothing is handed in: %s", cli.Plain(err))
		return refused
	}
	status := done
	for _, f := range fates {
		status = worse(status, f.status())
	}
	d.tellAll(fates)
	if status != done {
		return status
	}
	return nil
}

// kind is what messages of one line have in common.
type kind struct {
	text, hint  string
	aside, some bool // refused for good; by some recipients only
}

// tellAll prints a line for each kind of messages that are not handed in.
func (d *Delivery) tellAll(fates map[string]*Fate) {
	counts := map[kind]int{}
	for _, f := range fates {
		k := kind{text: f.text(), aside: f.Aside != "", some: f.Taken}
		switch {
		case f.Busy:
			k.text = "another process hands it in"
		case k.text == "":
			continue
		case f.Failure != nil:
			k.hint = f.Failure.hint
		}
		counts[k]++
	}
	for k, n := range counts {
		d.Print("%s", k.line(n, d.Spool.Dead()))
		if k.hint != "" {
			d.Print("dnseal: hint: %s", k.hint)
		}
	}
}

// line is what is said of n messages.
func (k kind) line(n int, dead string) string {
	number, are, were, them := "1 message", "is", "was", "it"
	if n > 1 {
		number, are, were, them = fmt.Sprintf("%d messages", n), "are", "were", "them"
	}
	if !k.aside {
		return fmt.Sprintf("dnseal: %s %s left in the spool: %s", number, are, k.text)
	}
	by := ""
	if k.some {
		by = " by some recipients"
	}
	return fmt.Sprintf("dnseal: error: %s %s refused for good%s, and %s in %s: %s; remove %s there, or move %[7]s back into the spool to have %[7]s tried again", number, were, by, are, dead, k.text, them)
}

// status is the exit status that tells of a message.
func (f *Fate) status() cli.Exit {
	switch {
	case f.Lost, f.Damaged, f.Doubt, len(f.Refused) > 0, f.Failure != nil && f.Failure.Permanent:
		return refused
	case f.Busy, f.Failure != nil:
		return temporary
	}
	return done
}

// worse is the status of two messages.
func worse(a, b cli.Exit) cli.Exit {
	switch {
	case a == refused || b == done:
		return a
	}
	return b
}

// sleep waits, or returns false when ctx has ended.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
