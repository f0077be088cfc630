// Package spool keeps signed messages in a folder until a server has taken them. Each message is a
// folder of two files that a person can read, the message and its envelope:
//
//	DIR/20261130T142300.000000000Z-7m2xk4/message.eml
//	DIR/20261130T142300.000000000Z-7m2xk4/envelope
//
// The folder of a message is written under another name, synchronised with the disk, and then
// renamed: after a crash a message is there as a whole or not at all. What was not finished is
// removed when the next message comes. One process adds at a time ("adding"), and one delivers
// ("lock"): where the system has flock, both are locks that end with their process.
//
// What is damaged, was refused for good or given up is in DIR/dead, each with a file that says why
// ("reason"). Moved back into DIR it is tried again.
package spool

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

const (
	messageFile  = "message.eml"
	envelopeFile = "envelope"
	unfinished   = "tmp-"
	// overhead is what a message takes beside its octets: a block each for its folder and envelope.
	overhead = 8 << 10
)

// MinBytes is the least that [Limits].Bytes can be: a signed message and what is added for it.
const MinBytes = 2 * overhead

// Limits bound a spool.
type Limits struct {
	Bytes    int64 // of all messages; 8 KiB are added for each
	Messages int
	Expire   time.Duration // see [Spool.Old]; 0: none gets too old
}

// ErrFull says that a message does not fit: it is not in the spool.
var ErrFull = errors.New("the spool is full")

// Spool is a folder of messages.
type Spool struct {
	dir    string
	limits Limits
	now    func() time.Time
	sync   func(folder string) error // syncFolder, but in tests
}

// Open returns the spool in dir, which is made where it is missing (mode 0700). Now is the clock.
func Open(dir string, limits Limits, now func() time.Time) (*Spool, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("submit: spool: %w", err)
	}
	return &Spool{dir: dir, limits: limits, now: now, sync: syncFolder}, nil
}

// Entry is a message in the spool.
type Entry struct {
	Name     string
	Envelope Envelope
	// Unsure is why the disk may lose the message when the power goes; nil: it does not.
	Unsure error
	// Dropped are dead messages that were removed to make room for this one.
	Dropped []string
	// Returned says that the message was dead, and a person moved it back.
	Returned bool
	folder   string
}

// Folder is where the message is.
func (e *Entry) Folder() string { return e.folder }

// Open opens the message.
func (e *Entry) Open() (*os.File, error) { return os.Open(filepath.Join(e.folder, messageFile)) }

// Damage is what is wrong with an entry.
type Damage struct {
	Name string
	// Lasting says that the entry is no whole message; else it could not be read now, by this user.
	Lasting bool
	Cause   error
}

// List returns the messages, the oldest first, and what cannot be read. Err: nothing can.
func (s *Spool) List() (entries []*Entry, damaged []Damage, err error) {
	files, err := os.ReadDir(s.dir) // in the order of their names, which begin with the time
	if err != nil {
		return nil, nil, fmt.Errorf("submit: spool: %w", err)
	}
	for _, f := range files {
		if !f.IsDir() || strings.HasPrefix(f.Name(), unfinished) || f.Name() == deadFolder {
			continue
		}
		e, err := s.read(f.Name())
		switch {
		case errors.Is(err, fs.ErrNotExist) && !s.has(f.Name()): // delivered since
		case err != nil:
			var system *fs.PathError
			lasting := !errors.As(err, &system) || errors.Is(err, fs.ErrNotExist)
			damaged = append(damaged, Damage{Name: f.Name(), Lasting: lasting, Cause: err})
		default:
			entries = append(entries, e)
		}
	}
	return entries, damaged, nil
}

// Has reports whether a message is still there.
func (s *Spool) Has(e *Entry) bool { return s.has(e.Name) }

func (s *Spool) has(name string) bool {
	_, err := os.Lstat(filepath.Join(s.dir, name))
	return err == nil
}

func (s *Spool) read(name string) (*Entry, error) {
	e := &Entry{Name: name, folder: filepath.Join(s.dir, name), Returned: s.has(filepath.Join(name, reasonFile))}
	f, err := os.Open(filepath.Join(e.folder, envelopeFile))
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // only read from
	if e.Envelope, err = ReadEnvelope(f); err != nil {
		return nil, err
	}
	info, err := os.Stat(filepath.Join(e.folder, messageFile))
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, errors.New("message.eml is no file")
	case info.Size() != e.Envelope.Size:
		return nil, fmt.Errorf("message.eml has %d bytes, and the message had %d", info.Size(), e.Envelope.Size)
	}
	return e, nil
}

// Add puts a message of envelope.Size octets, which write writes, into the spool. When it returns,
// a crash does not lose the message, or the entry says that it may ([Entry.Unsure]). Errors:
// [ErrFull]; those of write; what the file system said. Then nothing is in the spool.
func (s *Spool) Add(envelope Envelope, write func(io.Writer) error) (*Entry, error) {
	unlock, err := s.lock("adding", true)
	if err != nil {
		return nil, fmt.Errorf("submit: spool: %w", err)
	}
	defer unlock()
	if locks {
		s.sweep()
	}
	entries, damaged, err := s.List()
	if err != nil {
		return nil, err
	}
	dropped, err := s.room(envelope.Size, entries, damaged)
	if err != nil {
		return nil, err
	}
	envelope.Since = max(s.counted(), newest(entries))
	name := s.now().UTC().Format("20060102T150405.000000000Z") + "-" + strings.ToLower(rand.Text()[:6])
	e := &Entry{Name: name, Envelope: envelope, Dropped: dropped, folder: filepath.Join(s.dir, name)}
	if err := s.fill(e, write); err != nil {
		return nil, fmt.Errorf("submit: spool: %w", err)
	}
	return e, nil
}

// fill makes the folder of a message.
func (s *Spool) fill(e *Entry, write func(io.Writer) error) error {
	folder := filepath.Join(s.dir, unfinished+e.Name)
	if err := os.Mkdir(folder, 0o700); err != nil {
		return err
	}
	err := writeFile(filepath.Join(folder, messageFile), write)
	if err == nil {
		err = writeFile(filepath.Join(folder, envelopeFile), e.Envelope.write)
	}
	if err == nil {
		err = s.sync(folder)
	}
	if err == nil {
		err = os.Rename(folder, e.folder)
	}
	if err != nil {
		return errors.Join(err, os.RemoveAll(folder))
	}
	// From here on another process may be handing it in: it is in the spool, whatever comes.
	e.Unsure = s.sync(s.dir)
	return nil
}

// Update replaces the envelope of a message.
func (s *Spool) Update(e *Entry) error {
	path := filepath.Join(e.folder, envelopeFile)
	err := writeFile(path+".new", e.Envelope.write)
	if err == nil {
		err = os.Rename(path+".new", path)
	}
	if err == nil {
		err = s.sync(e.folder)
	}
	if err != nil {
		return fmt.Errorf("submit: spool: %w", err)
	}
	return nil
}

// Remove takes a message out. Errors: it may be there again, now or after a crash.
func (s *Spool) Remove(e *Entry) error {
	gone := filepath.Join(s.dir, unfinished+e.Name)
	err := os.Rename(e.folder, gone)
	if err == nil {
		err = s.sync(s.dir)
		_ = os.RemoveAll(gone) // what stays is removed when the next message comes
	}
	if err != nil {
		return fmt.Errorf("submit: spool: %w", err)
	}
	return nil
}

// Removable reports why nothing can be taken out here: what is handed in all the same would be
// handed in again and again.
func (s *Spool) Removable() error {
	probe := filepath.Join(s.dir, unfinished+"probe")
	err := os.Mkdir(probe, 0o700)
	_ = os.Remove(probe)
	// A full disk is no reason: what is taken out makes room there.
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) {
		return fmt.Errorf("submit: spool: %w", err)
	}
	return nil
}

// Lock gives this process alone the right to deliver, until it unlocks. False: another has it.
func (s *Spool) Lock() (unlock func(), ok bool, err error) {
	unlock, err = s.lock("lock", false)
	if errors.Is(err, errBusy) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("submit: spool: %w", err)
	}
	return unlock, true, nil
}

var errBusy = errors.New("another process has the lock")

func (s *Spool) lock(name string, wait bool) (unlock func(), err error) {
	f, err := os.OpenFile(filepath.Join(s.dir, name), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := flock(f, wait); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return func() { unflock(f); _ = f.Close() }, nil
}

// sweep removes what processes left that ended while they added or removed a message. The caller
// has the lock for adding; what is being removed may go at any time.
func (s *Spool) sweep() {
	files, err := os.ReadDir(s.dir)
	if err != nil {
		return
	}
	for _, f := range slices.DeleteFunc(files, func(f fs.DirEntry) bool { return !strings.HasPrefix(f.Name(), unfinished) }) {
		_ = os.RemoveAll(filepath.Join(s.dir, f.Name())) // tried again next time
	}
}

// writeFile writes a new file and brings it to the disk.
func writeFile(path string, write func(io.Writer) error) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	if err := write(f); err != nil {
		return errors.Join(err, f.Close())
	}
	return errors.Join(f.Sync(), f.Close())
}

// syncFolder brings the names in a folder to the disk, where the system can.
func syncFolder(path string) error {
	if runtime.GOOS == "windows" {
		return nil // it cannot open folders so
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
