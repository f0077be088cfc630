package receiver

import (
	"context"

	"dnseal/lookup"
	"dnseal/lookup/dane"
	"dnseal/lookup/evidence/staple"
)

// answers are the DNS lookups of one message: each name is asked for once, and once more past the
// cache.
type answers struct {
	resolver   lookup.Resolver
	seen       map[question]*lookup.Result
	order      []question // of seen
	identities map[string]bool
}

type question struct {
	name  string
	typ   dane.Type
	fresh bool
	// staples of the signature answer instead of the resolver; nil: it is asked
	staples *staple.Resolver
}

func newAnswers(r lookup.Resolver) *answers {
	return &answers{resolver: r, seen: map[question]*lookup.Result{}, identities: map[string]bool{}}
}

// admit reports whether one more identity may be looked up; one that was looked up already always
// may.
func (a *answers) admit(identity string) bool {
	if !a.identities[identity] && len(a.identities) >= maxIdentities {
		return false
	}
	a.identities[identity] = true
	return true
}

func (a *answers) ask(ctx context.Context, q question) *lookup.Result {
	if res := a.seen[q]; res != nil {
		return res
	}
	res := a.answer(ctx, q)
	a.seen[q], a.order = res, append(a.order, q)
	return res
}

func (a *answers) answer(ctx context.Context, q question) *lookup.Result {
	switch {
	case q.staples != nil:
		return q.staples.Lookup(ctx, q.name, q.typ)
	case q.fresh:
		return a.resolver.LookupFresh(ctx, q.name, q.typ)
	}
	return a.resolver.Lookup(ctx, q.name, q.typ)
}

// all returns the answers in the order of the questions; of a name asked for twice the last.
func (a *answers) all() []*lookup.Result {
	var out []*lookup.Result
	for _, q := range a.order {
		again := q
		again.fresh = true
		if q.fresh || a.seen[again] == nil {
			out = append(out, a.seen[q])
		}
	}
	return out
}
