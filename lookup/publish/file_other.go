//go:build !unix || aix || solaris

package publish

import "os"

// lockFolder does nothing where there is no flock.
func lockFolder(string) (unlock func(), err error) { return func() {}, nil }

// keepOwner does nothing where files have no such owner.
func keepOwner(*os.File, os.FileInfo) {}

// syncFolder does nothing where folders cannot be synchronized.
func syncFolder(string) error { return nil }
