package sender

import (
	"context"
	"fmt"
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
	der, err := staple.Make(v, now, asked...)
	if err != nil {
		return cms.Attribute{}, fmt.Errorf("sender: %s: %w", id.Name, err)
	}
	return cms.Attribute{Type: cms.OIDStaple, Value: der}, nil
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
