package recipient

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"dnseal/lookup"
	"dnseal/lookup/dane"
	"dnseal/lookup/dnssec"
	"dnseal/smime/certificate"
	"dnseal/smime/message"
)

// Options are for [Find]. Lookup is required; the zero value of the rest is safe.
type Options struct {
	// Lookup validates the records.
	Lookup lookup.Resolver
	// Profile says which kinds of keys count; empty: Compatible.
	Profile Profile
	// Fresh asks once more, past the cache of Lookup, before it says that a recipient has no key:
	// for callers that refuse the recipient then, since the record may be a minute old.
	Fresh bool
	// Roots are the PKIX roots for records of usage 1; nil makes these unusable.
	Roots []*x509.Certificate
	// Limits of the DNS work for all addresses together, unless the context carries a budget
	// already; see NewBudget.
	Limits dnssec.Limits
	// Now is the clock; nil: time.Now.
	Now func() time.Time
}

// Found is what the DNS says of one address.
type Found struct {
	// Address as it was given.
	Address string
	// Name is the owner name of the records; empty where there can be none.
	Name string
	// Keys are those to encrypt to: all that can be used, of the class that the profile prefers.
	Keys []Key
	// Unusable are the other records of a secure answer.
	Unusable []Unusable
	// Err says why there are no keys; nil where there are.
	Err *Error
}

// Unusable is a record that gives no key to encrypt to, and the reason in words.
type Unusable struct {
	Record dane.Record
	Reason string
}

const (
	// parallel bounds the lookups under way for one message.
	parallel = 8
	// queriesEach is what an address may cost: the chain of a domain that nobody asked for before.
	queriesEach = 20
	// leastQueries is the default of package dnssec.
	leastQueries = 100
)

// Find looks up the keys of every address ("alice@example.org"). The result has one Found for each
// address, in their order; of an address that occurs twice both are the same. It waits for all
// lookups: ctx bounds them together.
func Find(ctx context.Context, addresses []string, opts Options) []*Found {
	s := search{Options: opts, byAddress: map[message.Address]*wanted{}}
	if s.Now == nil {
		s.Now = time.Now
	}
	out := make([]*Found, 0, len(addresses))
	for _, a := range addresses {
		out = append(out, s.want(a))
	}
	if dnssec.BudgetFrom(ctx) == nil {
		ctx = dnssec.WithBudget(ctx, NewBudget(s.Limits, len(s.all)))
	}
	s.run(ctx)
	return out
}

// NewBudget is the budget for the lookups of so many addresses, for callers that make them by
// several calls of Find. Where limits do not say how many queries may be made, it is 100, or 20 for
// each address where that is more.
func NewBudget(limits dnssec.Limits, addresses int) *dnssec.Budget {
	limits.Queries = cmp.Or(limits.Queries, max(leastQueries, queriesEach*addresses))
	return dnssec.NewBudget(limits)
}

// search is the search for all addresses of one message.
type search struct {
	Options
	all       []*wanted
	byAddress map[message.Address]*wanted
	work      certificate.Work
}

// wanted is an address that is looked up.
type wanted struct {
	*Found
	address message.Address
	answer  *lookup.Result
}

// want checks an address, which costs nothing, before any is looked up.
func (s *search) want(text string) *Found {
	found := &Found{Address: text}
	a, err := message.ParseAddress(text)
	if w := s.byAddress[a]; err == nil && w != nil {
		return w.Found
	}
	if err == nil && strings.HasPrefix(a.Domain, "[") {
		err = errors.New("an address literal has no place in the DNS")
	}
	if err == nil {
		found.Name, err = dane.SMIMEAName(a.Local, a.Domain)
	}
	if err != nil {
		found.Err = &Error{Address: text, Code: CodeAddress, Reason: "it can have no record: " + inWords(err).Error(), Absent: true}
		return found
	}
	w := &wanted{Found: found, address: a}
	s.all, s.byAddress[a] = append(s.all, w), w
	return found
}

// run asks for all, judges what came, and asks again where that can change anything.
func (s *search) run(ctx context.Context) {
	s.ask(ctx, s.all, s.Lookup.Lookup)
	if s.Fresh {
		s.ask(ctx, s.without(func(e *Error) bool { return e.Code == CodeNoRecord || e.Code == CodeUnusable }), s.Lookup.LookupFresh)
	}
	s.hint(ctx, s.without(func(e *Error) bool { return e.Code == CodeNoRecord }))
}

// without are those that have no keys for a reason that counts.
func (s *search) without(counts func(*Error) bool) (out []*wanted) {
	for _, w := range s.all {
		if w.Err != nil && counts(w.Err) {
			out = append(out, w)
		}
	}
	return out
}

// ask looks up some of them at a time, and judges one after the other: what certificates may cost
// is counted for all together.
func (s *search) ask(ctx context.Context, some []*wanted, lookUp func(context.Context, string, dane.Type) *lookup.Result) {
	each(some, func(w *wanted) { w.answer = lookUp(ctx, w.Name, dane.SMIMEA) })
	for _, w := range some {
		s.judge(ctx, w)
	}
}

// each calls do for some of them at a time, and waits for all.
func each(some []*wanted, do func(*wanted)) {
	var g errgroup.Group
	g.SetLimit(parallel)
	for _, w := range some {
		g.Go(func() error {
			do(w)
			return nil
		})
	}
	_ = g.Wait() // none has an error
}

// judge makes keys of an answer, or the reason why there are none.
func (s *search) judge(ctx context.Context, w *wanted) {
	w.Keys, w.Unusable, w.Err = nil, nil, unanswered(w.answer)
	if w.Err == nil {
		keys, undecided := s.keys(ctx, w)
		w.Keys = s.Profile.choose(keys)
		w.Err = w.noKey(keys, undecided)
	}
	if w.Err != nil {
		w.Err.Address = w.Address
	}
}

// noKey says why a secure answer with records gives no key; nil where it gives some.
func (w *wanted) noKey(all []Key, undecided error) *Error {
	switch {
	case len(w.Keys) > 0:
		return nil
	case undecided != nil:
		return &Error{Code: CodeUndecided, Reason: "its records cannot be judged now: " + undecided.Error(), Temporary: true}
	case len(all) > 0:
		return &Error{Code: CodeNoMLKEM, Reason: "it has no ML-KEM key, and the profile pq uses no other"}
	}
	return &Error{Code: CodeUnusable, Reason: "none of the records at " + w.Name + " can be encrypted to: " + reasons(w.Unusable), Absent: true}
}
