// Package handover makes hand-overs of a fleet and takes them, for the commands: where their
// entries come from (table.go, folders.go), the parts that they are made in (make.go), and the
// table that they become (take.go). A table that was taken can be enrolled, and given on: the two
// ends of this package read and write the same columns.
package handover

import (
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"dnseal/sender/fleet/handover"
	"dnseal/sender/identity"
)

// Columns of a table that are no columns of an entry.
const (
	// NameColumn has the name of the identity.
	NameColumn = "name"
	// KeyColumn has the public key in base64, or the certificate.
	KeyColumn = "public_key"
	// ProvenanceColumn has the hand-overs before, as JSON.
	ProvenanceColumn = "provenance"
)

// Source is where the entries of a hand-over come from. They are read more than once, and are the
// same each time.
type Source interface {
	// Columns are those of all entries.
	Columns() []string
	// Entries in their order; one that comes with a [*fleet.Failure] is none, and the next follows;
	// after another error there is none.
	Entries() iter.Seq2[handover.Entry, error]
}

// taker is the normal form of the name of a taker; empty: anybody.
func taker(name string) (string, error) {
	if name == "" {
		return "", nil
	}
	_, name, err := identity.ParseName(name)
	if err != nil {
		err = fmt.Errorf("--taker: %w", err)
	}
	return name, err
}

// own are the columns of a table that go into Entry.Columns.
func own(columns []string, name, key string) []string {
	return slices.DeleteFunc(slices.Clone(columns), func(c string) bool {
		return c == name || c == key || c == ProvenanceColumn
	})
}

// provenance reads what a table says of the hand-overs before.
func provenance(text string) (list []handover.Origin, err error) {
	if text == "" {
		return nil, nil
	}
	d := json.NewDecoder(strings.NewReader(text))
	d.DisallowUnknownFields()
	if err = d.Decode(&list); err != nil || d.More() {
		return nil, errors.New("its provenance is not as a hand-over writes it")
	}
	return list, nil
}

// values are the columns of an entry that have one.
func values(columns []string, of func(column string) string) map[string]string {
	all := map[string]string{}
	for _, c := range columns {
		if v := of(c); v != "" {
			all[c] = v
		}
	}
	if len(all) == 0 {
		return nil
	}
	return all
}
