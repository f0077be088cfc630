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
	s := lifecycle.State{Active: k.generation(k.Active, form), Next: k.generation(k.Next, form), Memory: m}
	for _, old := range k.Old {
		s.Old = append(s.Old, lifecycle.Old{Generation: *k.generation(old.Identity, form), Settled: old.Settled})
	}
	for _, id := range k.Beside {
		s.Beside = append(s.Beside, *k.generation(id, besideForm(id, m, seen)))
	}
	return s
}

// besideForm is the form of the record of another key of the name: that of an ML-DSA key is the
// digest, unless somebody said that the keys that sign are published whole, or the DNS shows
// another form.
func besideForm(id *identity.Identity, m lifecycle.Memory, seen lifecycle.Seen) lifecycle.Form {
	if id.Use() == identity.UseSign && m.Form != nil && m.Form.Selector == dane.PublicKey && m.Form.Usage == dane.DANEEE {
		return *m.Form
	}
	for _, f := range allForms() {
		if r, err := id.Record(f.Usage, f.Selector, f.Matching); err == nil && shows(seen, r) {
			return f
		}
	}
	return defaultForm(id)
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

// all are the generations, the active one first, and the other keys of the name.
func (k Keys) all() []*identity.Identity { return append(k.generations(), k.Beside...) }

// generations are the active key, the next one, and the earlier ones.
func (k Keys) generations() (ids []*identity.Identity) {
	for _, id := range []*identity.Identity{k.Active, k.Next} {
		if id != nil {
			ids = append(ids, id)
		}
	}
	for _, old := range k.Old {
		ids = append(ids, old.Identity)
	}
	return ids
}

// form is how the identity is published: as somebody said, else as the DNS shows, else as fits the
// use of the key.
func (k Keys) form(m lifecycle.Memory, seen lifecycle.Seen) lifecycle.Form {
	if m.Form != nil {
		return *m.Form
	}
	for _, id := range k.generations() {
		if id != k.Active && id.Use() == identity.UseEncrypt {
			continue // an earlier one for encryption has a form of its own
		}
		for _, f := range allForms() {
			if r, err := id.Record(f.Usage, f.Selector, f.Matching); err == nil && shows(seen, r) {
				return f
			}
		}
	}
	if ids := k.generations(); len(ids) > 0 {
		return defaultForm(ids[0])
	}
	return lifecycle.Form{Usage: 3, Selector: 1, Matching: 1}
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
