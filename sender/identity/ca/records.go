package ca

import (
	"fmt"
	"slices"
	"time"

	"dnseal/lookup/dane"
	"dnseal/sender/identity"
)

// RecordsAt puts a record of the CA at the owner names of identities; without names at those of all
// that have a certificate of it now. Errors, with a hint: a name that is none, or outside the
// domain; none was certified.
func (a *Authority) RecordsAt(names []string, record dane.Record, now time.Time) ([]identity.ResourceRecord, error) {
	if len(names) == 0 {
		issued, err := a.Issued()
		if err != nil {
			return nil, err
		}
		for _, i := range issued {
			if i.Name != "" && now.Before(i.Certificate.NotAfter) && !slices.Contains(names[max(len(names)-1, 0):], i.Name) {
				names = append(names, i.Name) // sorted by name
			}
		}
		if len(names) == 0 {
			return nil, identity.WithHint(fmt.Errorf("ca: the CA of %s has certified no name", a.Domain), "certify one: dnseal identity ca sign; or give names")
		}
	}
	records := make([]identity.ResourceRecord, 0, len(names))
	for _, text := range names {
		kind, name, err := identity.ParseName(text)
		if err != nil {
			return nil, err
		}
		if !a.Holds(kind, name) {
			return nil, identity.WithHint(fmt.Errorf("ca: %s is not in %s", name, a.Domain), "the CA of %s certifies names in it and below it", a.Domain)
		}
		owner, typ, err := (&identity.Identity{Kind: kind, Name: name}).OwnerName()
		if err != nil {
			return nil, err
		}
		records = append(records, identity.ResourceRecord{Identity: name, Owner: owner, Type: typ, Record: record})
	}
	return records, nil
}
