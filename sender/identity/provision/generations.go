package provision

import (
	"fmt"
	"strings"

	"dnseal/sender/identity"
	"dnseal/sender/identity/lifecycle"
)

// Generations are the keys of an identity for one purpose: those that sign, the ML-DSA keys that
// sign beside them, those for encryption.
type Generations struct {
	// Folder is where they are, below that of the identity; "": in that itself.
	Folder string
	// Active is nil where there is no key.pem, Next where no rollover is under way.
	Active, Next *identity.Identity
	Old          []OldKey
}

// own are those of k that are not beside others.
func (k Keys) own() Generations { return Generations{k.Folder, k.Active, k.Next, k.Old} }

// In are the keys in a folder; the zero value where none is.
func (k Keys) In(folder string) Generations {
	for _, g := range k.All() {
		if g.Folder == folder {
			return g
		}
	}
	return Generations{Folder: folder}
}

// All are those of k, its own first.
func (k Keys) All() []Generations { return append([]Generations{k.own()}, k.Beside...) }

// all are the active key, the next one, and the earlier ones.
func (g Generations) all() (ids []*identity.Identity) {
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

// RollingOver reports whether a rollover is under way: there is a next key, or an old one of which
// it is not decided what becomes of its record.
func (g Generations) RollingOver() bool {
	for _, old := range g.Old {
		if !old.Settled && (g.Active == nil || old.GenerationID() != g.Active.GenerationID()) {
			return true
		}
	}
	return g.Next != nil
}

// RollingOver reports whether a rollover of some key is under way.
func (k Keys) RollingOver() bool {
	for _, g := range k.All() {
		if g.RollingOver() {
			return true
		}
	}
	return false
}

// Which are the words for the keys of a name that can be rolled over: the one that signs, the
// ML-DSA key beside it and the one for encryption.
func Which() []string {
	return []string{WhichSigns, identity.PostQuantumFolder, identity.EncryptFolder}
}

// WhichSigns is the one of [Which] for the key that signs.
const WhichSigns = "sign"

// Which are the keys that one of the words names, which has to be there; "": those that sign, or
// that decrypt where no key signs. Errors, with a hint: there is no such key; no such word.
func (k Keys) Which(word string) (g Generations, err error) {
	folder := word
	switch word {
	case "":
		folder = k.Folder
	case WhichSigns:
		folder = ""
	case identity.PostQuantumFolder, identity.EncryptFolder:
	default:
		return g, identity.WithHint(fmt.Errorf("provision: %q is no key of a name", word), "use one of %s", strings.Join(Which(), ", "))
	}
	if g = k.In(folder); g.Active == nil && g.Next == nil {
		return g, k.none(folder)
	}
	return g, nil
}

// none says that the name has no key in a folder, and how it gets one.
func (k Keys) none(folder string) error {
	all := k.all()
	if len(all) == 0 {
		return errNoKey
	}
	name, make := all[0].Name, "dnseal identity new "+identity.Quote(all[0].Name)
	switch folder {
	case identity.PostQuantumFolder:
		hint := "make one: " + make + " --algorithm ml-dsa-65"
		if k.Active != nil && strings.HasPrefix(k.Active.Algorithm(), "ml-dsa-") {
			hint = "the key that signs is an ML-DSA key: leave --which out"
		}
		return identity.WithHint(fmt.Errorf("provision: %s has no ML-DSA key beside the one that signs", name), "%s", hint)
	case identity.EncryptFolder:
		hint := "make one: " + make + " --use encrypt"
		if k.Active != nil && k.Active.Use() == identity.UseBoth {
			hint = "the key that signs is the one for encryption too: leave --which out"
		}
		return identity.WithHint(fmt.Errorf("provision: %s has no key for encryption alone", name), "%s", hint)
	}
	return identity.WithHint(fmt.Errorf("provision: %s has no key that signs", name), "make one: %s", make)
}

// next makes the next key of one folder.
func (f *Folder) next(g Generations, opts NextOptions) error {
	if g.RollingOver() {
		return nil
	}
	return f.in(g.Folder).MakeNext(opts)
}

// remember notes what is wanted of the record of an earlier key; of a key that signs it stays for a
// while by default, so that mail under way arrives first.
func (opts *RolloverOptions) remember(r *lifecycle.Rollover, folder string) {
	if opts.Retention != "" {
		r.Retention = opts.Retention
	} else if r.Retention == "" && !opts.Continue {
		r.Retention = lifecycle.Withdraw
	}
	switch {
	case opts.OldFor != nil:
		r.OldFor = *opts.OldFor
	case r.OldFor == 0 && !opts.Continue && opts.Retention == "" && folder != identity.EncryptFolder:
		r.OldFor = lifecycle.DefaultOldFor
	}
}
