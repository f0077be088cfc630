package decryption

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"dnseal/sender/identity"
	"dnseal/smime/cms/enveloped"
)

// interval is how often the folders are looked at, at most; where they are so many that it takes
// long, ten times as long as it takes.
const interval = time.Second

// Live are the keys of all identities of a directory as their folders are: a key that is made, or
// that a rollover made the active one, opens mail without anybody being told. Safe for concurrent
// use.
type Live struct {
	dir    string
	keys   atomic.Pointer[map[string][]enveloped.Key] // by name
	mu     sync.Mutex                                 // held while the folders are looked at
	named  map[string]*named
	looked atomic.Int64 // when that was done last, in nanoseconds since start
	pause  atomic.Int64 // until it is done again
}

// named are the keys of one identity, and the files that they were read from.
type named struct {
	files []file
	keys  []enveloped.Key
}

// file is a file as it was when it was read.
type file struct {
	path string
	info fs.FileInfo
}

func (f file) equal(other file) bool {
	return f.path == other.path && os.SameFile(f.info, other.info) && f.info.Size() == other.info.Size() && f.info.ModTime().Equal(other.info.ModTime())
}

// start makes the clock of Live one that does not jump.
var start = time.Now()

// Open loads the keys of all identities of dir; none is no error. Errors: those of [LoadAll].
func Open(dir string) (*Live, error) {
	l := &Live{dir: dir, named: map[string]*named{}}
	return l, l.look()
}

// Keys returns the keys of an identity, by its canonical name, ready for use; there are none of a
// name that there is not. The folders are looked at once a second at most; while another call does
// that, and for an identity whose keys cannot be loaded any more, they are those of before.
func (l *Live) Keys(name string) []enveloped.Key { return l.now()[name] }

// Has reports whether an identity has a key, as Keys finds it.
func (l *Live) Has(name string) bool { return len(l.now()[name]) > 0 }

// Empty reports whether no identity has a key.
func (l *Live) Empty() bool {
	for _, keys := range l.now() {
		if len(keys) > 0 {
			return false
		}
	}
	return true
}

func (l *Live) now() map[string][]enveloped.Key {
	if since := int64(time.Since(start)) - l.looked.Load(); since >= l.pause.Load() && l.mu.TryLock() {
		_ = l.look() // what cannot be read was said when it was opened, and "dnseal check" says it
		l.mu.Unlock()
	}
	return *l.keys.Load()
}

// look loads the keys of identities whose files are others than before; mu is held, or nobody else
// has l.
func (l *Live) look() error {
	begin := time.Now()
	names, err := identity.ListForDecryption(l.dir)
	failed := []error{err}
	if err == nil {
		for name := range l.named {
			if _, there := slices.BinarySearch(names, name); !there {
				delete(l.named, name)
			}
		}
	}
	all := map[string][]enveloped.Key{}
	for _, name := range names {
		failed = append(failed, l.refresh(name))
		if known := l.named[name]; known != nil {
			all[name] = known.keys
		}
	}
	if err == nil || l.keys.Load() == nil {
		l.keys.Store(&all)
	}
	l.pause.Store(int64(max(interval, 10*time.Since(begin))))
	l.looked.Store(int64(time.Since(start)))
	return first(failed)
}

// refresh loads the keys of an identity if its files are others. Where one cannot be read, all are
// those of before, and the next look tries again.
func (l *Live) refresh(name string) error {
	folders, err := identity.DecryptionFolders(l.dir, name)
	if err != nil {
		return err
	}
	files := filesOf(folders)
	known := l.named[name]
	if known != nil && slices.EqualFunc(known.files, files, file.equal) {
		return nil
	}
	keys, err := load(identity.Loader{}, name, folders)
	switch {
	case err == nil:
		l.named[name] = &named{files, ready(keys)}
	case known == nil:
		l.named[name] = &named{nil, ready(keys)}
	}
	return err
}

// filesOf are the files whose change counts. They are looked at before they are read: what changes
// meanwhile is seen the next time.
func filesOf(folders []string) (files []file) {
	for _, folder := range folders {
		for _, name := range []string{"key.pem", "cert.pem", identity.DecryptFile, "password"} {
			path := filepath.Join(folder, name)
			if info, err := os.Stat(path); err == nil {
				files = append(files, file{path, info})
			}
		}
	}
	return files
}

// ready are the keys, prepared for many messages.
func ready(keys []Key) []enveloped.Key {
	all := Enveloped(keys)
	for i, k := range all {
		if made, err := k.Ready(); err == nil { // what cannot decrypt is told where it is used
			all[i] = made
		}
	}
	return all
}
