package provision

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"dnseal/sender/identity"
)

// finishSwitch ends a switch whose private key is active already, where a run was killed in it. A
// folder next in which no such switch was is left alone: somebody copies a key into it.
func (f *Folder) finishSwitch() error {
	next := f.path(identity.NextFolder)
	if !exists(next) || exists(filepath.Join(next, keyFile)) {
		return nil
	}
	if f.switchBegun() {
		return f.endSwitch()
	}
	_ = os.Remove(next) // where it is empty
	return nil
}

// switchBegun reports whether key.pem came from the folder next, which has none: the certificate
// left there is of that key, or that in use is of an earlier one.
func (f *Folder) switchBegun() bool {
	cert := f.path(identity.NextFolder, certFile)
	switch {
	case f.certificateIsOld():
		return true
	case !exists(cert):
		return !exists(f.path(certFile)) && f.keyIsNew()
	}
	// Where there is a cert.pem its key counts: this is a renewal then.
	active, err := f.load(f.Path)
	if err != nil {
		return f.keyIsNew() // it cannot be opened here
	}
	return active != nil && active.IsCertifiedIn(cert)
}

// endSwitch moves what else the next key has to its place.
func (f *Folder) endSwitch() error {
	next := f.path(identity.NextFolder)
	if exists(filepath.Join(next, passFile)) {
		if err := os.Rename(filepath.Join(next, passFile), f.path(passFile)); err != nil {
			return fmt.Errorf("provision: switch %s: %w", f.Name, err)
		}
	}
	switch {
	case exists(filepath.Join(next, certFile)):
		if err := os.Rename(filepath.Join(next, certFile), f.path(certFile)); err != nil {
			return fmt.Errorf("provision: switch %s: %w", f.Name, err)
		}
	case f.certificateIsOld():
		if err := remove(f.path(certFile)); err != nil {
			return err
		}
	}
	return f.dropNext()
}

// certificateIsOld reports whether cert.pem is that of an earlier key.
func (f *Folder) certificateIsOld() bool {
	return f.anyOld(func(old string) bool {
		return sameContents(f.path(certFile), filepath.Join(old, certFile)) && !sameContents(f.path(keyFile), filepath.Join(old, keyFile))
	})
}

// keyIsNew reports whether a key without certificate was archived that is not key.pem.
func (f *Folder) keyIsNew() bool {
	return f.anyOld(func(old string) bool {
		return !exists(filepath.Join(old, certFile)) && !sameContents(f.path(keyFile), filepath.Join(old, keyFile))
	})
}

// anyOld looks for an earlier key whose private part is still there.
func (f *Folder) anyOld(is func(folder string) bool) bool {
	entries, _ := os.ReadDir(f.path(identity.OldFolder)) // none: no earlier key
	return slices.ContainsFunc(entries, func(e fs.DirEntry) bool {
		old := f.path(identity.OldFolder, e.Name())
		return exists(filepath.Join(old, keyFile)) && !exists(filepath.Join(old, settledFile)) && is(old)
	})
}
