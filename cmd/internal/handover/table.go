package handover

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"

	"dnseal/cmd/internal/cli"
	"dnseal/sender/fleet"
	"dnseal/sender/fleet/handover"
	"dnseal/sender/identity"
)

// Table is a table in CSV with a column of public keys or certificates.
type Table struct {
	// File is read once for each pass: it cannot be standard input.
	File string
	// Key is the column of the key, Name that of the name; empty: the rows have no names yet.
	Key, Name string

	columns []string // of the entries
}

// Open reads the first row. Errors: a column that is not there, with a hint; those of
// [fleet.NewRows].
func (t *Table) Open() error {
	if t.File == "-" {
		return errors.New("the table is read more than once, so that it has to be a file")
	}
	rows, end, err := t.rows()
	if err != nil {
		return err
	}
	defer end()
	for _, c := range []string{t.Key, t.Name} {
		if c != "" && !slices.Contains(rows.Columns, c) {
			return cli.Hint(fmt.Errorf("%s has no column %q", t.File, c), "its columns: %q", rows.Columns)
		}
	}
	t.columns = own(rows.Columns, t.Name, t.Key)
	return nil
}

// Columns implements Source.
func (t *Table) Columns() []string { return t.columns }

func (t *Table) rows() (rows *fleet.Rows, end func(), err error) {
	f, err := cli.Open(t.File)
	if err != nil {
		return nil, nil, err
	}
	end = func() { _ = f.Close() } // only read from
	if rows, err = fleet.NewRows(f); err != nil {
		end()
	}
	return rows, end, err
}

// Entries implements Source.
func (t *Table) Entries() iter.Seq2[handover.Entry, error] {
	return func(yield func(handover.Entry, error) bool) {
		rows, end, err := t.rows()
		if err != nil {
			yield(handover.Entry{}, err)
			return
		}
		defer end()
		for {
			row, err := rows.Next()
			if errors.Is(err, io.EOF) {
				return
			}
			entry := handover.Entry{}
			if err == nil {
				entry, err = t.entry(rows.Columns, row)
			}
			_, goesOn := errors.AsType[*fleet.Failure](err)
			if !yield(entry, err) || err != nil && !goesOn {
				return
			}
		}
	}
}

// entry is one row.
func (t *Table) entry(columns []string, row fleet.Row) (e handover.Entry, err error) {
	of := func(column string) string {
		if i := slices.Index(columns, column); i >= 0 {
			return row.Values[i]
		}
		return ""
	}
	fail := func(code fleet.Code, err error) error { return &fleet.Failure{Line: row.Line, Code: code, Err: err} }
	e.Columns = values(t.columns, of)
	if t.Name != "" {
		if _, e.Name, err = identity.ParseName(of(t.Name)); err != nil {
			return e, fail(fleet.BadName, err)
		}
	}
	if e.Provenance, err = provenance(of(ProvenanceColumn)); err != nil {
		return e, fail(fleet.BadValue, err)
	}
	if e.PublicKey, e.Certificate, err = publicKey(t.Key, of(t.Key)); err != nil {
		return e, fail(fleet.BadKey, err)
	}
	return e, nil
}
