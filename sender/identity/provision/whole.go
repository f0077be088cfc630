package provision

import (
	"os"

	"dnseal/lookup/dane"
	"dnseal/sender/identity"
	"dnseal/sender/identity/ca"
	"dnseal/sender/identity/lifecycle"
)

// HoldsCertificate reports whether the published record of an identity has its whole certificate,
// so that another one for the same key needs another record: as far as it is remembered of what was
// published, and of what was seen in the DNS.
func HoldsCertificate(dir, name string) bool {
	form, ok := wholeOf(dir, name, true)
	return ok && (form.Usage == dane.PKIXEE || form.Usage == dane.DANEEE)
}

// HoldsAuthority lists the places and identities whose published records have the whole certificate
// of a CA, so that another one of the same key needs another record; as far as it is remembered.
// Errors: what the file system returned.
func HoldsAuthority(dir string, a *ca.Authority) (where []string, err error) {
	for _, place := range identity.Places() {
		text, readErr := os.ReadFile((&Authority{CA: a, Place: identity.Place(place)}).file())
		if readErr != nil {
			continue // never published there
		}
		if m, parseErr := lifecycle.ParseMemory(text); parseErr == nil && isWhole(m) {
			where = append(where, place)
		}
	}
	names, err := identity.List(dir)
	if err != nil {
		return nil, err
	}
	seen := len(where) == 0 // else it is that of a wildcard, which each name shows
	for _, name := range names {
		form, ok := wholeOf(dir, name, seen)
		if !ok || form.Usage != dane.PKIXTA && form.Usage != dane.DANETA {
			continue
		}
		if id, loadErr := identity.LoadPublic(dir, name); loadErr == nil && a.Certifies(id) {
			where = append(where, name)
		}
	}
	return where, nil
}

// wholeOf is the form of the published record of an identity; ok is false where that has no whole
// certificate. With seen one counts that was only seen in the DNS.
func wholeOf(dir, name string, seen bool) (form lifecycle.Form, ok bool) {
	f, err := Find(dir, name)
	if err != nil {
		return form, false
	}
	m, _, err := f.Memory()
	if err != nil {
		return form, false
	}
	if m.Publish && m.Form != nil {
		return *m.Form, isWhole(m)
	}
	keys, err := f.Keys()
	if !seen || err != nil || keys.Active == nil {
		return form, false
	}
	return wholeSeen(keys.Active, m)
}

// wholeSeen is the form of a record with the whole certificate that every name server showed, where
// none with the key alone was there too.
func wholeSeen(id *identity.Identity, m lifecycle.Memory) (form lifecycle.Form, ok bool) {
	for _, f := range allForms() {
		r, err := id.Record(f.Usage, f.Selector, f.Matching)
		switch {
		case err != nil || m.Shown[lifecycle.RecordID(r)].Since.IsZero():
		case f.Selector != dane.FullCertificate:
			return f, false
		default:
			form, ok = f, true
		}
	}
	return form, ok
}

// isWhole reports whether a record is published that has a whole certificate (RFC 6698, Section
// 2.1.2).
func isWhole(m lifecycle.Memory) bool {
	return m.Publish && m.Form != nil && m.Form.Selector == dane.FullCertificate
}
