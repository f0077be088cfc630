package lookup

import (
	"context"
	"errors"
	"fmt"
	"time"

	"dnseal/lookup/chain"
	"dnseal/lookup/dane"
	"dnseal/lookup/dnssec"
	"dnseal/lookup/internal/admit"
)

// freshAge is how old a result must be to be asked for again by LookupFresh: the rate limit for
// each name.
const freshAge = 5 * time.Second

// Lookup implements Resolver.
func (c *Client) Lookup(ctx context.Context, name string, t dane.Type) *Result {
	return c.lookup(ctx, name, t, 0)
}

// LookupFresh implements Resolver: what is younger than five seconds still comes from the cache.
func (c *Client) LookupFresh(ctx context.Context, name string, t dane.Type) *Result {
	return c.lookup(ctx, name, t, freshAge)
}

// lookup answers from the cache what is younger than maxAge (0: whatever holds), and asks
// otherwise.
func (c *Client) lookup(ctx context.Context, name string, t dane.Type, maxAge time.Duration) *Result {
	k := key{admit.OwnerName(name), t}
	tr := c.trust.Load()
	if tr.cache != nil {
		if r, age := tr.cache.get(k); r != nil && (maxAge == 0 || age < maxAge) {
			return r
		}
	}
	if why := c.lists.Refuse(k.name); why != "" {
		return undecided(k, chain.CodeDenied, why)
	}
	for {
		r, own := c.share(ctx, tr, k)
		// The limit that the message of another caller has reached says nothing about this one.
		if own || r.Code != codeMessageQueries {
			return r
		}
	}
}

// share asks, or waits for the same lookup that is under way.
// RFC 5452, Section 5: equal questions at a time make it easier to guess a reply.
func (c *Client) share(ctx context.Context, tr *trust, k key) (r *Result, own bool) {
	fl, own := c.flights.join(flightKey{k, tr}, func() *Result { return c.ask(context.WithoutCancel(ctx), tr, k) })
	if fl == nil {
		return undecided(k, chain.CodeClosed, "the client is closed"), false
	}
	if r = fl.wait(ctx); r == nil {
		return undecided(k, dnssec.CodeTimeout, fmt.Sprintf("no answer about %s before the caller's time was over", k.name)), own
	}
	copied := *r
	return &copied, own
}

// maxAttempts is how often a lookup that was evicted is begun.
const maxAttempts = 3

// ask asks and remembers. An evicted lookup is begun again after a while: the resolver goes on and
// may know the answer by then.
func (c *Client) ask(ctx context.Context, tr *trust, k key) *Result {
	ctx, cancel := context.WithTimeout(ctx, c.opts.Timeout)
	defer cancel()
	defer context.AfterFunc(c.life, cancel)()
	for attempt := 1; ; attempt++ {
		r, evicted := c.attempt(ctx, tr, k)
		if !evicted || attempt == maxAttempts {
			return r
		}
		select {
		case <-time.After(admit.MinTime):
		case <-ctx.Done():
			return r
		}
	}
}

// attempt waits for a slot and asks; evicted reports whether others needed the slot.
func (c *Client) attempt(ctx context.Context, tr *trust, k key) (r *Result, evicted bool) {
	signer := admit.SignerDomain(k.name)
	ctx, leave, err := c.limiter.Enter(ctx, signer)
	if err != nil {
		return undecided(k, chain.CodeBusy, err.Error()), false
	}
	defer leave()
	c.follow()
	at := c.opts.Now()
	r = c.resolve(ctx, tr, k)
	r.At = at
	if busy := context.Cause(ctx); r.Status == dnssec.Indeterminate && errors.Is(busy, admit.ErrEvicted) {
		return undecided(k, chain.CodeBusy, busy.Error()), true
	}
	c.remember(tr, k, signer, r)
	return r, false
}

// SignerDomain is the domain that an owner name speaks for: what follows its last label with an
// underscore (RFC 8552, Section 1.1), or for a host the name without its first label. A client
// bounds its lookups by it; a caller who bounds his own does well to use the same.
func SignerDomain(name string) string { return admit.SignerDomain(name) }

// undecided is a result of a lookup that was not made, or not finished.
func undecided(k key, code dnssec.Code, reason string) *Result {
	return chain.New(k.name, k.typ, &dnssec.Answer{
		Name: k.name, Type: uint16(k.typ), Status: dnssec.Indeterminate, EDE: -1, Code: code, Reason: reason,
	})
}

// remember caches a result, and whether its signer domain answers (RFC 9520, Section 3.2).
func (c *Client) remember(tr *trust, k key, signer string, r *Result) {
	if c.life.Err() != nil {
		return
	}
	if tr.cache != nil {
		tr.cache.put(k, r)
	}
	if r.Status != dnssec.Indeterminate || !r.Code.IsBudget() {
		c.limiter.Note(signer, r.Status != dnssec.Indeterminate)
	}
}

// deniedError ends a lookup at an alias that leads to where no lookup may go.
type deniedError string

func (e deniedError) Error() string { return string(e) }

// Code is that of the result.
func (deniedError) Code() dnssec.Code { return chain.CodeDenied }

// mayFollow checks the target of an alias (RFC 1034, Section 3.6.2) against the lists.
func (c *Client) mayFollow(target string) error {
	if why := c.lists.Refuse(admit.OwnerName(target)); why != "" {
		return deniedError("an alias leads to " + target + ", and " + why)
	}
	return nil
}
