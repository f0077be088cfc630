package fleet

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
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
		e := Event{What: Enrolled, Name: fmt.Sprintf("sn%d._device.example.net", i), Record: "3 1 1 00", Row: map[string]string{"serial": strings.Repeat("<&\n\x00\u2028", i*9000)}}
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
	const whole = `{"time":"2026-11-30T12:00:00Z","event":"enrolled","name":"a.example.net","record":"3 1 1 00"}` + "\n"
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
			if text, err := os.ReadFile(path); err != nil || !bytes.HasPrefix(text, []byte(before+`{"time":"2026-11-30T12:00:00Z","event":"served","sum":"2a10460e"}`)) {
				t.Errorf("%q, %v", text, err)
			}
		}
	}
}

// TestInventoryDamaged: a line that cannot be read is told with its number, never skipped.
func TestInventoryDamaged(t *testing.T) {
	t.Parallel()
	const whole = `{"time":"2026-11-30T12:00:00Z","event":"enrolled","name":"a.example.net","record":"3 1 1 00"}` + "\n"
	for line, want := range map[string]string{
		`{"event":"enr` + "\n":        "no JSON object",
		"\n":                          "no JSON object",
		`{"event":"enrolled"}` + "\n": "no name",
		`{"name":"a.example"}` + "\n": "no event",
		`{"event":"eaten","name":"a.example"}` + "\n": `unknown event "eaten"`,
		strings.Repeat("x", maxLine+70_000) + "\n":    "longer than",
		`{"event":"enrolled","name":7}` + "\n":        "no JSON object",
		`{"event":"served"}{"event":"served"}` + "\n": "no JSON object",
		`{"event":"served","sum":"00000000"}` + "\n":  "its text has the sum",
		// What would be syntax of a zone file, or no record.
		`{"event":"enrolled","name":"b.example.net","record":"3 1 1 00\n@ NS evil.example."}` + "\n": "its record is",
		`{"event":"enrolled","name":"b.example.net","record":"3 1 1 0 0"}` + "\n":                    "its record is",
		`{"event":"enrolled","name":"b.example.net","record":"3  1 1 00"}` + "\n":                    "its record is",
		`{"event":"enrolled","name":"b.example.net","record":"3 1 1 0g"}` + "\n":                     "its record is",
		`{"event":"enrolled","name":"b.example.net","record":"3 1 1 00","ttl":-1}` + "\n":            "its TTL is",
		`{"event":"enrolled","name":"b.example.net\n$INCLUDE x","record":"3 1 1 00"}` + "\n":         "its name is",
		`{"event":"enrolled","name":"B.example.net","record":"3 1 1 00"}` + "\n":                     "its name is",
		`{"event":"enrolled","name":"b.example.net"}` + "\n":                                         "its record is",
		`{"event":"retired","name":"a.example.net","record":"3 1 1 00","others":["x"]}` + "\n":       "its record is",
		`{"event":"published","name":"b.example.net"}` + "\n":                                        "which no line above enrolled",
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

// TestInventoryLastLine: a whole last line whose end was lost counts, and what comes after it
// stands on its own line.
func TestInventoryLastLine(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), DefaultInventory)
	inv := newInventory(t, path)
	for _, name := range []string{"a.example.net", "b.example.net"} {
		if err := inv.note(Event{What: Enrolled, Name: name, Record: "3 1 1 00"}); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(inv.file.Truncate(inv.size-1), inv.Close()); err != nil {
		t.Fatal(err)
	}
	active := func(inv *Inventory) int {
		s, err := inv.Status(0)
		if err != nil {
			t.Error(err)
		}
		return s.Active
	}
	reading, err := ReadInventory(path)
	if err != nil || active(reading) != 2 {
		t.Error(err)
	}
	_ = reading.Close()
	if inv = newInventory(t, path); inv.Note == "" || active(inv) != 2 {
		t.Error(inv.Note)
	}
	if err = inv.note(Event{What: Enrolled, Name: "c.example.net", Record: "3 1 1 00"}); err != nil || active(inv) != 3 {
		t.Error(err)
	}
}

// TestInventoryTwice: a line that stands there twice changes nothing; one that would bring back
// what was retired is damage.
func TestInventoryTwice(t *testing.T) {
	t.Parallel()
	path, lines := everything(t)
	want := facts(t, path)
	retired := 0
	for i := range lines {
		twice := slices.Insert(slices.Clone(lines), i, lines[i])
		if err := os.WriteFile(path, []byte(strings.Join(twice, "")), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := facts(t, path); got != want {
			t.Errorf("line %d twice: %s\nwant %s", i+1, got, want)
		}
		if !strings.Contains(lines[i], `"event":"enrolled"`) && !strings.Contains(lines[i], `"event":"retired"`) {
			continue
		}
		// A copy of an old line at the end.
		if err := os.WriteFile(path, []byte(strings.Join(lines, "")+lines[i]), 0o600); err != nil {
			t.Fatal(err)
		}
		got := facts(t, path)
		if strings.Contains(got, "damaged") {
			retired++
		} else if got != want {
			t.Errorf("line %d again: %s\nwant %s", i+1, got, want)
		}
	}
	if retired != 1 {
		t.Errorf("%d lines are damage as copies at the end", retired)
	}
}

// TestInventoryFlipped: whichever bit of an inventory is another one, that is said, or changes
// nothing.
func TestInventoryFlipped(t *testing.T) {
	t.Parallel()
	path, lines := everything(t)
	want := facts(t, path)
	text := []byte(strings.Join(lines, ""))
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	said := 0
	for i, c := range text {
		for bit := range 8 {
			if _, err = f.WriteAt([]byte{c ^ 1<<bit}, int64(i)); err != nil {
				t.Fatal(err)
			}
			switch got := facts(t, path); {
			case strings.Contains(got, "damaged"), strings.Contains(got, "not whole"):
				said++
			case got != want:
				t.Errorf("octet %d, bit %d: %s", i, bit, got)
			}
		}
		if _, err = f.WriteAt([]byte{c}, int64(i)); err != nil {
			t.Fatal(err)
		}
	}
	if said < len(text)*7 {
		t.Errorf("%d of %d are said", said, len(text)*8)
	}
}

// everything is an inventory with an event of each kind, and its lines.
func everything(t *testing.T) (string, []string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), DefaultInventory)
	inv := newInventory(t, path)
	name := func(n int) string { return fmt.Sprintf("sn-%d._device.example.net", n) }
	events := []Event{{What: KeysIn, File: "keys"}, {What: ZoneIn, File: "zone", Mark: "12"}}
	for i := range 3 {
		events = append(events, Event{What: Enrolled, Name: name(i), Line: i + 2, Row: map[string]string{"serial": "SN"}, Key: "0123", Record: fmt.Sprintf("3 1 1 0%d", i), TTL: 300, NotAfter: time.Date(2030, 1, i+1, 0, 0, 0, 0, time.UTC), At: int64(i*100 + 80), Size: 100})
	}
	events = append(events, Event{What: Ran, Count: 3, Failed: 1}, Event{What: Written, File: "zone", Serial: 7, Count: 3},
		Event{What: Published, Name: name(0), Zone: "example.net."}, Event{What: Published, Name: name(1)}, Event{What: Served, Count: 2},
		Event{What: Retire, Name: name(1), Record: "3 1 1 01", Others: []string{"3 0 0 aa"}}, Event{What: Withdrawn, Name: name(1)})
	for i := range events {
		inv.Now = func() time.Time { return time.Date(2026, 11, 30, 12, 0, i, 0, time.UTC) }
		if err := inv.note(events[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := inv.Close(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(text), "\n")
	return path, lines[:len(lines)-1]
}

// facts are what matters of an inventory: who is enrolled with what, what is counted, what is to be
// withdrawn, and where keys and zone files are.
func facts(t *testing.T, path string) string {
	t.Helper()
	inv, err := ReadInventory(path)
	if err != nil {
		return err.Error()
	}
	defer inv.Close()
	inv.Now = func() time.Time { return time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC) }
	var each []string
	err = inv.Each(func(e Event) error { each = append(each, fmt.Sprintf("%+v\n", e)); return nil })
	if err != nil {
		return err.Error() // all others read the same lines
	}
	s, err2 := inv.Status(time.Hour)
	var changes []string
	p := &publishing{inv: inv, zoneIDs: map[string]uint64{}}
	err3 := p.read()
	if err3 == nil {
		err3 = p.each(func(n *noted) error { changes = append(changes, fmt.Sprintf("%+v", n.change)); return nil })
	}
	k, err4 := inv.zoneFile("zone")
	end, last, err5 := inv.endOfKeys("keys")
	slices.Sort(each)
	slices.Sort(changes)
	return fmt.Sprintf("%s %+v %s %+v %d %s %s %v", each, s, changes, k, end, last, inv.Note, errors.Join(err2, err3, err4, err5))
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
