package provision

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"dnseal/sender/identity"
	"dnseal/sender/identity/lifecycle"
)

// Files of the folder.
const (
	keyFile     = "key.pem"
	certFile    = "cert.pem"
	passFile    = "password"
	stateFile   = "state.json"
	settledFile = "settled"
)

// Folder is the folder of one identity.
type Folder struct {
	Name string // canonical
	Path string

	unlock func() // nil: not locked
}

// Find is the folder of the identity name in dir, not locked: for reading. Errors: a name that is
// none; [fs.ErrNotExist] where there is no folder. Both have a hint.
func Find(dir, name string) (*Folder, error) {
	path, canonical, err := identity.Folder(dir, name)
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(path)
	if err != nil || !info.IsDir() {
		_, err = identity.LoadPublic(dir, canonical) // says what there is in its place
		if err == nil {
			err = fmt.Errorf("provision: %s is no folder: %w", path, fs.ErrNotExist)
		}
		return nil, err
	}
	return &Folder{Name: canonical, Path: path}, nil
}

// Lock is Find for changing the folder: nobody else does until Close. A switch that a crash has
// interrupted is finished. Errors: as Find; [identity.ErrBusy]; what the file system returned.
func Lock(dir, name string) (*Folder, error) {
	f, err := Find(dir, name)
	if err != nil {
		return nil, err
	}
	if f.unlock, err = identity.Lock(f.Path, f.Name); err != nil {
		return nil, err
	}
	if err = errors.Join(f.finishSwitch(), f.forgetPlan()); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// Close unlocks the folder.
func (f *Folder) Close() {
	if f.unlock != nil {
		f.unlock()
		f.unlock = nil
	}
}

func (f *Folder) path(names ...string) string {
	return filepath.Join(append([]string{f.Path}, names...)...)
}

// Keys are the generations in a folder.
type Keys struct {
	// Active is nil where there is no key.pem, Next where no rollover is under way.
	Active, Next *identity.Identity
	Old          []OldKey
	// Beside are other keys of the name, whose records are published with that of Active: the
	// ML-DSA key that signs beside it, and the one for encryption, which is Active where no key
	// signs.
	Beside []*identity.Identity
	// Revoked are the KeyIDs of revoked keys.
	Revoked []string
}

// OldKey is an earlier generation.
type OldKey struct {
	*identity.Identity
	Settled bool
	folder  string
}

// Keys reads what of the keys can be published. Errors: those of [identity.LoadPublicFolder].
func (f *Folder) Keys() (k Keys, err error) {
	if k.Active, err = f.load(f.Path); err != nil {
		return k, err
	}
	if k.Next, err = f.load(f.path(identity.NextFolder)); err != nil {
		return k, err
	}
	if k.Revoked, err = identity.Revoked(f.Path); err != nil {
		return k, err
	}
	if k.Old, err = f.old(f.path(identity.OldFolder)); err != nil {
		return k, err
	}
	return k, f.addOthers(&k)
}

// addOthers adds the other keys of the name. Of earlier ones for encryption it is decided that
// their records stay until somebody revokes them.
func (f *Folder) addOthers(k *Keys) error {
	pq, err := f.load(f.path(identity.PostQuantumFolder))
	if err != nil {
		return err
	}
	encrypts, err := f.load(f.path(identity.EncryptFolder))
	if err != nil {
		return err
	}
	if pq != nil {
		k.Beside = append(k.Beside, pq)
	}
	switch {
	case encrypts != nil && k.Active == nil && k.Next == nil:
		k.Active = encrypts
	case encrypts != nil:
		k.Beside = append(k.Beside, encrypts)
	}
	earlier, err := f.old(f.path(identity.EncryptFolder, identity.OldFolder))
	for _, old := range earlier {
		old.Settled = true
		k.Old = append(k.Old, old)
	}
	return err
}

// old reads the earlier generations in a folder.
func (f *Folder) old(in string) (found []OldKey, err error) {
	entries, err := os.ReadDir(in)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("provision: %w", err)
	}
	for _, e := range entries {
		folder := filepath.Join(in, e.Name())
		id, err := f.load(folder)
		if err != nil {
			return nil, err
		}
		if id != nil && !strings.HasPrefix(e.Name(), ".") {
			found = append(found, OldKey{id, exists(filepath.Join(folder, settledFile)), folder})
		}
	}
	return found, nil
}

// load reads one generation; nil where there is none.
func (f *Folder) load(folder string) (*identity.Identity, error) {
	if !exists(filepath.Join(folder, keyFile)) {
		return nil, nil //nolint:nilnil // no key is no error
	}
	return identity.LoadPublicFolder(folder, f.Name)
}

// Memory reads state.json. What cannot be read counts as lost, and note says so.
func (f *Folder) Memory() (m lifecycle.Memory, note string, err error) {
	text, err := readAtMost(f.path(stateFile), lifecycle.MaxMemory+1) // longer: ParseMemory says so
	if errors.Is(err, fs.ErrNotExist) {
		return m, "", nil
	}
	if err != nil {
		return m, "", fmt.Errorf("provision: %w", err)
	}
	m, err = lifecycle.ParseMemory(text)
	if err != nil {
		note = fmt.Sprintf("%s counts as lost: %s", f.path(stateFile), strings.TrimPrefix(err.Error(), "lifecycle: "))
	}
	return m, note, nil
}

// Remember writes state.json, where it changes.
func (f *Folder) Remember(m lifecycle.Memory) error {
	text, err := m.Marshal()
	if err != nil {
		return fmt.Errorf("provision: state of %s: %w", f.Name, err)
	}
	if old, err := readAtMost(f.path(stateFile), int64(len(text))+1); err == nil && slices.Equal(old, text) {
		return nil
	}
	return identity.ReplaceFile(f.path(stateFile), text, 0o600)
}
