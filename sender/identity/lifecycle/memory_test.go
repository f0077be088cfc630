package lifecycle

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestMemoryComesBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		at := func(name string) time.Time {
			if s := rapid.IntRange(0, 1e6).Draw(t, name); s > 0 {
				return begin.Add(time.Duration(s) * time.Second)
			}
			return time.Time{}
		}
		length := func(name string) time.Duration {
			return time.Duration(rapid.IntRange(0, maxSeconds).Draw(t, name)) * time.Second
		}
		m := Memory{
			TTL: length("ttl"), TTLSent: at("ttl sent"), Publish: rapid.Bool().Draw(t, "publish"), Beside: rapid.Bool().Draw(t, "beside"),
			Retention: rapid.SampledFrom([]Retention{"", Keep, Withdraw}).Draw(t, "old"), OldFor: length("old for"), Switched: at("switched"),
			SeenTTL: length("seen"), Caches: at("caches"), Gone: Gone{at("gone"), length("hold"), at("replay")}, Ahead: at("ahead"),
			Others:    map[string]Rollover{"pq": {rapid.SampledFrom([]Retention{Keep, Withdraw}).Draw(t, "old of pq"), length("old for of pq"), at("switched of pq")}},
			Withdrawn: map[string]bool{"x": true},
			Shown:     map[string]Shown{"r": {at("sent"), at("removed"), rapid.Bool().Draw(t, "once"), at("since"), length("hold")}},
		}
		if rapid.Bool().Draw(t, "form") {
			m.Form = &Form{3, 1, 1}
		}
		text, err := m.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		back, err := ParseMemory(text)
		if err != nil || !reflect.DeepEqual(back, m) {
			t.Fatalf("%v\n%+v\n%+v", err, m, back)
		}
	})
}

func TestMemoryRefuses(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "x", "[]", `{"version":2}`, `{"version":1,"ttl":-1}`, `{"version":1,"old":"burn"}`, `{"version":1,"others":{"pq":{"old":"burn"}}}`, `{"version":1,"others":{"pq":{"old_for":-1}}}`, `{"version":1,"records":{"a":{"hold":9999999999}}}`, strings.Repeat(" ", MaxMemory+1)} {
		if m, err := ParseMemory([]byte(text)); err == nil || !reflect.DeepEqual(m, Memory{}) {
			t.Errorf("%.20q: %v", text, err)
		}
	}
}

func FuzzParseMemory(f *testing.F) {
	text, _ := Memory{TTL: time.Minute, Shown: map[string]Shown{"r": {Once: true}}}.Marshal()
	f.Add(text)
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := ParseMemory(text)
		if err != nil {
			return
		}
		s := Next(State{Active: generation("a"), Memory: m}, Seen{{Name: "ns", Status: Secure}}, begin)
		if s.Do == "" {
			t.Fatal("no step")
		}
	})
}

// TestCachesAreBounded: a time that a wrong clock wrote does not keep an identity waiting for
// longer than caches keep anything.
func TestCachesAreBounded(t *testing.T) {
	t.Parallel()
	m := Memory{Caches: begin.Add(365 * 24 * time.Hour)}
	if !m.notInFuture(begin, true) || m.Caches.After(begin.Add(8*24*time.Hour)) {
		t.Errorf("caches until %s", m.Caches)
	}
	// Where no signature is valid by the clock, that may be what is wrong.
	m = Memory{Caches: begin.Add(365 * 24 * time.Hour)}
	if m.notInFuture(begin, false) || !m.Caches.Equal(begin.Add(365*24*time.Hour)) {
		t.Errorf("caches until %s", m.Caches)
	}
	m = Memory{Caches: begin.Add(24 * time.Hour)}
	if m.notInFuture(begin, true) || !m.Caches.Equal(begin.Add(24*time.Hour)) {
		t.Errorf("caches until %s", m.Caches)
	}
}
