package sender

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"dnseal/lookup"
	"dnseal/lookup/dane"
	"dnseal/lookup/dnssec"
	"dnseal/lookup/evidence/staple"
	"dnseal/sender/identity"
	"dnseal/smime/cms"
)

// Staple returns the unsigned attribute with the DNSSEC chain of an identity's own records, for
// [smime.SignOptions].Unsigned: with it receivers without DNS can verify what the identity signs,
// while the signatures of DNSSEC in it are young enough for them (package staple). Where a CA
// vouches for a user without record of her own, it has the proof of that and the CA's record.
//
// r is asked as [CheckRecord] does, and must be a [staple.Verifier] too, as *lookup.Client is.
// Errors, each naming the identity: its records are not secure, absent, or do not match its key;
// they were not validated here (mode ad-only); the chain is too large.
func Staple(ctx context.Context, r lookup.Resolver, id *identity.Identity, limits dnssec.Limits, now time.Time) (cms.Attribute, error) {
	return new(staples).of(ctx, r, id, limits, now)
}

// maxStaples is how many staples are remembered.
const maxStaples = 4096

// staples remembers the last staple of each identity, for as long as the resolver gives the same
// answers. The zero value is ready.
type staples struct {
	mu   sync.Mutex
	last map[string]madeStaple
}

// madeStaple is a staple, and the answers that it is made of.
type madeStaple struct {
	answers   []*dnssec.Answer
	attribute cms.Attribute
}

// of is Staple.
func (s *staples) of(ctx context.Context, r lookup.Resolver, id *identity.Identity, limits dnssec.Limits, now time.Time) (cms.Attribute, error) {
	v, ok := r.(staple.Verifier)
	if !ok {
		return cms.Attribute{}, fmt.Errorf("sender: %s: the resolver cannot validate a staple", id.Name)
	}
	ctx = dnssec.WithBudget(ctx, dnssec.NewBudget(limits))
	var asked noting
	record := publishedBy(ctx, asked.of(r.Lookup), id, now)
	if record.Code == codeAbsent || record.Code == codeMismatch {
		record = publishedBy(ctx, asked.of(r.LookupFresh), id, now)
	}
	if record.Code != "" {
		return cms.Attribute{}, fmt.Errorf("sender: %s has nothing to staple: %s", id.Name, record.Reason)
	}
	answers := asked.answers()
	if a, ok := s.remembered(id.Name, answers); ok {
		return a, nil
	}
	der, err := staple.Make(v, now, asked...)
	if err != nil {
		return cms.Attribute{}, fmt.Errorf("sender: %s: %w", id.Name, err)
	}
	a := cms.Attribute{Type: cms.OIDStaple, Value: der}
	s.remember(id.Name, madeStaple{answers, a})
	return a, nil
}

func (s *staples) remembered(name string, answers []*dnssec.Answer) (cms.Attribute, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	made, ok := s.last[name]
	return made.attribute, ok && slices.Equal(made.answers, answers)
}

func (s *staples) remember(name string, made madeStaple) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.last == nil || len(s.last) >= maxStaples {
		s.last = map[string]madeStaple{}
	}
	s.last[name] = made
}

// staple returns the unsigned attributes of the signature, where Options.Staple wants them. It
// never keeps a message from being signed: most receivers have a DNS.
func (h *handling) staple(ctx context.Context, id *identity.Identity, now time.Time) [][]cms.Attribute {
	if h.opts.Staple == nil {
		return nil
	}
	a, err := h.staples.of(ctx, h.opts.Staple, id, h.opts.Limits, now)
	if err != nil {
		h.attrs = append(h.attrs, slog.String("staple", err.Error()))
		return nil
	}
	return [][]cms.Attribute{{a}}
}

// noting are the results of lookups, in their order.
type noting []*lookup.Result

// of forgets earlier results and notes those of ask.
func (n *noting) of(ask lookupFunc) lookupFunc {
	*n = nil
	return func(ctx context.Context, name string, t dane.Type) *lookup.Result {
		r := ask(ctx, name, t)
		*n = append(*n, r)
		return r
	}
}

// answers are those of the results.
func (n *noting) answers() []*dnssec.Answer {
	var out []*dnssec.Answer
	for _, r := range *n {
		out = append(out, r.Answer)
	}
	return out
}
