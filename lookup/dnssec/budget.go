package dnssec

import (
	"cmp"
	"context"
	"sync/atomic"
)

// Limits of the work one message may cause. A zero field means its default. Hitting one that has
// a word in quotes makes the answer Indeterminate with Code "budget:" and that word.
type Limits struct {
	// Queries per message ("queries"), default 100.
	Queries int
	// LookupQueries per lookup ("lookup-queries"), default 40.
	LookupQueries int
	// Verifications of signatures per lookup ("verifications"), default 32.
	Verifications int
	// Digests of DNSKEYs compared with DS records per lookup ("ds-digests"), default 16.
	Digests int
	// Hashes of names for NSEC3 per lookup ("nsec3-hashes"), default 32.
	Hashes int
	// Iterations of the NSEC3 hash above which a zone counts as insecure, once its NSEC3 was
	// verified, default 50. RFC 9276, Section 3.2 leaves this one and the next to validators;
	// neither is a budget.
	Iterations int
	// BogusIterations are those above which it is bogus without a look, default 500.
	BogusIterations int
	// Signatures looked at per RRset ("signatures"), default 8.
	Signatures int
	// BadSignatures per RRset after which no further one is tried ("bad-signatures"), default 2.
	BadSignatures int
	// SameTagKeys is how many DNSKEYs of one tag and algorithm are tried ("same-tag-keys"), default
	// 2.
	SameTagKeys int
	// Keys is the size of a DNSKEY RRset ("keys"), default 32.
	Keys int
	// DS is the size of a DS RRset ("ds"), default 16.
	DS int
	// Aliases followed ("aliases"), default 8.
	Aliases int
	// Labels of a name below its trust anchor ("labels"), default 20.
	Labels int
	// Records in one reply ("records"), default 500.
	Records int
	// LeafRecords in the RRset asked for ("leaf-records"), default 16.
	LeafRecords int
	// LeafRecordSize is the size of one such record's data in octets ("leaf-record-size"), default
	// 8192.
	LeafRecordSize int
	// LeafSize is the size of that RRset's data in octets ("leaf-size"), default 16384.
	LeafSize int
	// RSAMin and RSAMax are the sizes in bits of RSA keys that are used, defaults 1024 and 4096.
	// Others count as keys of an algorithm that is not supported: a longer one is a way to make
	// verifiers work. Go itself uses none below 1024.
	RSAMin, RSAMax int
}

func (l Limits) withDefaults() Limits {
	return Limits{
		Queries:         cmp.Or(l.Queries, 100),
		LookupQueries:   cmp.Or(l.LookupQueries, 40),
		Verifications:   cmp.Or(l.Verifications, 32),
		Digests:         cmp.Or(l.Digests, 16),
		Hashes:          cmp.Or(l.Hashes, 32),
		Iterations:      cmp.Or(l.Iterations, 50),
		BogusIterations: cmp.Or(l.BogusIterations, 500),
		Signatures:      cmp.Or(l.Signatures, 8),
		BadSignatures:   cmp.Or(l.BadSignatures, 2),
		SameTagKeys:     cmp.Or(l.SameTagKeys, 2),
		Keys:            cmp.Or(l.Keys, 32),
		DS:              cmp.Or(l.DS, 16),
		Aliases:         cmp.Or(l.Aliases, 8),
		Labels:          cmp.Or(l.Labels, 20),
		Records:         cmp.Or(l.Records, 500),
		LeafRecords:     cmp.Or(l.LeafRecords, 16),
		LeafRecordSize:  cmp.Or(l.LeafRecordSize, 8192),
		LeafSize:        cmp.Or(l.LeafSize, 16384),
		RSAMin:          cmp.Or(l.RSAMin, 1024),
		RSAMax:          cmp.Or(l.RSAMax, 4096),
	}
}

// Budget counts the work of one message over all its lookups; it is carried in the context and safe
// for concurrent use. What is counted per lookup starts again with each Resolve, what is counted
// per message never.
type Budget struct {
	limits  Limits
	queries atomic.Int64
}

// NewBudget returns a budget with these limits.
func NewBudget(l Limits) *Budget { return &Budget{limits: l.withDefaults()} }

// Queries returns how many queries were counted so far.
func (b *Budget) Queries() int { return int(b.queries.Load()) }

// Charge counts n more queries, which an Exchanger made for one: at another resolver, or with CD=1.
func (b *Budget) Charge(n int) { b.queries.Add(int64(n)) }

type budgetKey struct{}

// WithBudget returns a context that carries b.
func WithBudget(ctx context.Context, b *Budget) context.Context {
	return context.WithValue(ctx, budgetKey{}, b)
}

// BudgetFrom returns the budget that ctx carries, nil when there is none.
func BudgetFrom(ctx context.Context) *Budget {
	b, _ := ctx.Value(budgetKey{}).(*Budget)
	return b
}

// spending is what one lookup has used of a budget. Only the goroutine of Resolve touches it.
type spending struct {
	*Budget
	lookupQueries, verifications, digests, hashes int
}

// spend counts one more of n against limit; the verdict counts when ok is false.
func spend(n *int, limit int, what string) (verdict, bool) {
	if *n >= limit {
		return overBudget(what, limit), false
	}
	*n++
	return verdict{}, true
}

func overBudget(what string, limit int) verdict {
	return indeterminate(noEDE, Code(budgetPrefix+what),
		"the work limit %q (%d) was reached; the zones on the way are built to cost work, or the limit is too low", what, limit)
}

// query counts one query, for the lookup and for the message.
func (s *spending) query() (verdict, bool) {
	if v, ok := spend(&s.lookupQueries, s.limits.LookupQueries, "lookup-queries"); !ok {
		return v, false
	}
	if s.queries.Add(1) > int64(s.limits.Queries) {
		s.queries.Add(-1)
		return overBudget("queries", s.limits.Queries), false
	}
	return verdict{}, true
}
