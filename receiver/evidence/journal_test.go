package evidence_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"dnseal/lookup/lookuptest"
	"dnseal/receiver"
	"dnseal/receiver/evidence"
	"dnseal/smime"
	"dnseal/smime/message"
)

// diary is a journal in tests, with its log.
type diary struct {
	*evidence.Journal
	opts evidence.JournalOptions
	mu   sync.Mutex
	now  time.Time
	log  bytes.Buffer
	kept []error
}

func (d *diary) Write(p []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.log.Write(p)
}

func (d *diary) text() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.log.String()
}

func (d *diary) set(now time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.now = now
}

func openDiary(t *testing.T, dir string, edit ...func(*evidence.JournalOptions)) *diary {
	t.Helper()
	d := &diary{now: clock}
	d.opts = evidence.JournalOptions{
		Dir: dir, Writer: "test", Log: slog.New(slog.NewTextHandler(d, nil)),
		Now: func() time.Time {
			d.mu.Lock()
			defer d.mu.Unlock()
			return d.now
		},
		Kept: func(err error) {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.kept = append(d.kept, err)
		},
	}
	for _, e := range edit {
		e(&d.opts)
	}
	var err error
	if d.Journal, err = evidence.OpenJournal(d.opts); err != nil {
		t.Fatal(err)
	}
	return d
}

// files are the summaries of what is in a folder, in the order of names.
func files(t *testing.T, dir string, w *world) []evidence.Summary {
	t.Helper()
	a, err := evidence.Open(dir, evidence.Options{Anchors: w.anchors})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	return a.Files()
}

// TestJournal: a file a day, sealed when the day ends, also where no message comes, and at the end;
// sets are once in each.
func TestJournal(t *testing.T) {
	t.Parallel()
	w, text, _ := one(t)
	r, by := judge(t, w.options(), text), evidence.JudgedBy(w.anchors, evidence.Policy{})
	dir := filepath.Join(t.TempDir(), "a", "[b]*")
	d := openDiary(t, dir)
	for range 3 {
		d.Add(r, by)
	}
	d.Flush()
	if got := files(t, dir, w); len(got) != 1 || got[0].Messages != 3 || got[0].Sealed != nil {
		t.Fatalf("%+v", got)
	}
	d.set(clock.AddDate(0, 0, 1))
	d.Add(r, by)
	d.Flush()
	d.set(clock.AddDate(0, 0, 2))
	d.Turn()
	d.Turn()
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	got := files(t, dir, w)
	if len(got) != 2 || got[0].Messages != 3 || got[1].Messages != 1 || got[0].Sealed == nil || got[1].Sealed == nil || got[0].Lines != got[1].Lines+2 {
		t.Errorf("%+v\n%s", got, d.text())
	}
	a, err := evidence.Open(dir, evidence.Options{Anchors: w.anchors, At: clock.AddDate(0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	opts := receiver.Options{Past: a.Past, Now: func() time.Time { return clock.AddDate(3, 0, 0) }}
	if r := judge(t, opts, text); r.Verdict != receiver.Pass {
		t.Errorf("%s %+v", line(r), r.Evidence)
	}
}

// TestJournalKilled: what a process left that was killed, in the middle of a line or not, is sealed
// at the next start; what another one writes, or somebody has edited, is left alone.
func TestJournalKilled(t *testing.T) {
	t.Parallel()
	w, text, file := one(t)
	dir := t.TempDir()
	lines := bytes.SplitAfter(file, []byte("\n"))
	unsealed := bytes.Join(lines[:len(lines)-2], nil)
	for name, content := range map[string][]byte{
		"killed": unsealed, "cut": append(bytes.Clone(unsealed), `{"messa`...), "edited": bytes.Replace(unsealed, []byte("pass"), []byte("fail"), 1),
		"sealed": file, "empty": nil,
	} {
		if err := os.WriteFile(filepath.Join(dir, name+".evidence"), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	busy := openDiary(t, dir)
	busy.Add(judge(t, w.options(), text), evidence.JudgedBy(w.anchors, evidence.Policy{}))
	busy.Flush()
	d := openDiary(t, dir)
	_ = d.Close()
	for name, sealed := range map[string]bool{"killed": true, "cut": true, "edited": false, "sealed": true} {
		a, err := evidence.Open(filepath.Join(dir, name+".evidence"), evidence.Options{Anchors: w.anchors})
		if (err == nil) != sealed || sealed && (a.Files()[0].Sealed == nil || a.Files()[0].Messages != 1) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if !strings.Contains(d.text(), "edited.evidence") || strings.Contains(d.text(), "20261124-") {
		t.Error(d.text())
	}
	_ = busy.Close()
}

// TestJournalRetention removes files that are older than Keep, whole, and nothing else.
func TestJournalRetention(t *testing.T) {
	t.Parallel()
	_, _, file := one(t)
	dir := t.TempDir()
	for name, age := range map[string]int{"old.evidence": 400, "new.evidence": 300, "old.txt": 400} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, file, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, clock.AddDate(0, 0, -age), clock.AddDate(0, 0, -age)); err != nil {
			t.Fatal(err)
		}
	}
	_ = openDiary(t, dir, func(o *evidence.JournalOptions) { o.Keep = 365 * 24 * time.Hour }).Close()
	left, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(left) != 2 || filepath.Base(left[0]) != "new.evidence" || filepath.Base(left[1]) != "old.txt" {
		t.Errorf("%q, %v", left, err)
	}
}

// TestJournalTrouble: where a file cannot be made that is told for each message and logged once a
// minute; the next message is tried again. A seal that cannot be proven is made without proof.
func TestJournalTrouble(t *testing.T) {
	t.Parallel()
	w, text, _ := one(t)
	r, by := judge(t, w.options(), text), evidence.JudgedBy(w.anchors, evidence.Policy{})
	dir := filepath.Join(t.TempDir(), "dir")
	d := openDiary(t, dir, func(o *evidence.JournalOptions) {
		o.Proof = func(*evidence.Seal, [sha256.Size]byte, io.ReaderAt) error { return errors.New("no time stamp today") }
	})
	if err := os.Rename(dir, dir+".away"); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		d.Add(r, by)
	}
	d.Flush()
	if err := os.Rename(dir+".away", dir); err != nil {
		t.Fatal(err)
	}
	d.Add(r, by)
	_ = d.Close()
	if len(d.kept) != 4 || d.kept[0] == nil || d.kept[2] == nil || d.kept[3] != nil || strings.Count(d.text(), "evidence is not kept") != 1 {
		t.Errorf("%v\n%s", d.kept, d.text())
	}
	if got := files(t, dir, w); len(got) != 1 || got[0].Sealed == nil || !strings.Contains(d.text(), "no time stamp today") {
		t.Errorf("%+v\n%s", got, d.text())
	}
}

// TestKeepHook: a receiver tells each message that it judged once, with what it rests on.
func TestKeepHook(t *testing.T) {
	t.Parallel()
	id, record := signer(t, "alice@example.org")
	w := start(t, clock, lookuptest.Zone{Origin: "example.org.", Text: record})
	opts := w.options()
	opts.Digests, opts.AuthservID = false, "mx.example.net"
	dir := t.TempDir()
	d := openDiary(t, dir)
	by := evidence.JudgedBy(w.anchors, evidence.PolicyOf(&opts))
	opts.Keep = func(_ context.Context, _ *message.Message, r *receiver.Report) { d.Add(r, by) }
	rec, err := receiver.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	signed, plain := sign(t, id, letter("alice@example.org", "kept"), smime.SignOptions{}), []byte(letter("alice@example.org", "plain"))
	var running sync.WaitGroup
	for range 8 {
		for _, text := range [][]byte{signed, plain} {
			m := parse(t, text)
			running.Go(func() { rec.Handle(t.Context(), m, nil) })
		}
	}
	running.Wait()
	_ = d.Close()
	if got := files(t, dir, w); len(got) != 1 || got[0].Messages != 8 || len(d.kept) != 8 {
		t.Errorf("%+v, %d", got, len(d.kept))
	}
}
