package handover

import (
	"errors"
	"io/fs"
	"iter"
	"path/filepath"
	"slices"

	"dnseal/sender/fleet"
	"dnseal/sender/fleet/handover"
	"dnseal/sender/identity"
	"dnseal/smime/cms"
)

// Folders are the identities of an inventory, with the keys in their folders.
type Folders struct {
	// Revoked is how many were left out when entries were last read: their keys are revoked.
	Revoked int

	inventory, dir string
	columns        []string
}

// NewFolders reads which columns the identities of an inventory have. Errors: those of
// [fleet.ReadInventory] and [fleet.Inventory.Each].
func NewFolders(inventory, dir string) (*Folders, error) {
	f := &Folders{inventory: inventory, dir: dir}
	err := f.each(func(e fleet.Event) error {
		for c := range e.Row {
			if !slices.Contains(f.columns, c) {
				f.columns = append(f.columns, c)
			}
		}
		return nil
	})
	slices.Sort(f.columns)
	f.columns = own(f.columns, NameColumn, KeyColumn)
	return f, err
}

// Columns implements Source.
func (f *Folders) Columns() []string { return f.columns }

func (f *Folders) each(do func(fleet.Event) error) error {
	inv, err := fleet.ReadInventory(f.inventory)
	if err != nil {
		return err
	}
	defer inv.Close() //nolint:errcheck // only read from
	return inv.Each(do)
}

// errStop ends a reading that nobody wants more of.
var errStop = errors.New("stopped")

// Entries implements Source.
func (f *Folders) Entries() iter.Seq2[handover.Entry, error] {
	return func(yield func(handover.Entry, error) bool) {
		f.Revoked = 0
		err := f.each(func(e fleet.Event) error {
			entry, err := f.entry(&e)
			if errors.Is(err, identity.ErrRevoked) {
				f.Revoked++
				return nil
			}
			if err != nil {
				err = &fleet.Failure{Name: e.Name, Code: fleet.BadKey, Err: err}
			}
			if !yield(entry, err) {
				return errStop
			}
			return nil
		})
		if err != nil && !errors.Is(err, errStop) {
			yield(handover.Entry{}, err)
		}
	}
}

// entry is one identity; [identity.ErrRevoked]: it is none to be handed over.
func (f *Folders) entry(e *fleet.Event) (handover.Entry, error) {
	out := handover.Entry{Name: e.Name, Columns: values(f.columns, func(c string) string { return e.Row[c] })}
	var err error
	if out.Provenance, err = provenance(e.Row[ProvenanceColumn]); err != nil {
		return out, err
	}
	id, err := identity.LoadPublic(f.dir, e.Name)
	if errors.Is(err, fs.ErrNotExist) {
		return out, errors.New("its key is not here, and the inventory has no more than its digest: hand the table with the public keys on (--from)")
	}
	if err != nil {
		return out, err
	}
	revoked, err := identity.Revoked(filepath.Dir(id.KeyFile))
	if err != nil {
		return out, err
	}
	if slices.Contains(revoked, id.KeyID()) {
		return out, identity.ErrRevoked
	}
	if id.Certificate != nil {
		out.Certificate = id.Certificate.Raw
		return out, nil
	}
	out.PublicKey, err = cms.MarshalPublicKey(id.Public)
	return out, err
}
