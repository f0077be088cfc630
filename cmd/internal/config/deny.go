package config

import (
	"errors"
	"fmt"
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
	now   func() time.Time
}

// denyFile is a file of denied clients. One that is rewritten in place is short for a moment, which
// cannot be told from one that entries were taken out of: so what is new is denied at once, and
// what is gone until the file has not changed for a while.
type denyFile struct {
	list  *relay.Deny // of before
	next  *relay.Deny // read since, and denied too; nil: none
	info  fs.FileInfo // when it was read, or could not be
	at    time.Time   // then
	since time.Time   // it is as it was read; zero: from the beginning
	seen  fs.FileInfo // at the last look, while it changes
	first time.Time   // when the first look found a change; zero: none
	fault string      // why the newest was not taken; empty: it was
}

// inForce is the list of who is denied now.
func (f *denyFile) inForce() *relay.Deny { return f.list.With(f.next) }

// load reads a file, once.
func (d *denyFiles) load(path string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.files[path] != nil {
		return nil
	}
	f := &denyFile{}
	if err := f.read(path, d.now()); err != nil {
		return err
	}
	f.list, f.next = f.next, nil
	d.files[path] = f
	return nil
}

// read reads the file; on an error the list stays.
func (f *denyFile) read(path string, now time.Time) error {
	// Before it is read: what comes in between is a change.
	before := f.info
	f.at = now
	var err error
	if f.info, err = os.Stat(path); err != nil {
		f.info = nil
		return err
	}
	if !same(before, f.info) {
		f.since = now
	}
	list, err := relay.ReadDeny(path)
	if err == nil && f.emptied(f.inForce()) {
		err = fmt.Errorf("%s is empty: its entries of before stay; a file of one comment line empties the list", path)
	}
	switch {
	case err != nil:
	case list.SameText(f.list):
		f.next = nil
	case !list.SameText(f.next):
		f.next, f.since = list, now
	}
	return err
}

// emptied reports whether the file has no content where there were entries: as one that a slow
// command has not written to yet.
func (f *denyFile) emptied(before *relay.Deny) bool { return f.info.Size() == 0 && before.Len() > 0 }

// Times of a file that is being written.
const (
	settles = 2 * time.Second // it is whole, and can no longer change within the same time stamp
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
		f.first = time.Time{}
		return false
	}
	quiet := same(info, f.seen)
	if f.seen = info; f.first.IsZero() {
		f.first = now
		return false
	}
	return quiet || now.Sub(f.first) >= patient
}

// settle lets those in that are gone from a file which has not changed for a while.
func (f *denyFile) settle(now time.Time) {
	if f.next != nil && f.fault == "" && f.first.IsZero() && now.Sub(f.since) >= settles {
		f.list, f.next = f.next, nil
	}
}

// refresh reads the file again if it has changed. The error is one that was not returned before.
func (f *denyFile) refresh(path string, now time.Time) (fault error) {
	if f.due(path, now) {
		f.first = time.Time{}
		before := f.fault
		f.fault = ""
		if err := f.read(path, now); err != nil {
			if f.fault = err.Error(); f.fault != before {
				fault = err
			}
		}
	}
	f.settle(now)
	return fault
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
		list, next := f.list, f.next
		if err := f.refresh(path, d.now()); err != nil {
			errs = append(errs, errors.New(strip(err)))
		}
		changed = changed || f.list != list || f.next != next
	}
	return changed, errors.Join(errs...)
}

// KeepDenied takes over who was denied until now, for a reload: a file that was written just before
// may be read short too. What is gone from it is let in once it has not changed for a while.
func (c *Config) KeepDenied(old *Config) {
	was, d := old.loaded.denied, c.loaded.denied
	if was == nil || d == nil || was == d {
		return
	}
	was.mu.Lock()
	defer was.mu.Unlock()
	d.mu.Lock()
	defer d.mu.Unlock()
	for path, f := range d.files {
		before := was.files[path]
		if before != nil && f.info != nil && f.emptied(before.inForce()) {
			// The next look tells of it, where nobody was told before.
			f.list, f.next, f.info, f.fault = before.list, before.next, nil, before.fault
			continue
		}
		if before == nil || f.info == nil || f.at.Sub(f.info.ModTime()) >= settles {
			continue
		}
		switch {
		case f.list.SameText(before.next):
			f.list, f.next, f.since = before.list, before.next, before.since
		case before.next != nil || !f.list.SameText(before.list):
			f.list, f.next = before.inForce(), f.list
		}
	}
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
		return list.With(f.inForce())
	}
	return list
}
