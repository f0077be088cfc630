package lifecycle

import (
	"testing"
	"time"

	"dnseal/lookup/dane"
)

// TestRules has one case for each rule of Next, with its times; next_test.go has what holds always.
// It runs Next once a look, with the memory of the look before.

// look is what the servers show at a time, and what Next must return then.
type look struct {
	at    time.Duration
	seen  Seen
	do    Action
	until time.Duration // of Wait
	check func(*testing.T, Step)
}

const (
	short = 60 * time.Second
	usual = 300 * time.Second
	long  = time.Hour
)

func shown(ttl time.Duration, ids ...string) Server {
	s := Server{Name: "ns", Status: Secure, Negative: short}
	for _, id := range ids {
		s.Records, s.TTL = append(s.Records, record(id)), ttl
	}
	return s
}

func with(s Server, change func(*Server)) Server {
	change(&s)
	return s
}

func revoked(g *Generation) *Generation { g.Revoked = true; return g }

func wantTTL(d time.Duration) func(*testing.T, Step) {
	return func(t *testing.T, s Step) {
		t.Helper()
		if s.TTL != d {
			t.Errorf("TTL %v, want %v", s.TTL, d)
		}
	}
}

func wantExpect(ids ...string) func(*testing.T, Step) {
	return func(t *testing.T, s Step) {
		t.Helper()
		var want []dane.Record
		for _, id := range ids {
			want = append(want, record(id))
		}
		if !sameSet(s.Expect, want) || (s.Expect == nil) != (ids == nil) {
			t.Errorf("expect %v, want %v", s.Expect, want)
		}
	}
}

func wantCode(code Code) func(*testing.T, Step) {
	return func(t *testing.T, s Step) {
		t.Helper()
		if !s.has(code) {
			t.Errorf("troubles %v, want %s", s.Troubles, code)
		}
	}
}

func wantCondition(c Condition) func(*testing.T, Step) {
	return func(t *testing.T, s Step) {
		t.Helper()
		if s.Condition != c {
			t.Errorf("condition %s, want %s", s.Condition, c)
		}
	}
}

func TestRules(t *testing.T) {
	t.Parallel()
	silent := Server{Name: "ns2", Err: "timeout"}
	bogus := Server{Name: "ns2", Status: "bogus"}
	rollover := State{Active: generation("a"), Next: generation("n"), Memory: Memory{Publish: true}}
	active := func(m Memory) State { m.Publish = true; return State{Active: generation("a"), Memory: m} }
	retire := func(m Memory) State {
		m.Publish = true
		return State{Active: generation("a"), Old: []Old{{Generation: *generation("o")}}, Memory: m}
	}
	sameRecord := func(id, of string, revoked bool) *Generation {
		return &Generation{ID: id, Key: id, Want: record(of), Revoked: revoked}
	}
	otherForm := State{Active: generation("a")}
	otherForm.Active.Also = []dane.Record{record("x")}
	for _, tt := range []struct {
		name  string
		state State
		looks []look
	}{
		{"the next key waits for caches, and again when a server loses its record", rollover, []look{
			{0, Seen{shown(usual, "a")}, Publish, 0, wantExpect("a")},
			{10 * time.Second, Seen{shown(usual, "a", "n")}, Wait, 10*time.Second + usual + Margin(usual), nil},
			{20 * time.Second, Seen{shown(usual, "a")}, Publish, 0, nil},
			{30 * time.Second, Seen{shown(usual, "a", "n")}, Wait, 30*time.Second + usual + Margin(usual), nil},
			{363 * time.Second, Seen{shown(usual, "a", "n")}, Switch, 0, nil},
		}},
		{"a record in another form that goes and comes back waits for caches again", otherForm, []look{
			{0, Seen{shown(usual, "x")}, Wait, usual + Margin(usual), wantCondition(Published)},
			{long, Seen{shown(usual, "x")}, Nothing, 0, wantCondition(Active)},
			{long + short, Seen{shown(0)}, Nothing, 0, wantCondition(New)},
			{2 * long, Seen{shown(usual, "x")}, Wait, 2*long + usual + Margin(usual), wantCondition(Published)},
		}},
		{"no switch while a server is silent", rollover, []look{
			{0, Seen{shown(usual, "a", "n")}, Wait, usual + Margin(usual), nil},
			{long, Seen{shown(usual, "a", "n"), silent}, Wait, long + again, nil},
		}},
		{"the longest answer without the record counts", rollover, []look{
			{0, Seen{shown(long, "a")}, Publish, 0, nil},
			{usual, Seen{shown(usual, "a"), with(shown(usual, "a", "n"), func(s *Server) { s.Name = "ns2" })}, Wait, usual + again, nil},
			{2 * usual, Seen{shown(usual, "a", "n")}, Wait, 2*usual + long + Margin(long), nil},
		}},
		{"a TTL that was made shorter", rollover, []look{
			{0, Seen{shown(long, "a", "n")}, Wait, long + Margin(long), nil},
			{long, Seen{shown(short, "a", "n")}, Wait, 2*long + Margin(long), nil},
		}},
		{"what a bogus answer hides may have the TTL that is wanted", State{Active: generation("a"), Next: generation("n"), Memory: Memory{Publish: true, TTL: long}}, []look{
			{0, Seen{shown(short, "a"), bogus}, Publish, 0, func(t *testing.T, s Step) {
				t.Helper()
				if hold := s.Memory.Shown[RecordID(record("n"))].Hold; hold != long {
					t.Error(hold)
				}
			}},
		}},
		{"publishing makes no TTL shorter", State{Active: generation("a"), Next: generation("n"), Memory: Memory{Publish: true, TTL: short}}, []look{
			{0, Seen{shown(usual, "a")}, Publish, 0, wantTTL(usual)},
		}},
		{"a stranger's record", active(Memory{}), []look{{0, Seen{shown(usual, "x")}, Nothing, 0, wantCode(CodeForeign)}}},
		{"a stranger's record, and somebody said that this is right", active(Memory{Beside: true}), []look{
			{0, Seen{shown(usual, "x")}, Publish, 0, wantExpect("x")},
		}},
		{"a record that vanished does not come back by itself", active(Memory{}), []look{
			{0, Seen{shown(usual, "a")}, Wait, usual + Margin(usual), nil},
			{long, Seen{shown(usual)}, Nothing, 0, wantCode(CodeVanished)},
			{2 * long, Seen{shown(usual)}, Nothing, 0, wantCondition(Missing)},
		}},
		{"a wanted TTL", active(Memory{TTL: short}), []look{{0, Seen{shown(usual, "a")}, Publish, 0, wantTTL(short)}}},
		{"no TTL for the record of a stranger", active(Memory{TTL: short}), []look{
			{0, Seen{shown(usual, "a", "x")}, Wait, usual + Margin(usual), nil},
		}},
		{"no prerequisite of a wildcard", active(Memory{Beside: true}), []look{
			{0, Seen{with(shown(usual, "x"), func(s *Server) { s.Wildcard = true })}, Publish, 0, wantExpect()},
		}},
		{"a withdrawn record that is still there", State{Active: generation("a"), Old: []Old{{Generation: *generation("o"), Settled: true}}, Memory: Memory{Publish: true, Withdrawn: map[string]bool{"o": true}}}, []look{
			{0, Seen{shown(usual, "a", "o")}, Remove, 0, wantExpect("a", "o")},
		}},
		{"two withdrawn keys of one record", State{Active: generation("a"), Old: []Old{
			{Generation: *sameRecord("o", "old", false), Settled: true}, {Generation: *sameRecord("p", "old", false), Settled: true},
		}, Memory: Memory{Publish: true, Withdrawn: map[string]bool{"o": true, "p": true}}}, []look{{0, Seen{shown(usual, "a", "old")}, Remove, 0, nil}}},
		{"two revoked keys of one record", State{Active: sameRecord("a", "r", true), Next: sameRecord("n", "r", true)}, []look{
			{0, Seen{shown(usual, "r")}, Remove, 0, nil},
		}},
		{"a revoked key whose record an active one needs", State{Active: sameRecord("a", "r", false), Old: []Old{{Generation: *sameRecord("o", "r", true), Settled: true}}, Memory: Memory{Publish: true}}, []look{
			{0, Seen{shown(usual, "r")}, Wait, usual + Margin(usual), nil},
		}},
		{"a revoked key in bogus answers", State{Active: revoked(generation("a"))}, []look{{0, Seen{bogus}, Remove, 0, nil}}},
		{"a revoked key of a wildcard", State{Active: revoked(generation("a"))}, []look{
			{0, Seen{with(shown(usual, "a"), func(s *Server) { s.Wildcard = true })}, Nothing, 0, wantCode(CodeWildcard)},
		}},
		{"a revoked key counts until the longest answer has left all caches", State{Active: revoked(generation("a"))}, []look{
			{0, Seen{shown(long, "a")}, Remove, 0, nil},
			{time.Second, Seen{shown(short, "a")}, Remove, 0, nil},
			{2 * time.Second, Seen{shown(short), silent}, Wait, 2*time.Second + again, wantCondition(Revoking)},
			{3 * time.Second, Seen{shown(short)}, Wait, 3*time.Second + long + Margin(long), wantCondition(Revoking)},
			{4*time.Second + long + Margin(long), Seen{shown(short)}, Nothing, 0, wantCondition(Revoked)},
		}},
		{"a revoked next key never signs", State{Active: generation("a"), Next: revoked(generation("n")), Memory: Memory{Publish: true}}, []look{
			{0, Seen{shown(usual, "a", "n")}, Remove, 0, nil},
			{long, Seen{shown(usual, "a")}, Nothing, 0, wantCondition(Active)},
		}},
		{"nobody said what becomes of the old record", retire(Memory{}), []look{
			{0, Seen{shown(usual, "a", "o")}, Wait, usual + Margin(usual), wantCode(CodeUndecided)},
			{long, Seen{shown(usual, "a", "o")}, Nothing, 0, wantCode(CodeUndecided)},
		}},
		{"the old record goes when mail has arrived", retire(Memory{Retention: Withdraw, OldFor: 2 * long, Switched: begin}), []look{
			{0, Seen{shown(usual, "a", "o")}, Wait, 2 * long, nil},
			{2 * long, Seen{shown(usual, "a", "o")}, Remove, 0, func(t *testing.T, s Step) {
				t.Helper()
				if !s.Memory.Withdrawn["o"] || s.Memory.Gone.Hold != usual {
					t.Errorf("%+v", s.Memory)
				}
			}},
		}},
		{"the old record stays for as long as caches have answers without the new one", retire(Memory{Retention: Withdraw, Switched: begin.Add(-usual)}), []look{
			{0, Seen{shown(usual, "a", "o")}, Wait, usual + Margin(usual), nil},
		}},
		{"the old record stays for as long as an answer lives", retire(Memory{Retention: Withdraw, Switched: begin.Add(10 * time.Second), Shown: map[string]Shown{RecordID(record("a")): {Since: begin.Add(-long), Once: true}}}), []look{
			{0, Seen{shown(usual, "a", "o")}, Wait, 10*time.Second + usual + Margin(usual), nil},
		}},
		{"times in the future begin again", retire(Memory{Retention: Withdraw, OldFor: long, Switched: begin.Add(10 * long), Gone: Gone{Since: begin.Add(10 * long), Hold: short}}), []look{
			{0, Seen{shown(usual, "a", "o")}, Wait, long, func(t *testing.T, s Step) {
				t.Helper()
				wantCode(CodeClock)(t, s)
				if s.Memory.Gone.Since != begin {
					t.Error(s.Memory.Gone)
				}
			}},
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			state := tt.state
			for _, l := range tt.looks {
				step := Next(state, l.seen, begin.Add(l.at))
				if step.Do != l.do || l.do == Wait && step.Until.Sub(begin) != l.until {
					t.Errorf("after %v: %s until %v (%s), want %s until %v", l.at, step.Do, step.Until.Sub(begin), step.Why, l.do, l.until)
				}
				if l.check != nil {
					l.check(t, step)
				}
				state.Memory = step.Memory
			}
		})
	}
}
