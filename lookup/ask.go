package lookup

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"dnseal/lookup/dnssec"
)

// freshAge is how old a result must be to be asked for again by LookupFresh: the rate limit for
// each name.
const freshAge = 5 * time.Second

// Lookup implements Resolver.
func (c *Client) Lookup(ctx context.Context, name string, t Type) *Result {
	return c.lookup(ctx, name, t, 0)
}

// LookupFresh implements Resolver: what is younger than five seconds still comes from the cache.
func (c *Client) LookupFresh(ctx context.Context, name string, t Type) *Result {
	return c.lookup(ctx, name, t, freshAge)
}

// lookup answers from the cache what is younger than maxAge (0: whatever holds), and asks
// otherwise.
func (c *Client) lookup(ctx context.Context, name string, t Type, maxAge time.Duration) *Result {
	k := key{ownerName(name), t}
	tr := c.trust.Load()
	if tr.cache != nil {
		if r, age := tr.cache.get(k); r != nil && (maxAge == 0 || age < maxAge) {
			return r
		}
	}
	if why := c.access.refuse(k.name); why != "" {
		return notTold(k, CodeDenied, why)
	}
	for {
		r, own := c.fly(ctx, tr, k)
		// The limit that the message of another caller has reached says nothing about this one.
		if own || r.Code != codeMessageQueries {
			return r
		}
	}
}

// fly asks, or waits for who asks already.
func (c *Client) fly(ctx context.Context, tr *trust, k key) (r *Result, own bool) {
	fl, own := c.flights.join(flightKey{k, tr}, func() *Result { return c.ask(context.WithoutCancel(ctx), tr, k) })
	if fl == nil {
		return notTold(k, CodeClosed, "the client is closed"), false
	}
	if r = fl.wait(ctx); r == nil {
		return notTold(k, dnssec.CodeTimeout, fmt.Sprintf("no answer about %s before the caller's time was over", k.name)), own
	}
	copied := *r
	return &copied, own
}

// maxAttempts is how often a lookup that had to leave its place to others is begun.
const maxAttempts = 3

// ask asks and remembers. A lookup that had to make room comes back after a while: the resolver
// goes on without us and may know the answer by then.
func (c *Client) ask(ctx context.Context, tr *trust, k key) *Result {
	ctx, cancel := context.WithTimeout(ctx, c.opts.Timeout)
	defer cancel()
	defer context.AfterFunc(c.life, cancel)()
	for attempt := 1; ; attempt++ {
		r, displaced := c.attempt(ctx, tr, k)
		if !displaced || attempt == maxAttempts {
			return r
		}
		select {
		case <-time.After(patience):
		case <-ctx.Done():
			return r
		}
	}
}

// attempt goes through the gate and asks; displaced says that it had to make room for others.
func (c *Client) attempt(ctx context.Context, tr *trust, k key) (r *Result, displaced bool) {
	ctx, giveUp := context.WithCancelCause(ctx)
	defer giveUp(nil)
	signer := signerDomain(k.name)
	t := newTicket(signer, c.knows(signer), giveUp)
	if err := c.gate.enter(ctx, t); err != nil {
		return notTold(k, CodeBusy, err.Error()), false
	}
	defer c.gate.leave(t)
	c.follow()
	at := c.opts.Now()
	r = c.resolve(ctx, tr, k)
	r.At = at
	if busy := context.Cause(ctx); r.Status == dnssec.Indeterminate && errors.Is(busy, errLinger) {
		return notTold(k, CodeBusy, busy.Error()), true
	}
	c.remember(tr, k, signer, r)
	return r, false
}

// notTold is a result of a lookup that was not made, or not finished.
func notTold(k key, code, reason string) *Result {
	return newResult(k.name, k.typ, &dnssec.Answer{
		Name: k.name, Type: uint16(k.typ), Status: dnssec.Indeterminate, EDE: -1, Code: code, Reason: reason,
	})
}

func (c *Client) knows(signer string) bool {
	_, ok := c.known.GetIfPresent(signer)
	return ok
}

// remember caches a result, and whether its signer domain answers.
func (c *Client) remember(tr *trust, k key, signer string, r *Result) {
	if c.life.Err() != nil {
		return
	}
	if tr.cache != nil {
		tr.cache.put(k, r)
	}
	switch {
	case r.Status != dnssec.Indeterminate:
		c.known.Set(signer, struct{}{})
	case !strings.HasPrefix(r.Code, "budget:"):
		c.known.Invalidate(signer)
	}
}
