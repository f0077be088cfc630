//go:build !unix || aix || solaris

package identity

import "os"

// lockNow does nothing where there is no flock.
func lockNow(*os.File) error { return nil }

func endLock(*os.File) {}
