package fleet

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"dnseal/sender/identity"
)

// Names yields names with their lines; the error is [io.EOF] after the last, or a [*Failure] of one
// line.
type Names func() (name string, line int, err error)

// ListedNames reads names, one a line; what follows a # is left out.
func ListedNames(r io.Reader) Names {
	in := bufio.NewScanner(r)
	in.Buffer(nil, maxTemplate)
	line := 0
	return func() (string, int, error) {
		for in.Scan() {
			line++
			text, _, _ := strings.Cut(strings.TrimPrefix(in.Text(), "\ufeff"), "#")
			if text = strings.TrimSpace(text); text == "" {
				continue
			}
			_, name, err := identity.ParseName(text)
			if err != nil {
				return "", line, &Failure{Line: line, Code: BadName, Err: err}
			}
			return name, line, nil
		}
		if err := in.Err(); err != nil {
			return "", line, fmt.Errorf("fleet: line %d: %w", line+1, err)
		}
		return "", line, io.EOF
	}
}

// ColumnNames takes names from a column of a table.
func ColumnNames(rows *Rows, column string) (Names, error) {
	at := slices.Index(rows.Columns, column)
	if at < 0 {
		return nil, identity.WithHint(fmt.Errorf("fleet: the table has no column %q; it has: %s", clip(column), clip(strings.Join(rows.Columns, ", "))), "give --template, or a table with the names")
	}
	return namesOf(rows, func(row Row) (string, error) { return unquoted(row.Values[at]), nil }), nil
}

// unquoted takes off the apostrophe that keeps a spreadsheet from reading a value as a formula
// (OWASP, CSV Injection), as files of failures have it.
func unquoted(value string) string {
	if len(value) > 1 && value[0] == '\'' && strings.ContainsRune("=+-@", rune(value[1])) {
		return value[1:]
	}
	return value
}

// TemplateNames makes names of a table by a template, which has nothing random.
func TemplateNames(rows *Rows, t *Template, key []byte) (Names, error) {
	switch {
	case t.IsRandom():
		return nil, identity.WithHint(errors.New("fleet: the name of a row is random, and the table does not tell it"), "name the identities by a list or a column of names; the inventory has the row of each")
	case t.NeedsKey() && len(key) == 0:
		return nil, identity.WithHint(errors.New("fleet: {hash(…)} needs a key"), "give --name-key FILE")
	}
	return namesOf(rows, func(row Row) (string, error) { return t.expand(row.Values, "", key, "") }), nil
}

func namesOf(rows *Rows, of func(Row) (string, error)) Names {
	return func() (string, int, error) {
		row, err := rows.Next()
		if err != nil {
			return "", 0, err
		}
		text, err := of(row)
		if err != nil {
			return "", row.Line, &Failure{Line: row.Line, Code: BadValue, Err: err}
		}
		_, name, err := identity.ParseName(text)
		if err != nil {
			return "", row.Line, &Failure{Line: row.Line, Code: BadName, Err: err}
		}
		return name, row.Line, nil
	}
}
