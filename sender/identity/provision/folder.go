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

// Folder is the folder of one identity, or one below it with other keys of the same name.
type Folder struct {
	Name string // canonical
	Path string

	part   string // the name of one below; "": it is that of the identity
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
	for _, part := range append([]string{""}, parts...) {
		in := f.in(part)
		if err = errors.Join(in.finishSwitch(), in.forgetPlan()); err != nil {
			f.Close()
			return nil, err
		}
	}
	return f, nil
}

// parts are the folders below that of an identity with other keys of the name. Each has the same
// files as that of the identity but the lock, what is remembered and the list of revoked keys.
var parts = []string{identity.PostQuantumFolder, identity.EncryptFolder}

// in is the folder below with this name; "": f.
func (f *Folder) in(part string) *Folder {
	if part == "" {
		return f
	}
	return &Folder{Name: f.Name, Path: f.path(part), part: part}
}

// dir is the directory of the identities.
func (f *Folder) dir() string {
	if f.part == "" {
		return filepath.Dir(f.Path)
	}
	return filepath.Dir(filepath.Dir(f.Path))
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

// Keys are the generations of an identity.
type Keys struct {
	// Active is nil where there is no key.pem, Next where no rollover is under way.
	Active, Next *identity.Identity
	Old          []OldKey
	// Folder is where these are: "" for that of the identity; where no key signs, those for
	// encryption are these, of the folder [identity.EncryptFolder].
	Folder string
	// Beside are other keys of the name, whose records are published with that of Active: the
	// ML-DSA key that signs beside it, and the one for encryption.
	Beside []Generations
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
	if k.Revoked, err = identity.Revoked(f.Path); err != nil {
		return k, err
	}
	own, err := f.generations()
	if err != nil {
		return k, err
	}
	for _, part := range parts {
		g, err := f.in(part).generations()
		switch {
		case err != nil:
			return k, err
		case part == identity.EncryptFolder && own.Active == nil && own.Next == nil && g.Active != nil:
			own, g = g, own
		}
		if g.Active != nil || g.Next != nil || len(g.Old) > 0 {
			k.Beside = append(k.Beside, g)
		}
	}
	k.Active, k.Next, k.Old, k.Folder = own.Active, own.Next, own.Old, own.Folder
	return k, nil
}

// generations reads those of the folder itself.
func (f *Folder) generations() (g Generations, err error) {
	g.Folder = f.part
	if g.Active, err = f.load(f.Path); err != nil {
		return g, err
	}
	if g.Next, err = f.load(f.path(identity.NextFolder)); err != nil {
		return g, err
	}
	g.Old, err = f.old()
	return g, err
}

// old reads the earlier generations. Of one for encryption that was moved there by hand it is
// decided that its record stays until somebody revokes it.
func (f *Folder) old() (found []OldKey, err error) {
	in := f.path(identity.OldFolder)
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
			byHand := f.part == identity.EncryptFolder && !strings.HasSuffix(e.Name(), "-"+id.GenerationID())
			found = append(found, OldKey{id, byHand || exists(filepath.Join(folder, settledFile)), folder})
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
