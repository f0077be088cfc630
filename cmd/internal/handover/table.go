package handover

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"slices"
	"strings"

	"dnseal/cmd/internal/cli"
	"dnseal/sender/fleet"
	"dnseal/sender/fleet/handover"
	"dnseal/sender/identity"
)

// Table is a table in CSV with a column of public keys or certificates.
type Table struct {
	// File is read once for each pass: it cannot be standard input.
	File string
	// Key is the column of the key, Name that of the name. Where Name is empty it is that of a
	// table that take wrote, in which a name may be missing; else the rows have no names yet.
	Key, Name string

	columns []string // of the entries
	isTaken bool     // it has NameColumn and ProvenanceColumn
}

// Open reads the first row. Errors: a column that is not there, with a hint; those of
// [fleet.NewRows].
func (t *Table) Open() error {
	if info, err := os.Stat(t.File); t.File == "-" || err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("--from: %s is no regular file; the table is read more than once", t.File)
	}
	rows, end, err := t.rows()
	if err != nil {
		return err
	}
	defer end()
	t.isTaken = slices.Contains(rows.Columns, NameColumn) && slices.Contains(rows.Columns, ProvenanceColumn)
	if t.Name == "" && t.isTaken {
		t.Name = NameColumn
	}
	for _, c := range []string{t.Key, t.Name} {
		if c != "" && !slices.Contains(rows.Columns, c) {
			return cli.Hint(fmt.Errorf("%s has no column %q", t.File, c), "its columns: %s", cli.Printable(strings.Join(rows.Columns, ", ")))
		}
	}
	t.columns = own(rows.Columns, t.Name, t.Key)
	return t.checkOwn()
}

// checkOwn wants no column that take would refuse.
func (t *Table) checkOwn() error {
	for c, option := range map[string]string{NameColumn: "--name-column", KeyColumn: "--public-key-column"} {
		if slices.Contains(t.columns, c) {
			return cli.Hint(fmt.Errorf("%s has a column %q, which a hand-over has for itself", t.File, c), "name it by %s %s, or call it otherwise", option, c)
		}
	}
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
		seen := map[[16]byte]int{}
		for {
			row, err := rows.Next()
			if errors.Is(err, io.EOF) {
				return
			}
			entry := handover.Entry{}
			if err == nil {
				entry, err = t.entry(rows.Columns, row)
			}
			if err == nil {
				err = once(seen, row.Line, &entry)
			}
			_, goesOn := errors.AsType[*fleet.Failure](err)
			if !yield(entry, err) || err != nil && !goesOn {
				return
			}
		}
	}
}

// once wants a key that no row before has. seen has the lines.
func once(seen map[[16]byte]int, line int, e *handover.Entry) error {
	d := keyDigest(e.PublicKey, e.Certificate)
	if before, ok := seen[d]; ok {
		err := fmt.Errorf("its key is that of line %d too: one key proves nothing of two devices", before)
		return &fleet.Failure{Line: line, Name: e.Name, Code: fleet.Duplicate, Err: err}
	}
	seen[d] = line
	return nil
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
	if t.Name != "" && (of(t.Name) != "" || !t.isTaken) {
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
