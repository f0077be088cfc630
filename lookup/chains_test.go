package lookup

import (
	"reflect"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"

	"dnseal/lookup/dnssec"
	"dnseal/lookup/evidence"
)

// hasCount counts the signatures that are looked at.
type hasCount struct{ n atomic.Int64 }

func (c *hasCount) Has([32]byte) bool { c.n.Add(1); return false }
func (*hasCount) Add([32]byte)        {}

// kept is evidence whose sets are in memory once, as they are in a file of evidence.
type kept struct {
	*evidence.Evidence
	sets []dnssec.RRset
}

func keepAll(t *testing.T, c *Client, names []string) []kept {
	t.Helper()
	known := map[string]dnssec.RRset{}
	var out []kept
	for _, name := range names {
		_, e := evidenceOf(t, c, name)
		k := kept{Evidence: e}
		for _, s := range e.Sets {
			id := s.Name + " " + s.Type + " " + string(s.Wire)
			if _, ok := known[id]; !ok {
				set, err := s.RRset()
				if err != nil {
					t.Fatal(err)
				}
				known[id] = set
			}
			k.sets = append(k.sets, known[id])
		}
		out = append(out, k)
	}
	return out
}

// TestChains: evidence proves the same with what other evidence has proven about its zones as it
// does alone, in every state, at any time and in any order, and also where a set was left out.
func TestChains(t *testing.T) {
	t.Parallel()
	c, names := evidenceLab(t)
	all := keepAll(t, c, names)
	for _, k := range slices.Clone(all) {
		all = append(all, kept{k.Evidence, nameless(k.sets)})
	}
	for _, k := range slices.Clone(all) {
		for i := range k.sets {
			all = append(all, kept{k.Evidence, slices.Delete(slices.Clone(k.sets), i, i+1)})
		}
	}
	at := all[0].At
	end := all[0].Expiration
	times := []time.Time{
		at, at.Add(3 * time.Second), end.Add(time.Minute), at.Add(-time.Minute), end.Add(-time.Second), at.AddDate(1, 0, 0), end.Add(5 * time.Minute),
		end.Add(5*time.Minute + time.Second), at.Add(-66 * time.Minute), at.Add(-64 * time.Minute), at.AddDate(-1, 0, 0), at.AddDate(0, 0, 7), at,
	}
	v := &dnssec.Validator{Anchors: c.trust.Load().validator.Anchors, Chains: new(dnssec.Chains)}
	for _, when := range times {
		for _, k := range all {
			got, err := evidence.VerifyRRsets(t.Context(), k.Evidence, k.sets, when, v)
			if err != nil {
				t.Fatal(err)
			}
			want, err := evidence.VerifyRRsets(t.Context(), k.Evidence, k.sets, when, &dnssec.Validator{Anchors: c.trust.Load().validator.Anchors})
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("%s at %s of %s: %s %s, TTL %s, and alone %s %s, TTL %s (%v)", k.Name, when, at, got.Status, got.Reason, got.TTL, want.Status, want.Reason, want.TTL, err)
			}
		}
	}
}

// nameless are sets of which those that deny something may belong to any question, as in a chain of
// RFC 9102.
func nameless(sets []dnssec.RRset) []dnssec.RRset {
	out := slices.Clone(sets)
	for i, s := range out {
		switch s.Records[0].(type) {
		case *dns.NSEC, *dns.NSEC3, *dns.SOA:
			out[i].Name = ""
		}
	}
	return out
}

// TestChainsOnce: the keys of zones are proven once for many answers, also as of other times.
func TestChainsOnce(t *testing.T) {
	t.Parallel()
	c, _ := evidenceLab(t)
	all := keepAll(t, c, []string{sensor, "sensor._device.other.lab", sensor})
	signatures := new(hasCount)
	v := &dnssec.Validator{Anchors: c.trust.Load().validator.Anchors, Chains: new(dnssec.Chains), Signatures: signatures}
	for i, want := range []int64{6, 6, 1} {
		signatures.n.Store(0)
		r, err := evidence.VerifyRRsets(t.Context(), all[i].Evidence, all[i].sets, all[i].At.Add(time.Duration(i)*time.Second), v)
		if got := signatures.n.Load(); err != nil || r.Status != dnssec.Secure || got != want {
			t.Errorf("answer %d: %v, %v, by %d signatures, want %d", i, r.Status, err, got, want)
		}
	}
}
