package fleet

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"dnseal/sender/identity"
)

// Names are those of a list, or of the rows of a table.
type Names struct {
	next func() (Listed, error)
	// columns are those that a template makes the names of; nil: a name tells which identity it is.
	columns []string
}

// Listed is one name.
type Listed struct {
	Name string
	Line int
	row  uint64 // digest of the values of the columns
}

// Next returns the next name. Errors: [io.EOF] after the last; a [*Failure] of one line: the
// next call returns the one after it.
func (n *Names) Next() (Listed, error) { return n.next() }

// ListedNames reads names, one a line; what follows a # is left out.
func ListedNames(r io.Reader) *Names {
	in := bufio.NewScanner(r)
	in.Buffer(nil, maxTemplate)
	line := 0
	return &Names{next: func() (Listed, error) {
		for in.Scan() {
			line++
			text, _, _ := strings.Cut(strings.TrimPrefix(in.Text(), "\ufeff"), "#")
			if text = strings.TrimSpace(text); text == "" {
				continue
			}
			_, name, err := identity.ParseName(text)
			if err != nil && strings.ContainsAny(text, ",;\t") {
				err = identity.WithHint(err, "this looks like a table: give --template or --name-column")
			}
			if err != nil {
				return Listed{}, &Failure{Line: line, Code: BadName, Err: err}
			}
			return Listed{Name: name, Line: line}, nil
		}
		if err := in.Err(); err != nil {
			return Listed{}, fmt.Errorf("fleet: line %d: %w", line+1, err)
		}
		return Listed{}, io.EOF
	}}
}

// ColumnNames takes names from a column of a table.
func ColumnNames(rows *Rows, column string) (*Names, error) {
	at := slices.Index(rows.Columns, column)
	if at < 0 {
		return nil, identity.WithHint(fmt.Errorf("fleet: the table has no column %q; it has: %s", clip(column), clip(strings.Join(rows.Columns, ", "))), "give --template, or a table with the names")
	}
	return namesOf(rows, nil, func(row Row) (string, error) { return unquoted(row.Values[at]), nil }), nil
}

// unquoted takes off the apostrophe that keeps a spreadsheet from reading a value as a formula
// (OWASP, CSV Injection), as files of failures have it.
func unquoted(value string) string {
	if len(value) > 1 && value[0] == '\'' && strings.ContainsRune("=+-@", rune(value[1])) {
		return value[1:]
	}
	return value
}

// TemplateNames makes names of a table by a template, which has nothing random. Where the template
// makes one name of two rows only one of them was enrolled: the values tell which.
func TemplateNames(rows *Rows, t *Template, key []byte) (*Names, error) {
	switch {
	case t.IsRandom():
		return nil, identity.WithHint(errors.New("fleet: the name of a row is random, and the table does not tell it"), "name the identities by a list or a column of names; the inventory has the row of each")
	case t.NeedsKey() && len(key) == 0:
		return nil, identity.WithHint(errors.New("fleet: {hash(…)} needs a key"), "give --name-key FILE")
	}
	return namesOf(rows, t.columns(), func(row Row) (string, error) { return t.expand(row.Values, "", key, "") }), nil
}

func namesOf(rows *Rows, columns []int, of func(Row) (string, error)) *Names {
	n := new(Names)
	for _, at := range columns {
		n.columns = append(n.columns, rows.Columns[at])
	}
	n.next = func() (Listed, error) {
		row, err := rows.Next()
		if err != nil {
			return Listed{}, err
		}
		text, err := of(row)
		if err != nil {
			return Listed{}, &Failure{Line: row.Line, Code: BadValue, Err: err}
		}
		_, name, err := identity.ParseName(text)
		if err != nil {
			return Listed{}, &Failure{Line: row.Line, Code: BadName, Err: err}
		}
		sum := sha256.New()
		for _, at := range columns {
			addValue(sum, row.Values[at])
		}
		return Listed{name, row.Line, binary.BigEndian.Uint64(sum.Sum(nil))}, nil
	}
	return n
}

// of is the digest of a row that was enrolled.
func (n *Names) of(row map[string]string) uint64 {
	sum := sha256.New()
	for _, c := range n.columns {
		addValue(sum, row[c])
	}
	return binary.BigEndian.Uint64(sum.Sum(nil))
}
