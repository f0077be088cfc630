package fleet

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dnseal/sender/identity"
)

// newInventory opens one in a folder of the test.
func newInventory(t *testing.T, path string) *Inventory {
	t.Helper()
	inv, err := OpenInventory(path)
	if err != nil {
		t.Fatal(err)
	}
	inv.Now = func() time.Time { return time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC) }
	t.Cleanup(func() { _ = inv.Close() })
	return inv
}

// TestInventory: what was noted is read again, in order, whatever is in it.
func TestInventory(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), DefaultInventory)
	inv := newInventory(t, path)
	for i := range 3 {
		e := Event{What: Enrolled, Name: fmt.Sprintf("sn%d._device.example.net", i), Row: map[string]string{"serial": strings.Repeat("<&\n\x00\u2028", i*9000)}}
		if err := inv.note(e); err != nil {
			t.Fatal(err)
		}
	}
	var names []string
	if err := inv.scan(func(e *Event) error {
		names = append(names, fmt.Sprintf("%s %d", e.Name[:3], len(e.Row["serial"])))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(names, ", "); got != "sn0 0, sn1 63000, sn2 126000" {
		t.Error(got)
	}
	if _, err := OpenInventory(path); !errors.Is(err, identity.ErrBusy) || identity.Hint(err) == "" {
		t.Errorf("opened twice: %v", err)
	}
}

// TestInventoryTorn: a last line that a crash has left is cut off, and said; what stands before it
// stays.
func TestInventoryTorn(t *testing.T) {
	t.Parallel()
	const whole = `{"time":"2026-11-30T12:00:00Z","event":"enrolled","name":"a.example"}` + "\n"
	for _, torn := range []string{`{"time`, "\x00\x00\x00", strings.Repeat("x", 2*maxLine)} {
		for _, before := range []string{"", whole, whole + whole} {
			path := filepath.Join(t.TempDir(), DefaultInventory)
			if err := os.WriteFile(path, []byte(before+torn), 0o600); err != nil {
				t.Fatal(err)
			}
			reading, err := ReadInventory(path)
			if err != nil || reading.size != int64(len(before)) {
				t.Errorf("%v, %v", reading, err)
			}
			_ = reading.Close()
			inv := newInventory(t, path)
			if text, e := os.ReadFile(path); e != nil || string(text) != before || !strings.Contains(inv.Note, "not whole") {
				t.Errorf("%q, %q, %v", text, inv.Note, e)
			}
			if err = inv.note(Event{What: Served}); err != nil {
				t.Error(err)
			}
			if text, err := os.ReadFile(path); err != nil || !bytes.HasPrefix(text, []byte(before+`{"time":"2026-11-30T12:00:00Z","event":"served"}`)) {
				t.Errorf("%q, %v", text, err)
			}
		}
	}
}

// TestInventoryDamaged: a line that cannot be read is told with its number, never skipped.
func TestInventoryDamaged(t *testing.T) {
	t.Parallel()
	const whole = `{"time":"2026-11-30T12:00:00Z","event":"enrolled","name":"a.example"}` + "\n"
	for line, want := range map[string]string{
		`{"event":"enr` + "\n":        "no JSON object",
		"\n":                          "no JSON object",
		`{"event":"enrolled"}` + "\n": "no name",
		`{"name":"a.example"}` + "\n": "no event",
		`{"event":"eaten","name":"a.example"}` + "\n": `unknown event "eaten"`,
		strings.Repeat("x", maxLine+70_000) + "\n":    "longer than",
		`{"event":"enrolled","name":7}` + "\n":        "no JSON object",
		`{"event":"served"}{"event":"served"}` + "\n": "no JSON object",
	} {
		path := filepath.Join(t.TempDir(), DefaultInventory)
		if err := os.WriteFile(path, []byte(whole+line+whole), 0o600); err != nil {
			t.Fatal(err)
		}
		inv := newInventory(t, path)
		_, err := inv.byName(nil)
		damaged, ok := errors.AsType[*DamagedError](err)
		if !ok || damaged.Line != 2 || !strings.Contains(err.Error(), want) || identity.Hint(err) == "" {
			t.Errorf("%q: %v, want %s", line[:min(len(line), 50)], err, want)
		}
	}
}

// TestIndex: what is put in is found, before and after the table grows.
func TestIndex(t *testing.T) {
	t.Parallel()
	x := newIndex(0)
	const many = 20_000
	for i := range many {
		at := x.add(digestOf(fmt.Sprint(i)))
		x.lines[at], x.states[at] = uint32(i), isThere|isEnrolled
	}
	for i := range many {
		if at, ok := x.find(digestOf(fmt.Sprint(i))); !ok || x.lines[at] != uint32(i) {
			t.Fatalf("%d is not there", i)
		}
		if _, ok := x.find(digestOf(fmt.Sprint("x", i))); ok {
			t.Fatalf("x%d is there", i)
		}
	}
	if x.used != many {
		t.Error(x.used)
	}
}

// FuzzEvent: a line that is read is written as one line that reads the same.
func FuzzEvent(f *testing.F) {
	f.Add([]byte(`{"time":"2026-11-30T12:00:00Z","event":"enrolled","name":"a.example","line":2,"row":{"serial":"a\nb"},"record":"3 1 1 00"}`))
	f.Add([]byte(`{"event":"served"}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		e, err := parseEvent(line)
		if err != nil {
			return
		}
		text, err := e.append(nil)
		if err != nil {
			return // a time that JSON cannot write
		}
		if bytes.Count(text, []byte("\n")) != 1 || text[len(text)-1] != '\n' {
			t.Fatalf("%q", text)
		}
		if again, err := parseEvent(text); err != nil || again.Name != e.Name || again.What != e.What || len(again.Row) != len(e.Row) {
			t.Fatalf("%q: %v", text, err)
		}
	})
}
