package lifecycle

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"dnseal/lookup/dane"
)

var caRecord = dane.Record{Usage: 2, Selector: 1, MatchingType: 1, Data: []byte("ca")}

// byCA makes a generation that the CA certified.
func byCA(id string) *Generation {
	g := generation(id)
	g.CA = []dane.Record{caRecord}
	return g
}

func shownBy(status string, rs ...dane.Record) Seen {
	return Seen{{Name: "ns", Status: status, Records: rs, TTL: time.Minute, Negative: time.Minute}}
}

// vouched reports whether a receiver with the answer a finds that g is published.
func vouched(a answer, g *Generation) bool {
	return slices.ContainsFunc(a.records, g.Publishes) || len(a.records) == 0 && len(g.CA) > 0
}

// TestRolloverByCA: whatever is at the name, a key signs only where every answer that anybody may
// have, from the name or from "_user" in its absence, publishes it.
func TestRolloverByCA(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		pool := []dane.Record{record("a"), record("n")}
		primary := answer{ttl: time.Minute}
		for _, r := range pool {
			if rapid.Bool().Draw(t, string(r.Data)) {
				primary.records = append(primary.records, r)
			}
		}
		now, held := begin, []cached{}
		state := State{Active: byCA("a"), Next: byCA("n")}
		if rapid.Bool().Draw(t, "next of no CA") {
			state.Next = generation("n")
		}
		state.Memory = Memory{Publish: rapid.Bool().Draw(t, "publish"), Retention: Withdraw}
		good := vouched(primary, state.Active)
		change := func(to answer) {
			held = append(held, cached{primary, now.Add(primary.hold(time.Minute))})
			primary = to
		}
		for range 40 {
			seen := Seen{{Name: "ns", Status: Secure, Records: primary.records, Negative: time.Minute}}
			if len(primary.records) > 0 {
				seen[0].TTL = primary.ttl
			}
			state.User = nil
			if len(primary.records) == 0 {
				state.User = rapid.SampledFrom([]Seen{shownBy(Secure, caRecord), shownBy(Secure, caRecord), shownBy("bogus"), {{Err: "timeout"}}}).Draw(t, "user")
			}
			step := Next(state, seen, now)
			state.Memory = step.Memory
			switch step.Do {
			case Publish:
				change(answer{append(append([]dane.Record{}, primary.records...), without(step.Add, primary.records)...), step.TTL})
			case Remove:
				change(answer{without(primary.records, step.Remove), primary.ttl})
			case Switch:
				state.Old = append(state.Old, Old{Generation: *state.Active})
				state.Active, state.Next = state.Next, nil
			case SettleOld:
				state.Old[0].Settled = true
			case Nothing, Wait:
			}
			for _, c := range append(held, cached{primary, now.Add(time.Second)}) {
				if good && now.Before(c.until) && !vouched(c.answer, state.Active) {
					t.Fatalf("%s signs, and somebody has %v: %s", state.Active.ID, c.records, step.Why)
				}
			}
			// Somebody withdraws by hand what is there, for the CA's record to count.
			if state.Next != nil && len(state.Active.CA) > 0 && rapid.IntRange(0, 9).Draw(t, "by hand") == 0 {
				change(answer{ttl: primary.ttl})
			}
			now = now.Add(time.Duration(rapid.IntRange(1, 40).Draw(t, "seconds")) * time.Second)
		}
	})
}

func without(list, not []dane.Record) (out []dane.Record) {
	for _, r := range list {
		if !contains(not, r) {
			out = append(out, r)
		}
	}
	return out
}

// TestByCA: what "_user" means for each condition.
func TestByCA(t *testing.T) {
	t.Parallel()
	revoked := byCA("a")
	revoked.Revoked, revoked.Ends = true, begin.Add(time.Hour)
	over := byCA("a")
	over.Revoked, over.Ends = true, begin.Add(-time.Hour)
	other := dane.Record{Usage: 2, Selector: 1, MatchingType: 1, Data: []byte("other")}
	wild := Seen{{Name: "ns", Status: Secure, Wildcard: true, Records: []dane.Record{caRecord}, TTL: time.Minute}}
	wildKey := generation("a")
	wildKey.Also = append(wildKey.Also, caRecord)
	for name, tt := range map[string]struct {
		active    *Generation
		seen, usr Seen
		publish   bool
		want      Condition
		do        Action
		code      Code
	}{
		"by user":        {byCA("a"), shownBy(Secure), shownBy(Secure, caRecord), false, ByCA, Nothing, ""},
		"by wildcard":    {wildKey, wild, nil, false, ByCA, Nothing, ""},
		"other CA":       {byCA("a"), shownBy(Secure), shownBy(Secure, other), false, New, Nothing, ""},
		"no CA":          {generation("a"), shownBy(Secure), shownBy(Secure, caRecord), false, New, Nothing, ""},
		"bogus":          {byCA("a"), shownBy(Secure), shownBy("bogus", caRecord), false, Unclear, Wait, CodeNotSecure},
		"silent":         {byCA("a"), shownBy(Secure), Seen{{Name: "ns", Err: "timeout"}}, false, Unclear, Wait, CodeSilent},
		"own, hides it":  {byCA("a"), shownBy(Secure, record("x")), shownBy(Secure, caRecord), false, New, Nothing, CodeForeign},
		"own is wanted":  {byCA("a"), shownBy(Secure), shownBy(Secure, caRecord), true, New, Publish, ""},
		"revoked":        {revoked, shownBy(Secure), shownBy(Secure, caRecord), false, Revoking, Nothing, CodeVouched},
		"ended":          {over, shownBy(Secure), shownBy(Secure, caRecord), false, Revoking, Nothing, ""},
		"revoked, other": {revoked, shownBy(Secure), shownBy(Secure, other), false, Revoked, Nothing, ""},
		"revoked, bogus": {revoked, shownBy(Secure), shownBy("bogus"), false, Revoking, Nothing, CodeNotSecure},
	} {
		step := Next(State{Active: tt.active, User: tt.usr, Memory: Memory{Publish: tt.publish}}, tt.seen, begin)
		if step.Condition != tt.want || step.Do != tt.do || tt.code != "" != (len(step.Troubles) > 0) || tt.code != "" && !step.has(tt.code) {
			t.Errorf("%s: %s, %s (%s) %v; want %s, %s, %q", name, step.Condition, step.Do, step.Why, step.Troubles, tt.want, tt.do, tt.code)
		}
	}
}
