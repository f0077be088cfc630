package identity

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// lockFile, in a folder, is locked while a command changes the folder. It stays there.
const lockFile = "lock"

// ErrBusy says that another process changes a folder.
var ErrBusy = errors.New("another command changes it now")

// Lock keeps other processes from changing a folder until unlock is called, or this process ends;
// name is what the folder is of, for the error. Readers are not kept out. Errors: [ErrBusy], with a
// [Hint]: it does not wait; what the file system returned.
func Lock(folder, name string) (unlock func(), err error) {
	f, err := os.OpenFile(filepath.Join(folder, lockFile), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, notOurs(fmt.Errorf("identity: lock of %s: %w", name, err), folder)
	}
	if err = lockNow(f); err != nil {
		_ = f.Close() // nothing was written
		if !errors.Is(err, ErrBusy) {
			return nil, fmt.Errorf("identity: lock of %s: %w", name, err)
		}
		return nil, WithHint(fmt.Errorf("identity: %s: %w", name, err), "run this again when it is done; %s is locked for as long as it runs", Quote(f.Name()))
	}
	return func() {
		endLock(f)
		_ = f.Close() // nothing was written
	}, nil
}
