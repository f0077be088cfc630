package evidence

import (
	"bytes"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"dnseal/lookup"
	"dnseal/lookup/dane"
	"dnseal/lookup/dnssec"
	"dnseal/receiver"
)

// heard is a log that is read while it is written.
type heard struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (h *heard) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.text.Write(p)
}

func (h *heard) String() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.text.String()
}

// openPlain opens a journal; add adds a message and waits until it is written.
func openPlain(t *testing.T, dir string, edit func(*JournalOptions)) (j *Journal, log *heard, add func()) {
	t.Helper()
	log = new(heard)
	added := make(chan error, 1)
	opts := JournalOptions{Dir: dir, Kept: func(err error) { added <- err }, Log: slog.New(slog.NewTextHandler(log, nil))}
	if edit != nil {
		edit(&opts)
	}
	var err error
	if j, err = OpenJournal(opts); err != nil {
		t.Fatal(err)
	}
	report := &receiver.Report{Digests: &receiver.Digests{Message: hashOf(nil).String(), Objects: []string{hashOf(nil).String()}}, CheckedAt: time.Now()}
	return j, log, func() {
		j.Add(report, JudgedBy(nil, Policy{}))
		<-added
	}
}

// keptIn counts the messages in the sealed files of a folder.
func keptIn(t *testing.T, dir string) (messages int) {
	t.Helper()
	a, err := Open(dir, Options{})
	if err != nil {
		t.Error(err)
		return 0
	}
	defer a.Close()
	for _, f := range a.Files() {
		if messages += f.Messages; f.Sealed == nil {
			t.Errorf("%s is not sealed", f.Name)
		}
	}
	return messages
}

// TestJournalRemoved: where somebody removes the folder, or the file, that is noticed at the next
// Turn, each minute: it is said, and evidence goes on in a new file. It is never said that a file
// was sealed that is no longer there.
func TestJournalRemoved(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "dir")
	j, log, add := openPlain(t, dir, nil)
	add()
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	j.Turn()
	if !strings.Contains(log.String(), "level=ERROR") {
		t.Errorf("nothing is said: %s", log)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	add()
	_ = j.Close()
	if got := keptIn(t, dir); got != 1 {
		t.Errorf("%d messages", got)
	}
	if n := strings.Count(log.String(), `msg="evidence sealed"`); n != 1 {
		t.Errorf("%d files are said to be sealed: %s", n, log)
	}
}

// TestRetentionOfOthers: a file that another process writes is not removed, however long it has
// written nothing to it.
func TestRetentionOfOthers(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	busy, _, add := openPlain(t, dir, nil)
	add()
	old := time.Now().Add(-2 * time.Hour)
	names, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(names) != 1 || os.Chtimes(names[0], old, old) != nil {
		t.Fatalf("%q, %v", names, err)
	}
	other, _, _ := openPlain(t, dir, func(o *JournalOptions) { o.Keep = time.Hour })
	_ = other.Close()
	add()
	_ = busy.Close()
	if got := keptIn(t, dir); got != 2 {
		t.Errorf("%d messages", got)
	}
}

// once fails once, after some octets.
type once struct {
	*os.File
	room   int
	failed bool
}

func (o *once) Write(p []byte) (int, error) {
	if o.failed {
		return o.File.Write(p)
	}
	o.failed = true
	n, _ := o.File.Write(p[:min(o.room, len(p))])
	return n, io.ErrShortWrite
}

// TestSealAfterFailure: a lookup for the seal that was written in part, because the disk was full
// for a moment, does not stay before the seal.
func TestSealAfterFailure(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j, _, add := openPlain(t, dir, func(o *JournalOptions) {
		o.Own = func() *lookup.Result {
			return &lookup.Result{Name: "a.example.", Type: dane.TLSA, Code: "x", At: time.Now(), Answer: new(dnssec.Answer)}
		}
	})
	add()
	j.mu.Lock()
	j.today.out = &once{File: j.today.file, room: 20}
	j.mu.Unlock()
	_ = j.Close()
	if got := keptIn(t, dir); got != 1 {
		t.Errorf("%d messages", got)
	}
}

// TestLeftNotSealed: where the seal of a file that was left cannot be written, that alone is said.
func TestLeftNotSealed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j, _, add := openPlain(t, dir, nil)
	add()
	name := j.today.file.Name()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	_ = j.Close()
	if err := os.WriteFile(name, text, 0o600); err != nil {
		t.Fatal(err)
	}
	j, log, _ := openPlain(t, t.TempDir(), nil)
	defer j.Close()
	j.opts.Proof = func(seal *Seal, _ [32]byte, _ io.ReaderAt) error {
		seal.Token = make([]byte, maxLine) // the line is over its limit
		return nil
	}
	j.opts.Dir = dir
	_ = j.tidy()
	if strings.Contains(log.String(), "is sealed\"") {
		t.Error(log)
	}
}
