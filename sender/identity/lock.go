package identity

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// lockFile, in a folder, is locked while a command changes the folder, and says which one does. It
// stays there.
const lockFile = "lock"

// ErrBusy says that another process changes a folder.
var ErrBusy = errors.New("another command changes it now")

// Lock keeps other processes from changing a folder until unlock is called, or this process ends;
// name is what the folder is of, for the error. Readers are not kept out. Errors: [ErrBusy], with a
// [Hint], that says who holds it and since when: it does not wait; what the file system returned.
func Lock(folder, name string) (unlock func(), err error) {
	return LockFile(filepath.Join(folder, lockFile), name)
}

// LockFile is [Lock] by a file of any path, which is made where it is missing, and stays.
func LockFile(path, name string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, notOurs(fmt.Errorf("identity: lock of %s: %w", name, err), filepath.Dir(path))
	}
	if err = lockNow(f); err != nil {
		by := holderIn(f)
		_ = f.Close() // nothing was written
		if !errors.Is(err, ErrBusy) {
			return nil, fmt.Errorf("identity: lock of %s: %w", name, err)
		}
		return nil, WithHint(fmt.Errorf("identity: %s: %w%s", name, err, by), "run this again when it is done; %s is locked for as long as it runs", Quote(f.Name()))
	}
	// Who holds it is for people: where it cannot be written the lock holds all the same.
	_ = f.Truncate(0)
	_, _ = f.WriteAt([]byte(holder()+"\n"), 0)
	return func() {
		_ = f.Truncate(0)
		endLock(f)
		_ = f.Close() // nothing of value was written
	}, nil
}

// holder names this process: its number, the program with its command, and the time. Arguments
// that are no words of a command, such as names and files, are left out.
func holder() string {
	words := []string{filepath.Base(os.Args[0])}
	for _, arg := range os.Args[1:] {
		if strings.Trim(arg, "abcdefghijklmnopqrstuvwxyz") != "" {
			break
		}
		words = append(words, arg)
	}
	return fmt.Sprintf("process %d, %s, since %s", os.Getpid(), strings.Join(words, " "), time.Now().UTC().Format("2006-01-02 15:04:05 UTC"))
}

// holderIn reads what holder wrote, in parentheses; "" where there is nothing of it.
func holderIn(f *os.File) string {
	var text [200]byte
	n, _ := f.ReadAt(text[:], 0) // shorter
	line, _, whole := strings.Cut(string(text[:n]), "\n")
	if !whole || strings.ContainsFunc(line, func(r rune) bool { return r < ' ' || r > '~' }) {
		return ""
	}
	return " (" + line + ")"
}
