package fleet

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"dnseal/sender/identity"
)

// KeyFile is one file with the keys of many identities, for programs that write them into devices:
// for each a line with "# " and the name, then key and certificate in PEM (RFC 7468). It is
// readable by its owner alone, and only ever appended to.
type KeyFile struct {
	// Note says what was mended when it was opened; empty: nothing.
	Note string

	file   *os.File
	size   int64
	unlock func()
}

// keysHead is the first line.
const keysHead = "# dnseal fleet: keys by the inventory; each after a line with # and its name\n"

// OpenKeyFile opens the file of keys of an inventory, and makes it where it is missing. What a run
// that was killed wrote there without noting it in the inventory is moved to FILE.cut. Errors, with
// a hint where it helps: the file is another inventory's, or no file of keys, or shorter than the
// inventory says; what the file system returned.
func (inv *Inventory) OpenKeyFile(path string) (*KeyFile, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("fleet: keys: %w", err)
	}
	end, last, err := inv.endOfKeys(path)
	if err != nil {
		return nil, err
	}
	unlock, err := identity.LockFile(path+".lock", path)
	if err != nil {
		return nil, err
	}
	k := &KeyFile{unlock: unlock}
	if err = k.open(path, end); err == nil && last != path {
		err = inv.note(Event{What: KeysIn, File: path})
	}
	if err == nil && k.size == 0 {
		err = k.append([]byte(keysHead))
	}
	if err == nil {
		err = identity.SyncDir(filepath.Dir(path))
	}
	if err != nil {
		return nil, errors.Join(err, k.Close())
	}
	return k, nil
}

// endOfKeys is where the last key of a file ends, and which file the last keys are in; -1: the
// inventory does not know the file.
func (inv *Inventory) endOfKeys(path string) (end int64, last string, err error) {
	end = -1
	err = inv.scan(func(e *Event) error {
		switch {
		case e.What == KeysIn:
			if last = e.File; last == path {
				end = max(end, 0)
			}
		case e.What == Enrolled && e.Size > 0 && last == path:
			end = max(end, e.At+e.Size)
		}
		return nil
	})
	return end, last, err
}

func (k *KeyFile) open(path string, end int64) (err error) {
	if k.file, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600); err != nil {
		return fmt.Errorf("fleet: keys: %w", err)
	}
	info, err := k.file.Stat()
	if err != nil {
		return fmt.Errorf("fleet: keys: %w", err)
	}
	k.size = info.Size()
	head := make([]byte, len(keysHead))
	n, _ := k.file.ReadAt(head, 0) // shorter
	switch {
	case !info.Mode().IsRegular():
		return fmt.Errorf("fleet: keys: %s is no regular file", path)
	case info.Mode().Perm()&0o077 != 0:
		return identity.WithHint(fmt.Errorf("fleet: keys: others may read %s", path), "chmod 600 %s", identity.Quote(path))
	case k.size > 0 && (end < 0 || !bytes.HasPrefix([]byte(keysHead), head[:n])):
		return identity.WithHint(fmt.Errorf("fleet: keys: %s is there, and the inventory does not know it", path), "name another file, or the inventory that it belongs to (--inventory)")
	case end > k.size:
		return identity.WithHint(fmt.Errorf("fleet: keys: %s has %d octets, and by the inventory at least %d", path, k.size, end), "keys are missing: restore the file from a copy")
	}
	if end = max(end, min(k.size, int64(len(keysHead)))); k.size > end {
		return k.cut(path, end)
	}
	return nil
}

// cut moves what stands after end away. It is kept: it may be keys that an older copy of the
// inventory does not know.
func (k *KeyFile) cut(path string, end int64) error {
	away, err := os.OpenFile(path+".cut", os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("fleet: keys: %w", err)
	}
	_, err = io.Copy(away, io.NewSectionReader(k.file, end, k.size-end))
	err = errors.Join(err, away.Sync(), away.Close())
	if err == nil {
		err = identity.SyncDir(filepath.Dir(path))
	}
	if err == nil {
		err = k.file.Truncate(end)
	}
	if err != nil {
		return fmt.Errorf("fleet: keys: %w", err)
	}
	k.Note = fmt.Sprintf("%s: its last keys are in no line of the inventory, as a crash leaves them: %s were moved to %s.cut", path, plural(int(k.size-end), "octet"), filepath.Base(path))
	k.size = end
	return nil
}

// append adds text and returns when it is on disk.
func (k *KeyFile) append(text []byte) error {
	_, err := k.file.WriteAt(text, k.size)
	if err == nil {
		err = k.file.Sync()
	}
	if err != nil {
		_ = k.file.Truncate(k.size) // else the next run moves it away
		return fmt.Errorf("fleet: keys: %w", err)
	}
	k.size += int64(len(text))
	return nil
}

// Close closes the file.
func (k *KeyFile) Close() (err error) {
	if k.file != nil {
		err = k.file.Close()
	}
	k.unlock()
	return err
}
