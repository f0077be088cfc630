package submit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"dnseal/cmd/internal/cli"
	"dnseal/cmd/internal/submit/spool"
)

// one hands in one message of the spool, and keeps what became of it.
func (d *Delivery) one(ctx context.Context, e *spool.Entry, entries []*spool.Entry, down *Failure) *Fate {
	if v, ok := d.unwritten[e.Name]; ok {
		e.Envelope = v
	}
	if e.Returned {
		if err := d.Spool.Return(e, entries); err != nil {
			d.Print("dnseal: error: the message %s was moved back into the spool: %s", e.Name, cli.Plain(err))
		}
	}
	var fate *Fate
	switch {
	case len(e.Envelope.To) == 0:
		fate = &Fate{Taken: true}
		d.remove(e, fate)
		return fate
	case e.Envelope.Refused: // by an earlier process, which could not set it aside
		fate = &Fate{Left: true, Failure: &Failure{Cause: errors.New(e.Envelope.Last), Permanent: true, Message: true}}
		d.refuse(e, fate)
	case down != nil:
		fate = &Fate{Left: true, Failure: down}
	default:
		fate = d.try(ctx, e)
	}
	// Cut off at others: it had no turn. It has one before them in the next pass.
	untried := ctx.Err() != nil || down != nil && d.cuts >= maxCuts
	if fate.Left && !untried && d.Spool.Old(e) {
		d.giveUp(e, fate)
	}
	return fate
}

// try hands in one message.
func (d *Delivery) try(ctx context.Context, e *spool.Entry) *Fate {
	f, err := e.Open()
	if err != nil {
		d.Print("dnseal: error: the message %s cannot be read; it is left where it is: %s", e.Name, cli.Plain(err))
		return &Fate{Damaged: true}
	}
	content := &whole{file: f, left: e.Envelope.Size}
	refused, failure := d.hand(ctx, &e.Envelope, e.Envelope.Size, content)
	_ = f.Close() // only read from; before the folder is moved, which some systems want
	if content.err != nil {
		d.setAside(spool.Damage{Name: e.Name, Lasting: true, Cause: content.err})
		return &Fate{Damaged: true}
	}
	fate := fateOf(refused, failure)
	d.keep(e, refused, failure, &fate)
	return &fate
}

// whole reads a message of which the length is known: what is cut short must not arrive as if it
// ended there. It hides what else a file can do: the library would send it by other ways than the
// connection.
type whole struct {
	file *os.File
	left int64
	err  error // of the file, and not of the connection
}

func (r *whole) Read(p []byte) (int, error) {
	n, err := r.file.Read(p)
	r.left -= int64(n)
	if errors.Is(err, io.EOF) {
		if r.left == 0 {
			return n, io.EOF
		}
		err = errors.New("message.eml changed its length while it was read")
	}
	if err != nil {
		r.err = err
	}
	return n, err
}

// keep removes a message that all have, and writes down what became of another. What is about the
// connection alone is not written: the memory of devices wears.
func (d *Delivery) keep(e *spool.Entry, left []refusal, failure *Failure, fate *Fate) {
	v := &e.Envelope
	switch {
	case failure == nil && len(left) == 0:
		d.remove(e, fate)
		return
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
		return
	}
	v.Attempts++
	if err := d.Spool.Update(e); err != nil {
		d.doubt(e, fate)
		d.Print("dnseal: error: what became of the message %s cannot be written down; another process hands it in for all its recipients: %s", e.Name, cli.Plain(err))
		return
	}
	if v.Refused {
		d.refuse(e, fate)
	}
}

// refuse sets a message aside that was refused for good: it takes no room from those that wait.
func (d *Delivery) refuse(e *spool.Entry, fate *Fate) {
	where, err := d.Spool.SetAside(e.Name, "refused for good: "+e.Envelope.Last)
	if err != nil {
		d.Print("dnseal: error: the message %s was refused for good and cannot be set aside: %s", e.Name, cli.Plain(err))
		return
	}
	fate.Left, fate.Aside = false, where
}

// remove takes a message out that all have.
func (d *Delivery) remove(e *spool.Entry, fate *Fate) {
	if err := d.Spool.Remove(e); err != nil {
		e.Envelope.To = nil
		d.doubt(e, fate)
		d.Print("dnseal: error: the message %s was handed in, and perhaps not taken out of the spool; then another process hands it in again: %s", e.Name, cli.Plain(err))
	}
}

// doubt remembers for this process what the spool does not take.
func (d *Delivery) doubt(e *spool.Entry, fate *Fate) {
	fate.Doubt = true
	if d.unwritten == nil {
		d.unwritten = map[string]spool.Envelope{}
	}
	v := e.Envelope
	v.To = slices.Clone(v.To)
	d.unwritten[e.Name] = v
}

// giveUp sets a message aside that waited too long and was tried once more, and says so.
func (d *Delivery) giveUp(e *spool.Entry, fate *Fate) {
	limit := cli.Span(d.Spool.Expire())
	why := fmt.Sprintf("it waited for more than %s; %s", &limit, fate.text())
	where, err := d.Spool.SetAside(e.Name, why)
	if err != nil {
		d.Print("dnseal: error: the message %s cannot be given up: %s", e.Name, cli.Plain(err))
		return
	}
	d.Print("dnseal: error: the message %s for %s is given up, and is in %s: %s", e.Name, strings.Join(e.Envelope.To, ", "), where, why)
	*fate = Fate{Lost: true}
}

// setAside sets aside what is no whole message, and says so.
func (d *Delivery) setAside(damage spool.Damage) {
	reason := cli.Plain(damage.Cause)
	if !damage.Lasting {
		d.Print("dnseal: error: the message %s cannot be read; it is left where it is: %s", damage.Name, reason)
		return
	}
	where, err := d.Spool.SetAside(damage.Name, "damaged: "+reason)
	if err != nil {
		d.Print("dnseal: error: the message %s is damaged and cannot be set aside: %s; %s", damage.Name, reason, cli.Plain(err))
		return
	}
	d.Print("dnseal: error: the message %s is damaged, and is in %s: %s", damage.Name, where, reason)
}
