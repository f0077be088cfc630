// Package live holds identities that were loaded, and notices when their folders change: a daemon
// signs by the key that a rollover made the active one, and no more by one that was revoked,
// without being told.
//
// # Limitations
//
// It looks at key.pem, cert.pem (those of an ML-DSA key beside it too) and the list of revoked
// keys, by their file, size and time: a file that is written in place with the same size within the
// resolution of the file system's clock is not noticed. An identity that is made later is not
// there; one whose folder goes away stays.
package live

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"dnseal/sender/identity"
)

// interval is how often a folder is looked at, at most.
const interval = time.Second

// watched are the files whose change counts.
var watched = [...]string{
	"key.pem", "cert.pem", identity.RevokedFile,
	identity.PostQuantumFolder + "/key.pem", identity.PostQuantumFolder + "/cert.pem",
}

// stamp is what the files of a folder are; nil: not there.
type stamp [len(watched)]fs.FileInfo

func stampOf(folder string) (s stamp) {
	for i, name := range watched {
		s[i], _ = os.Stat(filepath.Join(folder, name)) // nil: not there
	}
	return s
}

func (s stamp) equal(other stamp) bool {
	for i := range s {
		a, b := s[i], other[i]
		if (a == nil) != (b == nil) {
			return false
		}
		if a != nil && (!os.SameFile(a, b) || a.Size() != b.Size() || !a.ModTime().Equal(b.ModTime())) {
			return false
		}
	}
	return true
}

// Set is a set of identities of one directory. Its zero value is empty and can be used. All methods
// are safe for concurrent use, but all calls of Load must have ended before the first of another.
type Set struct {
	loading sync.Mutex // held by Load while it changes entries
	entries map[string]*entry
}

// entry is one identity.
type entry struct {
	dir, name, folder string
	loaded            atomic.Pointer[loaded]
	looked            atomic.Int64 // when the folder was looked at last, in nanoseconds since start
	mu                sync.Mutex   // held while it is loaded again, which a token can make long
	failed            failure      // of loading again
	load              func(dir, name string) (*identity.Identity, error)
}

// failure is an attempt to load that failed: of which files, and when it ended.
type failure struct {
	stamp stamp
	ended time.Time
}

// loaded is an identity, or why it may not sign.
type loaded struct {
	id    *identity.Identity
	err   error
	stamp stamp
}

// start makes the clock of looked one that does not jump.
var start = time.Now()

// Load loads an identity and keeps it. Errors: those of [identity.Load]; of a revoked one it is
// kept that it is revoked, until it is published again.
func (s *Set) Load(dir, name string) (*identity.Identity, error) {
	folder, canonical, err := identity.Folder(dir, name)
	if err != nil {
		return nil, err
	}
	e := &entry{dir: dir, name: canonical, folder: folder, load: identity.Load}
	l := &loaded{stamp: stampOf(folder)}
	if l.id, l.err = e.load(dir, canonical); l.err != nil && !errors.Is(l.err, identity.ErrRevoked) {
		return nil, l.err
	}
	e.loaded.Store(l)
	s.loading.Lock()
	defer s.loading.Unlock()
	if s.entries == nil {
		s.entries = map[string]*entry{}
	}
	s.entries[canonical] = e
	return l.id, l.err
}

// Get returns an identity by canonical name; its folder is looked at once a second at most. One
// that cannot be loaded any more is the one that was loaded last; so is one that another call loads
// now: where its key is on a token that does not answer, one call at a time waits for it. Errors:
// [fs.ErrNotExist] where there is none of this name, [identity.ErrRevoked].
func (s *Set) Get(name string) (*identity.Identity, error) {
	e := s.entries[name]
	if e == nil {
		return nil, fmt.Errorf("identity: %s is not loaded: %w", name, fs.ErrNotExist)
	}
	now := int64(time.Since(start))
	if looked := e.looked.Load(); now-looked >= int64(interval) && e.looked.CompareAndSwap(looked, now) && e.mu.TryLock() {
		e.look(time.Now())
		e.mu.Unlock()
	}
	l := e.loaded.Load()
	return l.id, l.err
}

// Fresh is Get that looks at the folder now. It waits for another call that loads the identity.
func (s *Set) Fresh(name string) (*identity.Identity, error) {
	e := s.entries[name]
	if e == nil {
		return s.Get(name)
	}
	return e.fresh(time.Now())
}

func (e *entry) fresh(begin time.Time) (*identity.Identity, error) {
	e.mu.Lock()
	e.look(begin)
	e.mu.Unlock()
	l := e.loaded.Load()
	return l.id, l.err
}

// look loads the identity again if its files are others, and did not fail to load since begin; mu
// is held.
func (e *entry) look(begin time.Time) {
	defer func() { e.looked.Store(int64(time.Since(start))) }()
	// The stamp is older than what is loaded: what changes meanwhile is seen the next time.
	now := stampOf(e.folder)
	if e.loaded.Load().stamp.equal(now) || e.failed.ended.After(begin) && e.failed.stamp.equal(now) {
		return
	}
	id, err := e.load(e.dir, e.name)
	if err != nil && !errors.Is(err, identity.ErrRevoked) {
		e.failed = failure{now, time.Now()}
		return
	}
	e.loaded.Store(&loaded{id: id, err: err, stamp: now})
}
