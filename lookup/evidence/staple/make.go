package staple

import (
	"errors"
	"fmt"
	"time"

	"dnseal/lookup/chain"
	"dnseal/lookup/dane"
	"dnseal/lookup/dnssec"
	"dnseal/lookup/evidence"
)

// Verifier validates evidence without a network, as receivers do; *lookup.Client is one.
type Verifier interface {
	VerifyEvidence(e *evidence.Evidence, at time.Time) (*chain.Result, error)
}

// Make returns the staple of results, in DER. Each is taken apart and validated by v as a receiver
// would before it is returned. Errors: a result is not secure, was not validated here (mode
// ad-only), or its chain does not prove the same by itself; two are about one name; the staple is
// over a limit.
func Make(v Verifier, now time.Time, results ...*chain.Result) ([]byte, error) {
	if len(results) == 0 || len(results) > maxChains {
		return nil, fmt.Errorf("staple: %d chains, want 1 to %d", len(results), maxChains)
	}
	var es []*evidence.Evidence
	for _, r := range results {
		e, err := proved(v, now, r)
		if err != nil {
			return nil, err
		}
		es = append(es, e)
	}
	der, err := encode(es)
	if err == nil {
		_, err = Read(der)
	}
	if err != nil {
		return nil, err
	}
	return der, nil
}

// maxTrims is how often RRsets are left out that the chain alone does not need: an answer can have
// been found in another way than it is found again.
const maxTrims = 3

// proved is the evidence that proves a result, and nothing more.
func proved(v Verifier, now time.Time, r *chain.Result) (*evidence.Evidence, error) {
	if r.Believed || r.Answer == nil || r.Status != dnssec.Secure {
		return nil, fmt.Errorf("staple: the records of %s were not validated here: %s", r.Name, r.Status)
	}
	sets, err := canonical(r.Answer.RRsets)
	if err != nil {
		return nil, err
	}
	for range maxTrims {
		e, err := evidence.FromChain(r.Name, r.Type, (&evidence.Evidence{Sets: sets}).Chain())
		if err != nil {
			return nil, fmt.Errorf("staple: %w", err)
		}
		again, err := v.VerifyEvidence(e, now)
		if err != nil {
			return nil, fmt.Errorf("staple: %w", err)
		}
		if !sameResult(r, again) {
			return nil, fmt.Errorf("staple: the chain of %s proves nothing without the DNS: %s", r.Name, again.Reason)
		}
		needed, err := canonical(again.Answer.RRsets)
		if err != nil {
			return nil, err
		}
		if sameSets(sets, needed) {
			return e, nil
		}
		sets = needed
	}
	return nil, errors.New("staple: the chain of " + r.Name + " is not the same twice")
}

func sameResult(a, b *chain.Result) bool {
	if a.Status != b.Status || a.Presence != b.Presence || len(a.Records) != len(b.Records) {
		return false
	}
	for i, r := range a.Records {
		if !sameRecord(r, b.Records[i]) {
			return false
		}
	}
	return true
}

func sameRecord(a, b dane.Record) bool {
	return a.Usage == b.Usage && a.Selector == b.Selector && a.MatchingType == b.MatchingType && string(a.Data) == string(b.Data)
}
