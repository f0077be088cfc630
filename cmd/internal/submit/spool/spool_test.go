package spool

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

var at = time.Date(2026, 11, 30, 14, 23, 0, 0, time.UTC)

func open(t *testing.T, limits Limits) *Spool {
	t.Helper()
	now := at
	s, err := Open(filepath.Join(t.TempDir(), "spool"), limits, func() time.Time { now = now.Add(time.Second); return now })
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func text(s string) func(io.Writer) error {
	return func(w io.Writer) error { _, err := io.WriteString(w, s); return err }
}

func add(t *testing.T, s *Spool, body string) *Entry {
	t.Helper()
	e, err := s.Add(Envelope{From: "a@example.org", To: []string{"b@example.org"}, Spooled: at, Size: int64(len(body))}, text(body))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// TestSpool: what is added is listed, the oldest first, with what is updated, until it is removed.
func TestSpool(t *testing.T) {
	t.Parallel()
	s := open(t, Limits{Bytes: 1 << 20, Messages: 10})
	first, second := add(t, s, "one\r\n"), add(t, s, "two\r\n")
	second.Envelope.Attempts, second.Envelope.Last, second.Envelope.Refused = 3, "550 5.7.1 no", true
	if err := s.Update(second); err != nil {
		t.Fatal(err)
	}
	entries, damaged, _ := s.List()
	if len(entries) != 2 || damaged != nil || entries[0].Name != first.Name || !reflect.DeepEqual(entries[1].Envelope, second.Envelope) {
		t.Fatalf("%+v, %v", entries, damaged)
	}
	f, err := entries[0].Open()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if got, _ := io.ReadAll(f); string(got) != "one\r\n" {
		t.Errorf("%q", got)
	}
	for _, e := range entries {
		if err := s.Remove(e); err != nil {
			t.Fatal(err)
		}
	}
	if entries, damaged, _ = s.List(); len(entries)+len(damaged) > 0 {
		t.Errorf("%v, %v", entries, damaged)
	}
}

// TestFull: what does not fit is not in the spool, and what is there stays.
func TestFull(t *testing.T) {
	t.Parallel()
	for what, limits := range map[string]Limits{"messages": {Bytes: 1 << 20, Messages: 1}, "bytes": {Bytes: 2*overhead + 9, Messages: 9}} {
		s := open(t, limits)
		add(t, s, "one\r\n")
		if _, err := s.Add(Envelope{From: "a@b", To: []string{"c@d"}, Size: 5}, text("two\r\n")); !errors.Is(err, ErrFull) ||
			what == "bytes" && !strings.Contains(err.Error(), "with this message of 5 bytes it would hold 16394, with 8192 counted for each message beside its own, and may hold 16393") {
			t.Errorf("%s: %v", what, err)
		}
		if entries, _, _ := s.List(); len(entries) != 1 {
			t.Errorf("%s: %d messages", what, len(entries))
		}
	}
}

// TestUnfinished: a message of which writing failed, or whose process ended, is not there, and its
// remains go with the next one.
func TestUnfinished(t *testing.T) {
	t.Parallel()
	s := open(t, Limits{Bytes: 1 << 20, Messages: 10})
	full := errors.New("no space left")
	if _, err := s.Add(Envelope{To: []string{"c@d"}, Size: 5}, func(io.Writer) error { return full }); !errors.Is(err, full) {
		t.Error(err)
	}
	remains := filepath.Join(s.dir, unfinished+"x")
	if err := os.MkdirAll(remains, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(remains, messageFile), []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if entries, damaged, _ := s.List(); len(entries)+len(damaged) > 0 {
		t.Errorf("%v, %v", entries, damaged)
	}
	add(t, s, "one\r\n")
	if _, err := os.Stat(remains); !os.IsNotExist(err) {
		t.Errorf("%v", err)
	}
}

// TestDamaged: a folder that is no whole message is told, and the others are there.
func TestDamaged(t *testing.T) {
	t.Parallel()
	for want, damage := range map[string]func(folder string) error{
		"envelope: line 2: ": func(f string) error {
			return os.WriteFile(filepath.Join(f, envelopeFile), []byte("From: <a@b>\nTo: c\n"), 0o600)
		},
		"envelope: it needs":                           func(f string) error { return os.Truncate(filepath.Join(f, envelopeFile), 0) },
		"message.eml has 2 bytes, and the message had": func(f string) error { return os.Truncate(filepath.Join(f, messageFile), 2) },
		"message.eml: no such file":                    func(f string) error { return os.Remove(filepath.Join(f, messageFile)) },
		"envelope: no such file":                       func(f string) error { return os.Remove(filepath.Join(f, envelopeFile)) },
	} {
		s := open(t, Limits{Bytes: 1 << 20, Messages: 10})
		bad := add(t, s, "one\r\n")
		good := add(t, s, "two\r\n")
		if err := damage(bad.folder); err != nil {
			t.Fatal(err)
		}
		entries, damaged, _ := s.List()
		if len(entries) != 1 || len(damaged) != 1 || !damaged[0].Lasting || damaged[0].Name != bad.Name || !strings.Contains(damaged[0].Cause.Error(), want) {
			t.Errorf("%s: %v, %v", want, entries, damaged)
		}
		where, err := s.SetAside(bad.Name, "damaged:\nso")
		reason, _ := os.ReadFile(filepath.Join(where, reasonFile))
		if entries, damaged, _ = s.List(); err != nil || string(reason) != "damaged: so\n" || len(damaged) > 0 || entries[0].Name != good.Name {
			t.Errorf("%s: %v, %q, %v", want, err, reason, damaged)
		}
	}
}

// TestUnsure: a sync that fails after the message is in the spool does not say that it is not, or
// that it was not taken out: either would send it twice.
func TestUnsure(t *testing.T) {
	t.Parallel()
	s := open(t, Limits{Bytes: 1 << 20, Messages: 10})
	broken := errors.New("input/output error")
	s.sync = func(folder string) error {
		if folder == s.dir {
			return broken
		}
		return nil
	}
	e := add(t, s, "one\r\n")
	if entries, _, _ := s.List(); len(entries) != 1 || !errors.Is(e.Unsure, broken) {
		t.Errorf("%v, %v", entries, e.Unsure)
	}
	if err := s.Remove(e); !errors.Is(err, broken) || s.Has(e) {
		t.Errorf("%v, there: %v", err, s.Has(e))
	}
}

// TestOld: a message is old when the spool was at work for its limit, whatever the clock says.
func TestOld(t *testing.T) {
	t.Parallel()
	now := time.Unix(60, 0) // 1970
	s, err := Open(filepath.Join(t.TempDir(), "spool"), Limits{Bytes: 1 << 20, Messages: 10, Expire: 100 * time.Hour}, func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	e := add(t, s, "one\r\n")
	pass := func(step time.Duration) bool {
		t.Helper()
		now = now.Add(step)
		old := s.Old(e)
		if err := s.Count([]*Entry{e}); err != nil {
			t.Fatal(err)
		}
		return old
	}
	for what, step := range map[string]time.Duration{"the clock is set": 56 * 365 * 24 * time.Hour, "a month without power": 30 * 24 * time.Hour} {
		if pass(step) {
			t.Errorf("%s: old", what)
		}
	}
	if pass(-10*365*24*time.Hour) || pass(9*time.Hour) || pass(9*time.Hour) {
		t.Error("old after a clock that goes back")
	}
	// another message does not inherit the age, nor does it when the file of the clock is lost
	if err := os.Truncate(filepath.Join(s.dir, clockFile), 0); err != nil {
		t.Fatal(err)
	}
	second := add(t, s, "two\r\n")
	for range 10 {
		if pass(9*time.Hour) || s.Old(second) {
			t.Error("old too early")
		}
	}
	for range 4 {
		pass(9 * time.Hour)
	}
	if !s.Old(e) || !s.Old(second) {
		t.Error("not old after its time")
	}
	if err := s.Count(nil); err != nil || s.has(clockFile) {
		t.Error("the clock stays in an empty spool", err)
	}
}

// TestDead: dead messages make room for new ones, the oldest first, and one that is moved back is
// as new.
func TestDead(t *testing.T) {
	t.Parallel()
	s := open(t, Limits{Bytes: 1 << 20, Messages: 3, Expire: time.Hour})
	var names []string
	for range 3 {
		e := add(t, s, "one\r\n")
		e.Envelope.Refused = true
		if err := s.Update(e); err != nil {
			t.Fatal(err)
		}
		names = append(names, e.Name)
		if _, err := s.SetAside(e.Name, "no"); err != nil {
			t.Fatal(err)
		}
	}
	if e := add(t, s, "two\r\n"); !reflect.DeepEqual(e.Dropped, names[:1]) {
		t.Errorf("%q", e.Dropped)
	}
	back := filepath.Join(s.dir, names[2])
	if err := os.Rename(filepath.Join(s.dir, deadFolder, names[2]), back); err != nil {
		t.Fatal(err)
	}
	entries, _, _ := s.List()
	if len(entries) != 2 || !entries[0].Returned || s.Return(entries[0], entries) != nil {
		t.Fatalf("%+v", entries)
	}
	entries, _, _ = s.List()
	if entries[0].Returned || entries[0].Envelope.Refused {
		t.Errorf("%+v", entries[0])
	}
	if e := add(t, s, "three"); !reflect.DeepEqual(e.Dropped, names[1:2]) {
		t.Errorf("%q", e.Dropped)
	}
	if _, err := s.Add(Envelope{To: []string{"c@d"}, Size: 5}, text("four\n")); !errors.Is(err, ErrFull) {
		t.Error(err)
	}
}

// TestLock: one delivers at a time.
func TestLock(t *testing.T) {
	t.Parallel()
	s := open(t, Limits{})
	unlock, ok, err := s.Lock()
	if !ok || err != nil {
		t.Fatal(ok, err)
	}
	if _, twice, wrong := s.Lock(); twice || wrong != nil {
		t.Error("locked twice", wrong)
	}
	unlock()
	unlock, ok, err = s.Lock()
	if !ok || err != nil {
		t.Fatal(ok, err)
	}
	unlock()
}

func FuzzEnvelope(f *testing.F) {
	f.Add([]byte("From: <>\nTo: <b@example.org>\nTo: <\"a b\"@example.org>\nSpooled: 2026-11-30T14:23:00Z\nSince: 30h0m1.5s\nSize: 21\nAttempts: 2\nLast: 451 4.3.0 later\nRefused: yes\n"))
	f.Add([]byte("From: <a\nTo: x\n"))
	f.Add([]byte("To: <a@b>\nTo: <>\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		v, err := ReadEnvelope(bytes.NewReader(in))
		if err != nil {
			return
		}
		var b bytes.Buffer
		if err = v.write(&b); err != nil {
			t.Fatal(err)
		}
		again, err := ReadEnvelope(&b)
		if err != nil {
			t.Fatalf("%q: %v", in, err)
		}
		// what is written is one line, and times are in UTC
		v.Last, v.Spooled = oneLine(v.Last), v.Spooled.UTC().Truncate(time.Second)
		again.Spooled = again.Spooled.UTC()
		if !reflect.DeepEqual(v, again) {
			t.Fatalf("%q: %+v, %+v", in, v, again)
		}
	})
}

// TestPause: pauses grow up to a limit, and are kept; one of a clock that was wrong is none.
func TestPause(t *testing.T) {
	t.Parallel()
	s := open(t, Limits{})
	if p := s.Pause(); !p.Over(at) || p.Failures != 0 {
		t.Fatalf("%+v", p)
	}
	var p Pause
	for i := range 40 {
		usual := min(firstPause<<min(i, 20), longestPause)
		p = p.After(at)
		if d := p.Until.Sub(at); d < usual/2-time.Second || d >= usual*3/2 || p.Over(at) || !p.Over(p.Until) {
			t.Fatalf("pause %d: %v, want about %v", i, d, usual)
		}
	}
	if err := s.SetPause(p); err != nil {
		t.Fatal(err)
	}
	if got := s.Pause(); got != p {
		t.Errorf("%+v, want %+v", got, p)
	}
	if !p.Over(at.Add(-30 * 24 * time.Hour)) {
		t.Error("a clock that goes back keeps the pause")
	}
	if err := s.SetPause(Pause{}); err != nil || s.Pause() != (Pause{}) {
		t.Error(err)
	}
}
