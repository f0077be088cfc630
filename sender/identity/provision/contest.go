package provision

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"dnseal/lookup/publish"
	"dnseal/sender/identity/lifecycle"
)

// A change whose records are not those that were read is made anew from what is read then. Between
// two tries is a pause, which doubles: a secondary that is read from needs a moment to follow.
const (
	contestTries = 5
	contestPause = 250 * time.Millisecond
)

// contest is a change that the server refused because its records were others, again and again.
type contest struct {
	tries int
	began time.Time
	next  time.Duration
}

// lost notes one more refusal of a change; nil: it may be tried again, after the pause.
func (c *contest) lost(err error, change publish.Change, seen lifecycle.Seen) error {
	if c.tries == 0 {
		c.began, c.next = time.Now(), contestPause/2
	}
	c.tries++
	c.next *= 2
	if c.tries < contestTries {
		return nil
	}
	r := refused(err, change)
	r.Text += fmt.Sprintf(" (tried %d times in %s; read from %s)", c.tries, time.Since(c.began).Round(time.Second/10), readFrom(seen))
	r.Advice = fmt.Sprintf("what is changed (%s) and what is read from (%s) differ: read from that server too (--name-server), see that secondaries follow it "+
		"and that a zone file is the one the server reads; else somebody else keeps changing these records", r.Server, readFrom(seen))
	return r
}

// pause waits before the next try; the error is that of ctx.
func (c *contest) pause(ctx context.Context) error {
	if !sleep(ctx, c.next) {
		return ctx.Err()
	}
	return nil
}

// refused is the refusal of one change: that of err where it is about this name.
func refused(err error, change publish.Change) *publish.Refusal {
	first, _ := errors.AsType[*publish.Refusal](err)
	out := *first
	if out.Name != change.Owner {
		out.Name = change.Owner
		out.Text = fmt.Sprintf("%s %s at %s is not as it was read before; it was not changed", change.Owner, change.Type, out.Server)
	}
	return &out
}

// readFrom names the name servers.
func readFrom(seen lifecycle.Seen) string {
	const most = 3
	var names []string
	for _, s := range seen {
		names = append(names, s.Name)
	}
	if len(names) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return strings.Join(names, ", ")
}
