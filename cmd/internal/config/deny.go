package config

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"slices"
	"sync"
	"time"

	"dnseal/cmd/internal/relay"
)

// denyFiles are the files of denied clients that listeners name, as they were last read.
type denyFiles struct {
	mu    sync.Mutex
	files map[string]*denyFile // by path
}

type denyFile struct {
	list  *relay.Deny
	info  fs.FileInfo // when it was read, or could not be
	at    time.Time   // then
	seen  fs.FileInfo // at the last look, while it changes
	since time.Time   // when the first look found a change; zero: none
	fault string      // why the newest was not taken; empty: it was
}

// load reads a file, once.
func (d *denyFiles) load(path string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.files[path] != nil {
		return nil
	}
	f := &denyFile{}
	if err := f.read(path); err != nil {
		return err
	}
	d.files[path] = f
	return nil
}

// read reads the file; on an error the list stays.
func (f *denyFile) read(path string) error {
	// Before it is read: what comes in between is a change.
	f.at = time.Now()
	var err error
	if f.info, err = os.Stat(path); err != nil {
		f.info = nil
		return err
	}
	list, err := relay.ReadDeny(path)
	if err == nil && !list.SameText(f.list) {
		f.list = list
	}
	return err
}

// Times of a file that is being written.
const (
	settles = 2 * time.Second // it can no longer change within the same time stamp
	patient = time.Second     // after which it is read although it still changes
)

// same reports whether two looks at a path, nil where nothing was there, found the same file.
func same(a, b fs.FileInfo) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

// due reports whether the file may be another than the one that was read, and nobody is writing it.
func (f *denyFile) due(path string, now time.Time) bool {
	info, err := os.Stat(path)
	if err != nil {
		info = nil
	}
	if same(info, f.info) && (info == nil || f.at.Sub(info.ModTime()) >= settles) {
		f.since = time.Time{}
		return false
	}
	quiet := same(info, f.seen)
	if f.seen = info; f.since.IsZero() {
		f.since = now
		return false
	}
	return quiet || now.Sub(f.since) >= patient
}

// refresh reads the file again if it has changed. The error is one that was not returned before.
func (f *denyFile) refresh(path string) error {
	if !f.due(path, time.Now()) {
		return nil
	}
	f.since = time.Time{}
	err := f.read(path)
	if err == nil {
		f.fault = ""
		return nil
	}
	if err.Error() == f.fault {
		return nil
	}
	f.fault = err.Error()
	return err
}

// RefreshDeny reads again what has changed of the files of denied clients, and reports whether a
// list is another one. Where a file cannot be used its old entries stay; each cause is one error,
// told once.
func (c *Config) RefreshDeny() (changed bool, err error) {
	d := c.loaded.denied
	d.mu.Lock()
	defer d.mu.Unlock()
	var errs []error
	for _, path := range slices.Sorted(maps.Keys(d.files)) {
		f := d.files[path]
		before := f.list
		if err := f.refresh(path); err != nil {
			errs = append(errs, errors.New(strip(err)))
		}
		changed = changed || f.list != before
	}
	return changed, errors.Join(errs...)
}

// Deny returns the clients that a relay refuses now. They were checked at load.
func (c *Config) Deny(r *Relay) *relay.Deny {
	list, _ := relay.ParseDeny(r.Deny)
	if c.loaded.denied == nil {
		return list
	}
	c.loaded.denied.mu.Lock()
	defer c.loaded.denied.mu.Unlock()
	if f := c.loaded.denied.files[r.DenyFile]; f != nil {
		return list.With(f.list)
	}
	return list
}
