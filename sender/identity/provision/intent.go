package provision

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"dnseal/lookup/dane"
	"dnseal/sender/identity"
	"dnseal/sender/identity/lifecycle"
)

// PublishOptions are for ToPublish.
type PublishOptions struct {
	// Form is the form of the record; nil: as it is.
	Form *lifecycle.Form
	// TTL of the records; 0: as it is.
	TTL time.Duration
	// Beside publishes beside records that are of none of the identity's keys.
	Beside bool
}

// ToPublish wants the active key published; one that was revoked signs again. That counts from when
// the primary took the record, or every name server shows it: before, and where it is refused, all
// that was wanted stays as it was.
func ToPublish(opts PublishOptions) Intent {
	return Intent{
		published: func(f *Folder, k Keys) error {
			for _, id := range k.inUse() {
				if err := f.Restore(id.KeyID()); err != nil {
					return err
				}
			}
			return nil
		},
		Memory: func(k Keys, m *lifecycle.Memory) error {
			if opts.Form != nil {
				if err := k.checkForm(*opts.Form); err != nil {
					return err
				}
				m.Form = opts.Form
			}
			m.Publish, m.Beside = true, m.Beside || opts.Beside
			if opts.TTL > 0 && opts.TTL != m.TTL {
				m.TTL, m.TTLSent = opts.TTL, time.Time{}
			}
			forgetVanished(k, m)
			return nil
		},
		pretend: func(k *Keys) {
			for _, id := range k.inUse() {
				k.Revoked = slices.DeleteFunc(k.Revoked, func(r string) bool { return r == id.KeyID() })
			}
		},
	}
}

// forgetVanished lets a record that vanished be published again.
func forgetVanished(k Keys, m *lifecycle.Memory) {
	if k.Active == nil {
		return
	}
	s := k.state(*m, nil)
	wanted := []dane.Record{s.Active.Want}
	for _, b := range s.Beside {
		if g := b.Active; g != nil {
			wanted = append(append(wanted, g.Want), g.Also...)
		}
	}
	for _, r := range wanted {
		id := lifecycle.RecordID(r)
		if shown, known := m.Shown[id]; known {
			shown.Once = false
			m.Shown[id] = shown
		}
	}
}

// inUse are the keys whose records ToPublish wants.
func (k Keys) inUse() []*identity.Identity {
	if k.Active == nil {
		return nil
	}
	ids := []*identity.Identity{k.Active}
	for _, g := range k.Beside {
		if g.Active != nil {
			ids = append(ids, g.Active)
		}
	}
	return ids
}

// RolloverOptions are for ToRollOver.
type RolloverOptions struct {
	NextOptions
	// Which is the key of the name that is rolled over, one of [Which]; "": the one that signs, or
	// the one for encryption where none signs.
	Which string
	// Retention is what becomes of the record of the old key; "": as was said before, else it is
	// withdrawn.
	Retention lifecycle.Retention
	// OldFor is how long the old record stays after the switch, where it is withdrawn; nil: as was
	// said before, else [lifecycle.DefaultOldFor], and for encryption no longer than caches need.
	OldFor *time.Duration
	// Continue carries on the rollovers that are under way, and begins none.
	Continue bool
}

// ToRollOver wants another key in place of one. A rollover of it that is under way goes on, and no
// other begins before its old record is kept or withdrawn.
func ToRollOver(opts RolloverOptions) Intent {
	return Intent{
		Files: func(f *Folder, k Keys) error {
			g, err := opts.which(k)
			if err != nil || opts.Continue {
				return err
			}
			return f.next(g, opts.NextOptions)
		},
		Memory: func(k Keys, m *lifecycle.Memory) error {
			g, err := opts.which(k)
			if err != nil {
				return err
			}
			r := m.Rollover(g.Folder)
			opts.remember(&r, g.Folder)
			m.SetRollover(g.Folder, r)
			return g.fits(opts)
		},
	}
}

// which are the keys that are rolled over. Who only carries on needs none to be there.
func (opts *RolloverOptions) which(k Keys) (Generations, error) {
	if opts.Continue && opts.Which == "" {
		return k.own(), nil
	}
	return k.Which(opts.Which)
}

// fits refuses an algorithm that is not one for the keys, or not that of a next key which is there:
// it would be left out of account.
func (g Generations) fits(opts RolloverOptions) error {
	if opts.Continue || opts.Algorithm == "" {
		return nil
	}
	if g.Folder == identity.PostQuantumFolder && !strings.HasPrefix(opts.Algorithm, "ml-dsa-") {
		return identity.WithHint(fmt.Errorf("provision: the key in %s is one of ML-DSA, not of %s", g.Folder, opts.Algorithm), "give ml-dsa-44, ml-dsa-65 or ml-dsa-87, or leave --algorithm out")
	}
	if g.Next == nil {
		return nil
	}
	there := g.Next.Algorithm()
	if there == "" || there == opts.Algorithm {
		return nil
	}
	return identity.WithHint(fmt.Errorf("provision: a rollover of %s is under way, to a key of the algorithm %s", g.Next.Name, there),
		"run this again without --algorithm, and it goes on; another next key is made after: dnseal identity revoke %s --key %s", identity.Quote(g.Next.Name), g.Next.KeyID())
}

// ToRevoke wants keys to sign no more and their records gone: those with the KeyID keyID, all for
// "". That counts at once, also where the withdrawal is refused: who runs it again goes on. Errors
// of a run: no key has that KeyID.
func ToRevoke(keyID string, now time.Time) Intent {
	return Intent{
		Files: func(f *Folder, k Keys) error { return f.revokeKeys(k, k.withID(keyID), now) },
		Memory: func(k Keys, m *lifecycle.Memory) error {
			if len(k.withID(keyID)) == 0 {
				return k.noKey(keyID)
			}
			if keyID == "" {
				m.Publish = false
			}
			return nil
		},
		pretend: func(k *Keys) { k.Revoked = append(k.Revoked, k.withID(keyID)...) },
		insists: true, // the withdrawal counts more than the note of it
	}
}

// withID are the KeyIDs of the keys that keyID names: of all for "".
func (k Keys) withID(keyID string) (ids []string) {
	for _, id := range k.all() {
		if keyID == "" || id.KeyID() == keyID {
			ids = append(ids, id.KeyID())
		}
	}
	return ids
}

// revokeKeys notes that keys are revoked. A next key among them becomes an earlier one.
func (f *Folder) revokeKeys(k Keys, ids []string, now time.Time) error {
	if err := f.Revoke(now, ids...); err != nil {
		return err
	}
	for _, g := range k.All() {
		if g.Next == nil || !slices.Contains(ids, g.Next.KeyID()) || g.Active != nil && g.Next.KeyID() == g.Active.KeyID() {
			continue
		}
		if err := f.in(g.Folder).setNextAside(g.Next, now); err != nil {
			return err
		}
	}
	return nil
}

// setNextAside moves the next key to the earlier ones.
func (f *Folder) setNextAside(next *identity.Identity, now time.Time) error {
	folder, err := f.oldFolder(next.GenerationID(), now)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(folder), 0o700); err != nil {
		return fmt.Errorf("provision: %w", err)
	}
	if err := os.Rename(f.path(identity.NextFolder), folder); err != nil {
		return fmt.Errorf("provision: next key of %s: %w", f.Name, err)
	}
	return identity.SyncDir(f.Path)
}

// noKey is the error for a KeyID that no key has.
func (k Keys) noKey(keyID string) error {
	ids := k.withID("")
	if len(ids) == 0 {
		return errNoKey
	}
	return identity.WithHint(fmt.Errorf("provision: %s has no key %q", k.all()[0].Name, keyID), "its keys are %s", strings.Join(ids, ", "))
}
