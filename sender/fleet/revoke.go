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

// revocation is what became of the keys in a folder.
type revocation struct {
	keys  *provision.Keys // nil: there is no folder, or nobody can read them
	wrote bool            // one was not revoked before
	// unread is why not all keys could be read: of those that could not, nobody knows the records.
	unread *Failure
}

// revoke notes in the folder that its keys are revoked, and which records they have. Without a
// folder the keys are elsewhere. An error is not about this name alone.
func (r *retiring) revoke(gone *Event, line int) (done revocation, failure *Failure, err error) {
	if r.Dir == "" {
		return done, nil, nil
	}
	fail := func(err error) (revocation, *Failure, error) {
		if isOfDisk(err) {
			return revocation{}, nil, err
		}
		return revocation{}, &Failure{Line: line, Name: gone.Name, Code: Folder, Err: err}, nil
	}
	if _, err = os.Lstat(filepath.Join(r.Dir, identity.FolderName(gone.Name))); errors.Is(err, fs.ErrNotExist) {
		return done, nil, nil
	}
	folder, err := provision.Lock(r.Dir, gone.Name)
	if err != nil {
		return fail(err)
	}
	defer folder.Close()
	keys, err := folder.Keys()
	switch {
	case err != nil && isOfDisk(err):
		return fail(err)
	case err != nil:
		why := fmt.Errorf("the keys of %s cannot be read (%w): that which was enrolled is revoked, and others may be in use", gone.Name, err)
		done.unread = &Failure{Line: line, Name: gone.Name, Code: Folder, Err: identity.WithHint(why, "mend its folder, then retire it again: the records of its other keys are withdrawn then")}
	default:
		done.keys = &keys
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
	if done.wrote, err = writeRevoked(folder.Path, ids, r.now); err != nil {
		return fail(err)
	}
	return done, nil, nil
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
// disk, and reports whether one was not there.
func writeRevoked(folder string, ids []string, now time.Time) (wrote bool, err error) {
	before, err := identity.Revoked(folder)
	if err != nil {
		return false, err
	}
	path := filepath.Join(folder, identity.RevokedFile)
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, fmt.Errorf("fleet: %w", err)
	}
	old := len(text)
	for _, id := range ids {
		if !slices.Contains(before, id) {
			text = fmt.Appendf(text, "%s %s\n", id, now.Format(time.RFC3339))
		}
	}
	if len(text) == old {
		return false, nil
	}
	temp := filepath.Join(folder, ".new-revoked")
	if err = os.WriteFile(temp, text, 0o600); err == nil { //nolint:gosec // G703: in the folder of an identity
		err = os.Rename(temp, path)
	}
	if err != nil {
		_ = os.Remove(temp) // what there is of it
		return false, fmt.Errorf("fleet: %w", err)
	}
	return true, nil
}
