package fleet

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"dnseal/lookup/dane"
	"dnseal/sender/identity"
	"dnseal/sender/identity/provision"
)

// revoke notes in the folder that its keys are revoked, and which records they have. Without a
// folder the keys are elsewhere, and nil. An error is not about this name alone.
func (r *retiring) revoke(gone *Event, line int) (*provision.Keys, *Failure, error) {
	if r.Dir == "" {
		return nil, nil, nil
	}
	fail := func(err error) (*provision.Keys, *Failure, error) {
		if isOfDisk(err) {
			return nil, nil, err
		}
		return nil, &Failure{Line: line, Name: gone.Name, Code: Folder, Err: err}, nil
	}
	if _, err := os.Lstat(filepath.Join(r.Dir, identity.FolderName(gone.Name))); errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil
	}
	folder, err := provision.Lock(r.Dir, gone.Name)
	if err != nil {
		return fail(err)
	}
	defer folder.Close()
	keys, err := folder.Keys()
	if err != nil {
		return fail(err)
	}
	ids := []string{gone.Key}
	for _, g := range keys.All() {
		for _, id := range generation(g) {
			if !slices.Contains(ids, id.KeyID()) {
				ids = append(ids, id.KeyID())
				gone.addOthers(recordsOf(id, gone.Record, g.Folder))
			}
		}
	}
	if err = writeRevoked(folder.Path, ids, r.now); err != nil {
		return fail(err)
	}
	return &keys, nil, nil
}

func (e *Event) addOthers(records []string) {
	for _, r := range records {
		if r != e.Record && !slices.Contains(e.Others, r) {
			e.Others = append(e.Others, r)
		}
	}
}

// isOfDisk reports whether an error would meet every other folder too.
func isOfDisk(err error) bool {
	for _, e := range []error{syscall.ENOSPC, syscall.EDQUOT, syscall.EROFS, syscall.EIO, syscall.EMFILE, syscall.ENFILE} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

func generation(g provision.Generations) (ids []*identity.Identity) {
	for _, id := range []*identity.Identity{g.Active, g.Next} {
		if id != nil {
			ids = append(ids, id)
		}
	}
	for _, old := range g.Old {
		ids = append(ids, old.Identity)
	}
	return ids
}

// recordsOf are those that another key of the name may have: in the form of the first, and of keys
// beside it also whole, as others encrypt to them. One that is not there is not missed.
func recordsOf(id *identity.Identity, like, beside string) (texts []string) {
	r, err := parseRecord(like)
	if err != nil {
		return nil
	}
	forms := [][3]uint8{{r.Usage, r.Selector, r.MatchingType}}
	if beside != "" {
		forms = append(forms, [3]uint8{dane.DANEEE, dane.FullCertificate, 0}, [3]uint8{dane.DANEEE, dane.PublicKey, 0})
	}
	for _, f := range forms {
		if r, err := id.Record(f[0], f[1], f[2]); err == nil && !slices.Contains(texts, recordText(r)) {
			texts = append(texts, recordText(r))
		}
	}
	return texts
}

// writeRevoked adds keys to those that are revoked, whole or not at all, without waiting for the
// disk.
func writeRevoked(folder string, ids []string, now time.Time) error {
	before, err := identity.Revoked(folder)
	if err != nil {
		return err
	}
	path := filepath.Join(folder, identity.RevokedFile)
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("fleet: %w", err)
	}
	old := len(text)
	for _, id := range ids {
		if !slices.Contains(before, id) {
			text = fmt.Appendf(text, "%s %s\n", id, now.Format(time.RFC3339))
		}
	}
	if len(text) == old {
		return nil
	}
	temp := filepath.Join(folder, ".new-revoked")
	if err = os.WriteFile(temp, text, 0o600); err == nil { //nolint:gosec // G703: in the folder of an identity
		err = os.Rename(temp, path)
	}
	if err != nil {
		_ = os.Remove(temp) // what there is of it
		return fmt.Errorf("fleet: %w", err)
	}
	return nil
}
