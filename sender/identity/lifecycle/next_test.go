package lifecycle

import (
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"dnseal/lookup/dane"
)

var begin = time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)

func record(data string) dane.Record {
	return dane.Record{Usage: 3, Selector: 1, MatchingType: 1, Data: []byte(data)}
}

func generation(id string) *Generation {
	return &Generation{ID: id, Key: id, Want: record(id), Also: []dane.Record{record(id + "-other")}}
}

// answer is what a server or a cache has.
type answer struct {
	records []dane.Record
	ttl     time.Duration
}

func (a answer) hold(negative time.Duration) time.Duration {
	if len(a.records) == 0 {
		return negative
	}
	return a.ttl
}

type cached struct {
	answer
	until time.Time
}

// world is a zone with its name servers, all that caches may have of it, and a folder.
type world struct {
	t        *rapid.T
	now      time.Time
	negative time.Duration
	primary  answer
	servers  []answer
	silent   []bool
	caches   []cached
	state    State
	command  func(*Memory)
	good     bool // the active key has been in every answer that anybody may have
	switches int
	removed  map[string]bool
	log      []string
	// keepMemory: the memory is not lost
	keepMemory bool
}

func (w *world) logf(format string, args ...any) {
	w.log = append(w.log, fmt.Sprintf("%6ds ", w.now.Sub(begin)/time.Second)+fmt.Sprintf(format, args...))
}

// transfer brings server i up to the primary. What it said until then is in caches.
func (w *world) transfer(i int) {
	old := w.servers[i]
	w.caches = append(w.caches, cached{old, w.now.Add(old.hold(w.negative))})
	w.servers[i] = answer{slices.Clone(w.primary.records), w.primary.ttl}
}

func (w *world) pass(d time.Duration) {
	w.now = w.now.Add(d)
	w.caches = slices.DeleteFunc(w.caches, func(c cached) bool { return !w.now.Before(c.until) })
}

func (w *world) see() (seen Seen) {
	for i, s := range w.servers {
		if w.silent[i] {
			seen = append(seen, Server{Name: fmt.Sprint("ns", i), Err: "timeout"})
			continue
		}
		server := Server{Name: fmt.Sprint("ns", i), Status: Secure, Records: s.records, Negative: w.negative, SignedUntil: w.now.Add(100 * time.Hour)}
		if len(s.records) > 0 {
			server.TTL = s.ttl
		}
		seen = append(seen, server)
	}
	return seen
}

// carried reports whether every answer that anybody may have has a record of g.
func (w *world) carried(g *Generation) bool {
	has := func(a answer) bool { return slices.ContainsFunc(a.records, g.Publishes) }
	if slices.ContainsFunc(w.servers, func(s answer) bool { return !has(s) }) {
		return false
	}
	for _, c := range w.caches {
		if !has(c.answer) {
			return false
		}
	}
	return true
}

// check holds at every moment.
func (w *world) check() {
	a := w.state.Active
	if a.Revoked {
		return
	}
	if w.carried(a) && slices.ContainsFunc(w.primary.records, a.Publishes) {
		w.good = true
	} else if w.good {
		w.fatalf("%s signs, and somebody has an answer without it", a.ID)
	}
}

func (w *world) fatalf(format string, args ...any) {
	for _, line := range w.log {
		w.t.Log(line)
	}
	w.t.Fatalf(format, args...)
}

// do makes a step, unless the process is killed before or in the middle.
func (w *world) do(s Step, kill int) {
	if kill == 1 {
		return
	}
	w.state.Memory = s.Memory
	w.command(&w.state.Memory)
	if kill == 2 {
		return
	}
	w.logf("%s %s: %s", s.Condition, s.Do, s.Why)
	switch s.Do {
	case Publish:
		if len(s.Expect) != 0 && !sameSet(s.Expect, w.primary.records) {
			return // refused
		}
		for _, r := range s.Add {
			if w.removed[RecordID(r)] {
				w.fatalf("a withdrawn record comes back")
			}
			if !contains(w.primary.records, r) {
				w.primary.records = append(slices.Clone(w.primary.records), r)
			}
		}
		w.primary.ttl = s.TTL
	case Remove:
		w.remove(s)
	case Switch:
		w.switches++
		if !w.carried(w.state.Next) {
			w.fatalf("switched to a key that somebody has an answer without")
		}
		w.state.Old = append(slices.Clone(w.state.Old), Old{Generation: *w.state.Active})
		w.state.Active, w.state.Next = w.state.Next, nil
	case SettleOld:
		w.state.Old = slices.Clone(w.state.Old)
		for i := range w.state.Old {
			if w.state.Old[i].ID == s.Settle {
				w.state.Old[i].Settled = true
			}
		}
	case Nothing, Wait:
	}
}

func (w *world) remove(s Step) {
	for _, r := range s.Remove {
		if w.state.Active.Publishes(r) && !w.state.Active.Revoked {
			w.fatalf("the record of a key that signs is withdrawn")
		}
		if string(r.Data) == "stranger" {
			w.fatalf("the record of a stranger is withdrawn")
		}
		w.removed[RecordID(r)] = true
		w.primary.records = slices.DeleteFunc(slices.Clone(w.primary.records), func(o dane.Record) bool { return Same(o, r) })
	}
}

func sameSet(a, b []dane.Record) bool {
	return len(a) == len(b) && !slices.ContainsFunc(a, func(r dane.Record) bool { return !contains(b, r) })
}

// drawWorld makes any DNS content and any folder.
func drawWorld(t *rapid.T) *world {
	pool := []dane.Record{record("a"), record("a-other"), record("n"), record("o"), record("o-other"), record("stranger")}
	ttls := rapid.SampledFrom([]time.Duration{5 * time.Second, time.Minute, 300 * time.Second, time.Hour})
	// Before the first look nobody has made the TTL shorter or removed an RRset: see Limitations.
	ttl, empty := ttls.Draw(t, "ttl"), rapid.Bool().Draw(t, "empty")
	draw := func(name string) answer {
		a := answer{ttl: ttl}
		if empty {
			return a
		}
		for _, r := range pool {
			if rapid.Bool().Draw(t, name+" has "+string(r.Data)) {
				a.records = append(a.records, r)
			}
		}
		if len(a.records) == 0 {
			a.records = slices.Clone(pool[:1])
		}
		return a
	}
	w := &world{t: t, now: begin, removed: map[string]bool{}, command: func(*Memory) {}}
	w.negative = ttls.Draw(t, "negative")
	w.primary = draw("primary")
	n := rapid.IntRange(1, 3).Draw(t, "servers")
	for i := range n {
		if rapid.Bool().Draw(t, "in step") {
			w.servers = append(w.servers, answer{slices.Clone(w.primary.records), w.primary.ttl})
		} else {
			a := draw(fmt.Sprint("ns", i))
			// the next key was never withdrawn
			if n := record("n"); !contains(w.primary.records, n) {
				a.records = slices.DeleteFunc(a.records, func(r dane.Record) bool { return Same(r, n) })
				if !empty && len(a.records) == 0 {
					a.records = []dane.Record{pool[0]}
				}
			}
			w.servers = append(w.servers, a)
		}
	}
	w.silent = make([]bool, n)
	w.state.Active = generation("a")
	if rapid.Bool().Draw(t, "next") {
		w.state.Next = generation("n")
	}
	if rapid.Bool().Draw(t, "old") {
		w.state.Old = []Old{{Generation: *generation("o"), Settled: rapid.Bool().Draw(t, "settled")}}
	}
	return w
}

// nothingLonger reports whether nobody keeps an answer for longer than the primary says now: that
// time is in the memory alone.
func (w *world) nothingLonger() bool {
	hold := w.primary.hold(w.negative)
	return !slices.ContainsFunc(w.caches, func(c cached) bool { return c.until.After(w.now.Add(hold)) }) &&
		!slices.ContainsFunc(w.servers, func(a answer) bool { return a.hold(w.negative) > hold })
}

// run lets time pass and commands run, with kills, losses, and servers that come and go.
func (w *world) run(rounds int) {
	t := w.t
	for range rounds {
		w.check()
		w.pass(time.Duration(rapid.IntRange(0, 400).Draw(t, "seconds")) * time.Second)
		w.check()
		for i := range w.servers {
			w.silent[i] = rapid.IntRange(0, 9).Draw(t, "silent") == 0
			if rapid.Bool().Draw(t, "transfer") {
				w.transfer(i)
			}
		}
		w.check()
		if rapid.IntRange(0, 9).Draw(t, "lose") == 0 && !w.keepMemory && w.nothingLonger() {
			w.state.Memory = Memory{}
			w.command(&w.state.Memory)
			w.logf("memory lost")
		}
		w.do(Next(w.state, w.see(), w.now), rapid.IntRange(0, 5).Draw(t, "kill"))
		w.check()
	}
}

// finish lets all servers come up and nobody kill anything, until nothing is left to do.
func (w *world) finish() Step {
	for range 60 {
		for i := range w.servers {
			w.silent[i] = false
			w.transfer(i)
		}
		w.check()
		step := Next(w.state, w.see(), w.now)
		w.do(step, 0)
		w.check()
		switch step.Do {
		case Nothing:
			return step
		case Wait:
			w.pass(max(step.Until.Sub(w.now), 0))
		case Publish, Switch, Remove, SettleOld:
			w.pass(time.Second)
		}
	}
	w.fatalf("it never ends")
	return Step{}
}

func TestRolloverEndsRight(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		retention := rapid.SampledFrom([]Retention{Keep, Withdraw}).Draw(t, "retention")
		oldFor := rapid.SampledFrom([]time.Duration{0, time.Minute, DefaultOldFor}).Draw(t, "old for")
		ttl := rapid.SampledFrom([]time.Duration{0, time.Minute, time.Hour}).Draw(t, "ttl")
		w.keepMemory = ttl == time.Minute // makes it shorter
		w.command = func(m *Memory) {
			m.Publish, m.Beside, m.Retention, m.OldFor, m.TTL = true, true, retention, oldFor, ttl
		}
		w.command(&w.state.Memory)
		next, stranger := w.state.Next, contains(w.primary.records, record("stranger"))
		w.run(rapid.IntRange(0, 25).Draw(t, "rounds"))
		last := w.finish()
		if last.Condition == Missing {
			return // a server showed a record that the primary never had
		}
		switch {
		case w.state.Next != nil, next != nil && w.state.Active.ID != next.ID:
			w.fatalf("not switched")
		case w.switches > 1:
			w.fatalf("switched %d times", w.switches)
		case !w.carried(w.state.Active) || last.Condition != Active:
			w.fatalf("the active key is not everywhere: %s", last.Condition)
		case stranger != contains(w.primary.records, record("stranger")):
			w.fatalf("the record of a stranger has changed")
		}
		for _, old := range w.state.Old {
			if !old.Settled {
				w.fatalf("%s is not settled", old.ID)
			}
			if next != nil && old.ID == "a" && retention == Withdraw && slices.ContainsFunc(w.primary.records, old.Publishes) {
				w.fatalf("the record of the old key is still there")
			}
		}
		// A further run changes nothing.
		again := Next(w.state, w.see(), w.now)
		if again.Do != Nothing || !reflect.DeepEqual(again.Memory, Next(State{Active: w.state.Active, Next: w.state.Next, Old: w.state.Old, Memory: again.Memory}, w.see(), w.now).Memory) {
			w.fatalf("a further run does: %s", again.Do)
		}
	})
}

func TestRevocationEndsRight(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		for _, g := range (&round{State: w.state}).generations() {
			g.Revoked = true
		}
		stranger := contains(w.primary.records, record("stranger"))
		w.run(rapid.IntRange(0, 25).Draw(t, "rounds"))
		last := w.finish()
		if last.Condition != Revoked || slices.ContainsFunc(w.primary.records, (&round{State: w.state}).ours) || stranger != contains(w.primary.records, record("stranger")) {
			w.fatalf("%s, records %v", last.Condition, w.primary.records)
		}
		for _, c := range w.caches {
			if slices.ContainsFunc(c.records, w.state.Active.Publishes) && last.Memory.Gone.Since != (time.Time{}) && last.Memory.Gone.Hold > 0 {
				w.fatalf("a cache may still have the revoked key")
			}
		}
	})
}

// TestEmergency: the active key is revoked, and the next one takes its place.
func TestEmergency(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		w.state.Next = generation("n")
		w.state.Active.Revoked = true
		w.command = func(m *Memory) { m.Publish, m.Retention = true, Withdraw }
		w.command(&w.state.Memory)
		w.run(rapid.IntRange(0, 25).Draw(t, "rounds"))
		last := w.finish()
		if last.Condition == Missing {
			return
		}
		if w.state.Active.ID != "n" || last.Condition != Active || contains(w.primary.records, record("a")) {
			w.fatalf("%s is %s", w.state.Active.ID, last.Condition)
		}
	})
}
