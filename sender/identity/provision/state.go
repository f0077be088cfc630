package provision

import (
	"slices"

	"dnseal/lookup/dane"
	"dnseal/lookup/dnssec"
	"dnseal/lookup/publish"
	"dnseal/sender/identity"
	"dnseal/sender/identity/lifecycle"
)

// state is what the keys and the memory say, for what the servers show.
func (k Keys) state(m lifecycle.Memory, seen lifecycle.Seen) lifecycle.State {
	form := k.form(m, seen)
	of := func(*identity.Identity) lifecycle.Form { return form }
	if k.Folder == identity.EncryptFolder && m.Form == nil {
		of = func(id *identity.Identity) lifecycle.Form { return shownForm(seen, defaultForm(id), id) }
	}
	own := k.beside(k.own(), of)
	s := lifecycle.State{Active: own.Active, Next: own.Next, Old: own.Old, Folder: k.Folder, Memory: m}
	for _, g := range k.Beside {
		s.Beside = append(s.Beside, k.beside(g, g.besideForm(m, seen)))
	}
	return s
}

// beside are generations as package lifecycle sees them, each in the form that of says.
func (k Keys) beside(g Generations, of func(*identity.Identity) lifecycle.Form) lifecycle.Beside {
	b := lifecycle.Beside{Folder: g.Folder}
	if g.Active != nil {
		b.Active = k.generation(g.Active, of(g.Active))
	}
	if g.Next != nil {
		b.Next = k.generation(g.Next, of(g.Next))
	}
	for _, old := range g.Old {
		b.Old = append(b.Old, lifecycle.Old{Generation: *k.generation(old.Identity, of(old.Identity)), Settled: old.Settled})
	}
	return b
}

// besideForm says the form of the records of other keys of the name: that of ML-DSA keys is the
// digest, unless somebody said that the keys that sign are published whole, or the DNS shows one of
// them in another form. A key for encryption has a form of its own.
func (g Generations) besideForm(m lifecycle.Memory, seen lifecycle.Seen) func(*identity.Identity) lifecycle.Form {
	return func(id *identity.Identity) lifecycle.Form {
		switch {
		case id.Use() == identity.UseEncrypt:
			return shownForm(seen, defaultForm(id), id)
		case m.Form != nil && m.Form.Selector == dane.PublicKey && m.Form.Usage == dane.DANEEE:
			return *m.Form
		}
		return shownForm(seen, defaultForm(id), g.all()...)
	}
}

// shownForm is the form of the first record of a key that a server shows, else the other one.
func shownForm(seen lifecycle.Seen, other lifecycle.Form, ids ...*identity.Identity) lifecycle.Form {
	for _, id := range ids {
		for _, f := range allForms() {
			if r, err := id.Record(f.Usage, f.Selector, f.Matching); err == nil && shows(seen, r) {
				return f
			}
		}
	}
	return other
}

// generation is id as package lifecycle sees it.
func (k Keys) generation(id *identity.Identity, form lifecycle.Form) *lifecycle.Generation {
	if id == nil {
		return nil
	}
	g := &lifecycle.Generation{ID: id.GenerationID(), Key: id.KeyID(), Revoked: slices.Contains(k.Revoked, id.KeyID())}
	if id.Certificate != nil {
		g.Ends = id.Certificate.NotAfter
	}
	var err error
	if g.Want, err = id.Record(form.Usage, form.Selector, form.Matching); err != nil { // no CA's
		form = defaultForm(id)
		g.Want, _ = id.Record(form.Usage, form.Selector, form.Matching) // every key has it
	}
	for _, f := range allForms() {
		if r, err := id.Record(f.Usage, f.Selector, f.Matching); err == nil && f != form {
			g.Also = append(g.Also, r)
		}
	}
	return g
}

// allForms are all forms of records, the commonest first.
func allForms() []lifecycle.Form {
	forms := []lifecycle.Form{{Usage: 3, Selector: 1, Matching: 1}, {Usage: 3, Selector: 0, Matching: 0}}
	for usage := range uint8(4) {
		for selector := range uint8(2) {
			for matching := range uint8(3) {
				if f := (lifecycle.Form{Usage: usage, Selector: selector, Matching: matching}); !slices.Contains(forms, f) {
					forms = append(forms, f)
				}
			}
		}
	}
	return forms
}

// all are the generations, the active one first, and those of the other keys of the name.
func (k Keys) all() (ids []*identity.Identity) {
	for _, g := range k.All() {
		ids = append(ids, g.all()...)
	}
	return ids
}

// generations are the active key, the next one, and the earlier ones.
func (k Keys) generations() []*identity.Identity { return k.own().all() }

// form is how the identity is published: as somebody said, else as the DNS shows, else as fits the
// use of the key.
func (k Keys) form(m lifecycle.Memory, seen lifecycle.Seen) lifecycle.Form {
	if m.Form != nil {
		return *m.Form
	}
	ids := k.generations()
	if len(ids) == 0 {
		return lifecycle.Form{Usage: 3, Selector: 1, Matching: 1}
	}
	return shownForm(seen, defaultForm(ids[0]), ids...)
}

func defaultForm(id *identity.Identity) lifecycle.Form {
	usage, selector, matching := id.RecordForm()
	return lifecycle.Form{Usage: usage, Selector: selector, Matching: matching}
}

func shows(seen lifecycle.Seen, r dane.Record) bool {
	return slices.ContainsFunc(seen, func(s lifecycle.Server) bool {
		return slices.ContainsFunc(s.Records, func(o dane.Record) bool { return lifecycle.Same(o, r) })
	})
}

// checkForm returns an error, with a hint, where a key of the identity cannot be published so.
func (k Keys) checkForm(f lifecycle.Form) error {
	for _, id := range []*identity.Identity{k.Active, k.Next} {
		if id == nil {
			continue
		}
		if _, err := id.Record(f.Usage, f.Selector, f.Matching); err != nil {
			return err
		}
	}
	return nil
}

// owner is where the records of the identity are.
func (k Keys) owner() (string, dane.Type, error) {
	for _, id := range k.all() {
		return id.OwnerName()
	}
	return "", 0, errNoKey
}

// seenBy makes package lifecycle's view of what the servers showed.
func seenBy(servers []publish.Seen) (seen lifecycle.Seen) {
	for _, s := range servers {
		server := lifecycle.Server{
			Name: s.Server, Status: s.Status.String(), Reason: s.Reason, Records: s.Records, Alias: s.Alias,
			TTL: s.TTL, Negative: s.NegativeTTL, SignedUntil: s.Expires, OptOut: s.OptOut, Wildcard: s.Wildcard, Source: s.Source,
		}
		// Absence in an opt-out span is as far as such a zone goes: nothing better can come.
		if s.Code == dnssec.CodeOptOut && s.Presence == dane.Absent {
			server.Status, server.Unproven = lifecycle.Secure, true
		}
		if s.Err != nil {
			server.Err = s.Err.Error()
		}
		seen = append(seen, server)
	}
	return seen
}
