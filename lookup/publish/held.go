package publish

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/miekg/dns"

	"dnseal/lookup/dane"
)

// held is what a server has at a name, as it says.
type held struct {
	records  []dane.Record
	ttl      time.Duration // of the records
	wildcard bool
	alias    string
}

// shows reports whether a change is there, with its TTL.
func (h *held) shows(c *Change) bool {
	return h.alias == "" && shows(h.records, h.wildcard, c) && (len(c.Add) == 0 || h.ttl == c.TTL)
}

// at asks a server what it has at a name. Nothing is validated: it says only what to tell a person.
func (c *Client) at(ctx context.Context, addrs []string, owner string, t dane.Type) (held, error) {
	m, err := c.asker.ask(ctx, addrs[0], owner, uint16(t))
	if err != nil {
		return held{}, err
	}
	if m.Rcode != dns.RcodeSuccess && m.Rcode != dns.RcodeNameError {
		return held{}, rcodeError{addrs[0], m.Rcode}
	}
	return heldIn(m, owner, t), nil
}

// rcodeError is an answer with an error code.
type rcodeError struct {
	addr  string
	rcode int
}

func (e rcodeError) Error() string { return fmt.Sprintf("%s answers %s", e.addr, rcode(e.rcode)) }

func heldIn(m *dns.Msg, owner string, t dane.Type) (out held) {
	for _, rr := range m.Answer {
		if dns.CanonicalName(rr.Header().Name) != owner {
			continue
		}
		switch rr := rr.(type) {
		case *dns.CNAME:
			out.alias = dns.CanonicalName(rr.Target)
		case *dns.RRSIG:
			out.wildcard = out.wildcard || rr.TypeCovered == uint16(t) && int(rr.Labels) < labels(owner)
		case *dns.TLSA:
			out.add(t == dane.TLSA, rr.Hdr.Ttl, rr.Usage, rr.Selector, rr.MatchingType, rr.Certificate)
		case *dns.TXT:
			if r, ok := joined(rr); ok && t == dane.TXT {
				out.ttl = lifetime(rr.Hdr.Ttl)
				out.records = append(out.records, r)
			}
		case *dns.SMIMEA:
			out.add(t == dane.SMIMEA, rr.Hdr.Ttl, rr.Usage, rr.Selector, rr.MatchingType, rr.Certificate)
		}
	}
	return out
}

func (h *held) add(ok bool, ttl uint32, usage, selector, matching uint8, text string) {
	data, err := hex.DecodeString(text)
	if ok && err == nil {
		h.ttl = lifetime(ttl)
		h.records = append(h.records, dane.Record{Usage: usage, Selector: selector, MatchingType: matching, Data: data})
	}
}

// own are the records at the name itself.
func (h *held) own() []dane.Record {
	if h.wildcard {
		return nil
	}
	return h.records
}

// looked is what a server says of one change, or why it says nothing.
type looked struct {
	held
	err error
}

var errNotLooked = errors.New("it was not asked")

// patience is how long a server is asked for the sake of one message, in timeouts of one question.
const patience = 4

// look asks a server about all changes of a message, in bounded time. One that does not answer the
// first question is not asked the others, which can be hundreds.
func (c *Client) look(ctx context.Context, b batch) []looked {
	out := make([]looked, len(b.changes))
	for i := range out {
		out[i].err = errNotLooked
	}
	ctx, cancel := context.WithTimeout(ctx, patience*c.Reader.opts.Timeout)
	defer cancel()
	ask := func(i int) {
		if ch := &b.changes[i]; ctx.Err() == nil {
			out[i].held, out[i].err = c.at(ctx, b.addrs, ch.Owner, ch.Type)
		}
	}
	if ask(0); out[0].err != nil && !answered(out[0].err) {
		return out
	}
	var running sync.WaitGroup
	todo := make(chan int, len(b.changes))
	for i := 1; i < len(b.changes); i++ {
		todo <- i
	}
	close(todo)
	for range min(workers, len(b.changes)-1) {
		running.Go(func() {
			for i := range todo {
				ask(i)
			}
		})
	}
	running.Wait()
	return out
}

// answered tells an answer that is an error from none.
func answered(err error) bool {
	_, lame := errors.AsType[notAuthoritative](err)
	_, rcode := errors.AsType[rcodeError](err)
	return lame || rcode
}

// inTheWay finds the changes of a message whose prerequisites do not hold, and why the first of
// them does not.
func (c *Client) inTheWay(ctx context.Context, b batch) (bad map[int]bool, first *Refusal) {
	bad = map[int]bool{}
	for i, has := range c.look(ctx, b) {
		if has.err != nil {
			continue
		}
		why := contradicts(b, &b.changes[i], has.held)
		if why == nil {
			continue
		}
		bad[i] = true
		if first == nil {
			first = why
		}
	}
	return bad, first
}

// contradicts is why the prerequisites of a change do not hold; nil: they do.
func contradicts(b batch, ch *Change, has held) *Refusal {
	own := has.own()
	switch {
	case has.alias != "" && len(ch.Add) > 0:
		return AliasRefusal(b.String(), b.zone.name, ch.Owner, has.alias)
	case ch.Expect == nil || equal(ch.Expect, own):
		return nil
	}
	return ChangedRefusal(b.String(), b.zone.name, ch, own)
}

// ChangedRefusal is about records that are not those that a change expects; own are those there.
func ChangedRefusal(server, zone string, ch *Change, own []dane.Record) *Refusal {
	if len(ch.Expect) == 0 { // it was to be new
		return &Refusal{
			Code: Changed, Server: server, Zone: zone, Name: ch.Owner,
			Text:   fmt.Sprintf("%s %s at %s has records of somebody else: there %s; they were not changed", ch.Owner, ch.Type, server, describe(own)),
			Advice: "look whose they are (dnseal lookup): records that are there are never replaced unasked; where they are no longer needed, take them out first",
		}
	}
	return &Refusal{
		Code: Changed, Server: server, Zone: zone, Name: ch.Owner,
		Text: fmt.Sprintf("%s %s at %s is not as it was read before: there %s, expected %s; it was not changed",
			ch.Owner, ch.Type, server, describe(own), describe(ch.Expect)),
		Advice: "somebody else has changed it meanwhile, or it was read from a server that is behind: look what is there (dnseal lookup), and run the command again",
	}
}

func equal(a, b []dane.Record) bool {
	for _, r := range a {
		if !contains(b, r) {
			return false
		}
	}
	for _, r := range b {
		if !contains(a, r) {
			return false
		}
	}
	return true
}

// describe is "is 3 1 1 1234abcd…" for one record, their number for several.
func describe(list []dane.Record) string {
	switch len(list) {
	case 0:
		return "is no record"
	case 1:
		r := list[0]
		return fmt.Sprintf("is %d %d %d %s", r.Usage, r.Selector, r.MatchingType, short(hex.EncodeToString(r.Data)))
	}
	return fmt.Sprintf("are %d records", len(list))
}

func short(text string) string {
	const most = 16
	if len(text) <= most {
		return text
	}
	return text[:most] + "…"
}
