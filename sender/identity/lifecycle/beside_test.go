package lifecycle

import (
	"strings"
	"testing"
	"time"
)

func wantFolder(folder string) func(*testing.T, Step) {
	return func(t *testing.T, s Step) {
		t.Helper()
		if s.Folder != folder || folder != "" && !strings.HasPrefix(s.Why, folder+": ") {
			t.Errorf("folder %q (%s), want %q", s.Folder, s.Why, folder)
		}
	}
}

// TestBesideRules has one case for each rule about the other keys of a name, as TestRules has.
func TestBesideRules(t *testing.T) {
	t.Parallel()
	wait := usual + Margin(usual)
	week := Memory{Publish: true, Retention: Withdraw, OldFor: 7 * 24 * time.Hour, Switched: begin}
	other := func(active, next *Generation, old ...Old) []Beside {
		return []Beside{{Folder: "pq", Active: active, Next: next, Old: old}}
	}
	ofPQ := func(m Memory, r Rollover) Memory { m.SetRollover("pq", r); return m }
	undecided := func(t *testing.T, s Step) {
		t.Helper()
		wantCode(CodeUndecided)(t, s)
		if hint := s.Troubles[0].Hint; !strings.Contains(hint, "--which pq") {
			t.Error(hint)
		}
	}
	for _, tt := range []struct {
		name  string
		state State
		looks []look
	}{
		{"a next key is published and waits for caches", State{Active: generation("a"), Beside: other(generation("p"), generation("q")), Memory: Memory{Publish: true}}, []look{
			{0, Seen{shown(usual, "a", "p")}, Publish, 0, wantFolder("pq")},
			{time.Second, Seen{shown(usual, "a", "p", "q")}, Wait, wait, wantFolder("")},
			{wait, Seen{shown(usual, "a", "p", "q")}, Wait, time.Second + wait, wantFolder("pq")},
			{time.Second + wait, Seen{shown(usual, "a", "p", "q")}, Switch, 0, wantFolder("pq")},
		}},
		{"a server without the next record keeps the old key", State{Active: generation("a"), Beside: other(generation("p"), generation("q")), Memory: Memory{Publish: true}}, []look{
			{0, Seen{shown(usual, "a", "p")}, Publish, 0, nil},
			{time.Second, Seen{shown(usual, "a", "p", "q"), with(shown(usual, "a", "p"), func(s *Server) { s.Name = "ns2" })}, Wait, time.Second + again, nil},
		}},
		{"it does not wait for the key that signs", State{Active: generation("a"), Old: []Old{{Generation: *generation("o")}}, Beside: other(generation("p"), generation("q")), Memory: week}, []look{
			{0, Seen{shown(usual, "a", "o", "p")}, Publish, 0, wantFolder("pq")},
			{1, Seen{shown(usual, "a", "o", "p", "q")}, Wait, 1 + wait, wantFolder("pq")},
		}},
		{"nor that one for it", State{Active: generation("a"), Next: generation("n"), Beside: other(generation("q"), nil, Old{Generation: *generation("p")}), Memory: ofPQ(Memory{Publish: true}, Rollover{Withdraw, week.OldFor, begin})}, []look{
			{0, Seen{shown(usual, "a", "q", "p")}, Publish, 0, wantFolder("")},
			{1, Seen{shown(usual, "a", "n", "q", "p")}, Wait, 1 + wait, wantFolder("")},
		}},
		{"an old record goes when mail has arrived, and what was said of the other does not count", State{Active: generation("a"), Beside: other(generation("q"), nil, Old{Generation: *generation("p")}), Memory: ofPQ(Memory{Publish: true, Retention: Keep}, Rollover{Withdraw, long, begin})}, []look{
			{0, Seen{shown(usual, "a", "q", "p")}, Wait, wait, wantFolder("")},
			{wait, Seen{shown(usual, "a", "q", "p")}, Wait, long, wantFolder("pq")},
			{long, Seen{shown(usual, "a", "q", "p")}, Remove, 0, wantFolder("pq")},
			{long + 1, Seen{shown(usual, "a", "q")}, SettleOld, 0, wantFolder("pq")},
		}},
		{"nobody said what becomes of it", State{Active: generation("a"), Beside: other(generation("q"), nil, Old{Generation: *generation("p")}), Memory: Memory{Publish: true, Retention: Withdraw}}, []look{
			{wait, Seen{shown(usual, "a", "q", "p")}, Wait, 2 * wait, undecided},
		}},
		{"its time in the future begins again", State{Active: generation("a"), Beside: other(generation("q"), nil, Old{Generation: *generation("p")}), Memory: ofPQ(Memory{Publish: true}, Rollover{Withdraw, long, begin.Add(10 * long)})}, []look{
			{0, Seen{shown(usual, "a", "q", "p")}, Wait, wait, wantCode(CodeClock)},
			{wait, Seen{shown(usual, "a", "q", "p")}, Wait, long, wantFolder("pq")},
		}},
		{"nothing is published of it where the name is not", State{Active: generation("a"), Beside: other(generation("p"), generation("q"))}, []look{
			{0, Seen{shown(usual)}, Nothing, 0, wantCode(CodeNotShown)},
		}},
		{"one that was published by hand is rolled over", State{Active: generation("a"), Beside: other(generation("p"), generation("q"))}, []look{
			{0, Seen{shown(usual, "a", "p")}, Publish, 0, wantFolder("pq")},
		}},
		{"a revoked next key is withdrawn, and the switch is off", State{Active: generation("a"), Beside: other(generation("p"), revoked(generation("q"))), Memory: Memory{Publish: true}}, []look{
			{0, Seen{shown(usual, "a", "p", "q")}, Remove, 0, nil},
			{wait, Seen{shown(usual, "a", "p")}, Nothing, 0, nil},
		}},
		{"no key is left in its folder", State{Active: generation("a"), Beside: other(nil, nil, Old{Generation: *generation("p")}), Memory: Memory{Publish: true}}, []look{
			{0, Seen{shown(usual, "a", "p")}, Wait, wait, nil},
			{wait, Seen{shown(usual, "a", "p")}, Nothing, 0, nil},
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			state := tt.state
			for i, l := range tt.looks {
				s := Next(state, l.seen, begin.Add(l.at))
				if s.Do != l.do || l.do == Wait && !s.Until.Equal(begin.Add(l.until)) {
					t.Fatalf("look %d: %s until %v (%s) %v, want %s until %v", i, s.Do, s.Until.Sub(begin), s.Why, s.Troubles, l.do, l.until)
				}
				if l.check != nil {
					l.check(t, s)
				}
				state.Memory = s.Memory
			}
		})
	}
}
