package evidence

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"dnseal/lookup"
)

// JournalOptions are for OpenJournal. Dir is required.
type JournalOptions struct {
	// Dir is the folder, which is made where it is missing.
	Dir string
	// Writer names the program.
	Writer string
	// Keep is how long files are kept after they were sealed; 0: for ever.
	Keep time.Duration
	// Proof, where it is not nil, adds what proves a seal. When it fails the file is sealed
	// without.
	Proof Proof
	// Own, where it is not nil, looks up the records of who signs seals by Proof. They are in the
	// file, so that a reader needs no other proof of the name.
	Own func() *lookup.Result
	// Log is told what was done and what went wrong; nil: slog.Default.
	Log *slog.Logger
	// Kept, where it is not nil, is called for each message when it was written, with the error
	// that it was not kept for.
	Kept func(err error)
	// Now is the clock; nil: time.Now.
	Now func() time.Time
}

// Journal keeps evidence as it comes, in a file a day (UTC). Each file belongs to one process. It
// is sealed when the day ends, at Close, and, where the process was stopped, when the next one
// begins. It is safe for concurrent use.
//
// Messages do not wait for the file: they are written in the order in which they come, those of 10
// milliseconds together. A process that is killed loses those, and a machine without power those of
// the last minute.
type Journal struct {
	opts     JournalOptions
	queue    chan waiting
	hurry    chan struct{} // what waits is to be written now
	patience time.Duration
	mu       sync.Mutex
	today    *dayFile
	sealing  sync.WaitGroup // files of days that ended
	closing  chan struct{}  // closed by Close
	running  sync.WaitGroup // tick and write

	logging sync.Mutex
	failed  time.Time // when an error was logged last
}

// dayFile is the file of one day.
type dayFile struct {
	*Writer
	file *os.File
	day  string
}

// OpenJournal begins a journal: it seals the files in the folder that no process writes, and
// removes those that are older than Keep. The first file is made with the first message. Errors:
// the folder cannot be made or read.
func OpenJournal(opts JournalOptions) (*Journal, error) {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Log == nil {
		opts.Log = slog.Default()
	}
	if err := os.MkdirAll(opts.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("evidence: %w", err)
	}
	j := &Journal{opts: opts, closing: make(chan struct{}), queue: make(chan waiting, maxWaiting), hurry: make(chan struct{}, 1), patience: patience}
	if err := j.tidy(); err != nil {
		return nil, err
	}
	j.running.Go(j.tick)
	j.running.Go(j.write)
	return j, nil
}

// tick seals the file of a day that is over, also when no message comes, and writes the one of
// today to disk.
func (j *Journal) tick() {
	each := time.NewTicker(time.Minute)
	defer each.Stop()
	day := dayOf(j.opts.Now())
	for {
		select {
		case <-j.closing:
			return
		case <-each.C:
		}
		j.Turn()
		if now := dayOf(j.opts.Now()); now != day {
			day = now
			if err := j.tidy(); err != nil {
				j.opts.Log.Error("evidence is not tidied", slog.String("dir", j.opts.Dir), slog.String("error", err.Error()))
			}
		}
	}
}

// Turn seals the file of a day that is over, and has what was written to that of today put on disk.
// Messages do not wait for the disk.
func (j *Journal) Turn() {
	f := j.turn()
	if f == nil {
		return
	}
	// It may be sealed and closed meanwhile, which puts it on disk, too.
	if err := f.file.Sync(); err != nil && !errors.Is(err, os.ErrClosed) {
		j.trouble("evidence is not on disk", err)
	}
}

// turn seals the file of a day that is over, and returns that of today; nil: there is none.
func (j *Journal) turn() *dayFile {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.today != nil && j.today.day != dayOf(j.opts.Now()) {
		j.end()
	}
	if j.today != nil {
		if err := j.today.there(); err != nil {
			j.trouble("evidence goes on in another file", err)
			j.end()
		}
	}
	return j.today
}

// there reports whether the file can still be found by its name.
func (f *dayFile) there() error {
	own, err := f.file.Stat()
	if err != nil {
		return fmt.Errorf("evidence: %w", err)
	}
	if named, err := os.Stat(f.file.Name()); err != nil || !os.SameFile(own, named) {
		return fmt.Errorf("evidence: the file of %d messages was removed, or moved, while it was written", f.Messages())
	}
	return nil
}

func dayOf(t time.Time) string { return t.UTC().Format("20060102") }

// add writes messages to the file of today. mu is held.
func (j *Journal) add(batch ...kept) error {
	now := j.opts.Now()
	if j.today != nil && j.today.day != dayOf(now) {
		j.end()
	}
	err := j.begin(now)
	if err == nil {
		err = j.today.add(batch...)
	}
	if err != nil && j.today != nil {
		// What was written of it goes, so that the file stays whole.
		if cut := j.today.file.Truncate(j.today.Size()); cut != nil {
			_ = j.today.file.Close() // it is sealed at the next start
			j.today = nil
		}
	}
	return err
}

// begin makes the file of today, where there is none.
func (j *Journal) begin(now time.Time) error {
	if j.today != nil {
		return nil
	}
	var random [4]byte
	_, _ = rand.Read(random[:]) // never fails
	name := filepath.Join(j.opts.Dir, dayOf(now)+"-"+hex.EncodeToString(random[:])+Extension)
	file, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("evidence: %w", err)
	}
	if err = lock(file); err == nil {
		var w *Writer
		if w, err = NewWriter(file, j.opts.Writer, now); err == nil {
			j.today = &dayFile{Writer: w, file: file, day: dayOf(now)}
			return nil
		}
	}
	_ = file.Close()
	_ = os.Remove(name) // it holds no message
	return fmt.Errorf("evidence: %w", err)
}

// trouble logs an error, at most once a minute.
func (j *Journal) trouble(what string, err error) {
	j.logging.Lock()
	defer j.logging.Unlock()
	now := j.opts.Now()
	if d := now.Sub(j.failed); d >= 0 && d < time.Minute {
		return
	}
	j.failed = now
	j.opts.Log.Error(what, slog.String("dir", j.opts.Dir), slog.String("error", err.Error()))
}

// Close writes what waits, seals the file of today, and waits until all are sealed. What is added
// later is not kept. It is to be called once.
func (j *Journal) Close() error {
	close(j.closing)
	j.running.Wait()
	j.mu.Lock()
	if j.today != nil {
		j.end()
	}
	j.mu.Unlock()
	j.sealing.Wait()
	return nil
}
