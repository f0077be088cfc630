package evidence

import (
	"context"
	"fmt"
	"sync"
	"time"

	"dnseal/lookup"
	"dnseal/lookup/dane"
	"dnseal/lookup/dnssec"
	"dnseal/lookup/evidence"
)

// Limits of what is remembered of an archive: lines, answers, signatures.
const (
	maxRecords    = 20_000
	maxResults    = 10_000
	maxSignatures = 100_000
)

// answers remembers what many messages need: lines of files, validated answers, and signatures that
// are right.
type answers struct {
	records    *bounded[place, *record]
	results    *bounded[question, *lookup.Result]
	signatures signatures
}

// place is a line that others refer to.
type place struct {
	file *file
	hash string
}

// question is a lookup, validated as of a time.
type question struct {
	place
	at int64
}

func newAnswers() answers {
	return answers{
		records: newBounded[place, *record](maxRecords), results: newBounded[question, *lookup.Result](maxResults),
		signatures: signatures{newBounded[[32]byte, struct{}](maxSignatures)},
	}
}

// record returns the line with a hash.
func (a *answers) record(f *file, ref string) (*record, error) {
	k := place{f, ref}
	if r, ok := a.records.get(k); ok {
		return r, nil
	}
	r, err := f.refer(ref)
	if err == nil && r.Set != nil {
		if r.rrset, err = (evidence.Set{Name: r.Set.Name, Type: r.Set.Type, Wire: r.Set.Wire}).RRset(); err != nil {
			err = fmt.Errorf("evidence: %s: the set with the SHA-256 %s: %w", f.name, ref, err)
		}
	}
	if err == nil {
		a.records.put(k, r)
	}
	return r, err
}

func (a *answers) lookup(f *file, ref string) (*Lookup, error) {
	r, err := a.record(f, ref)
	if err == nil && r.Lookup == nil {
		err = fmt.Errorf("evidence: %s: the line with the SHA-256 %s is no lookup", f.name, ref)
	}
	if err != nil {
		return nil, err
	}
	return r.Lookup, nil
}

// validate finds out again what a lookup proves as of a time.
func (a *answers) validate(ar *Archive, f *file, ref string, l *Lookup, at time.Time) *lookup.Result {
	k := question{place{f, ref}, at.UnixNano()}
	if r, ok := a.results.get(k); ok {
		return r
	}
	r, err := a.again(ar, f, l, at)
	if err != nil {
		return unknown(l.Name, dane.TLSA, codeUnreadable, err.Error())
	}
	a.results.put(k, r)
	return r
}

func (a *answers) again(ar *Archive, f *file, l *Lookup, at time.Time) (*lookup.Result, error) {
	if len(l.Sets) > maxSets {
		return nil, fmt.Errorf("evidence: %s: %d sets for one lookup, at most %d", f.name, len(l.Sets), maxSets)
	}
	e := &evidence.Evidence{Version: 1, Name: l.Name, Type: l.Type, Rcode: l.Rcode}
	sets, err := a.sets(f, l)
	if err != nil {
		return nil, err
	}
	v := &dnssec.Validator{Anchors: ar.opts.Anchors, Signatures: a.signatures}
	r, err := evidence.VerifyRRsets(context.Background(), e, sets, at, v)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.name, err)
	}
	r.At = l.At
	return r, nil
}

// sets are those of a lookup.
func (a *answers) sets(f *file, l *Lookup) ([]dnssec.RRset, error) {
	var out []dnssec.RRset
	octets := 0
	for _, ref := range l.Sets {
		r, err := a.record(f, ref)
		switch {
		case err != nil:
			return nil, err
		case r.Set == nil:
			return nil, fmt.Errorf("evidence: %s: the line with the SHA-256 %s is no set", f.name, ref)
		}
		if octets += len(r.Set.Wire); octets > maxOctets {
			return nil, fmt.Errorf("evidence: %s: the sets of one lookup have more than %d octets", f.name, maxOctets)
		}
		out = append(out, r.rrset)
	}
	return out, nil
}

// signatures implements dnssec.SignatureCache.
type signatures struct {
	*bounded[[32]byte, struct{}]
}

// Has reports whether a signature is known to be right.
func (s signatures) Has(id [32]byte) bool { _, ok := s.get(id); return ok }

// Add remembers one.
func (s signatures) Add(id [32]byte) { s.put(id, struct{}{}) }

// bounded is a map that begins anew when it is full. It is safe for concurrent use.
type bounded[K comparable, V any] struct {
	mu  sync.RWMutex
	all map[K]V
	max int
}

func newBounded[K comparable, V any](most int) *bounded[K, V] {
	return &bounded[K, V]{all: map[K]V{}, max: most}
}

func (b *bounded[K, V]) get(k K) (V, bool) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	v, ok := b.all[k]
	return v, ok
}

func (b *bounded[K, V]) put(k K, v V) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.all) >= b.max {
		clear(b.all)
	}
	b.all[k] = v
}
