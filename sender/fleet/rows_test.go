package fleet

import (
	"errors"
	"io"
	"strings"
	"testing"

	"dnseal/sender/identity"
)

// read returns all rows as text, and the failures.
func read(t *testing.T, text string) (columns, rows, failures []string) {
	t.Helper()
	r, err := NewRows(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	for {
		row, err := r.Next()
		if errors.Is(err, io.EOF) {
			return r.Columns, rows, failures
		}
		if f, ok := errors.AsType[*Failure](err); ok {
			failures = append(failures, f.Error())
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, plural(row.Line, "/")+strings.Join(row.Values, "|"))
	}
}

// TestRows: a line that is wrong is told with its number, and all others are read.
func TestRows(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", maxRecord+1)
	for name, test := range map[string]struct{ text, rows, failures string }{
		"plain":        {"serial,site\na,b\nc,d", "2 /sa|b 3 /sc|d", ""},
		"mark, CRLF":   {"\ufeffSerial , SITE\r\na,b\r\n", "2 /sa|b", ""},
		"semicolons":   {"serial;site\n\"a\";b\n", "2 /sa|b", ""},
		"tabs":         {"serial\tsite\na\t b \n", "2 /sa|b", ""},
		"empty lines":  {"\n\nserial,site\n\na,b\n \n", "5 /sa|b", ""},
		"two lines":    {"serial,site\n\"a\nb\",c\nd,e\n", "2 /sa\nb|c 4 /sd|e", ""},
		"quoted quote": {"serial,site\n\"a\"\"b\",c\n", "2 /sa\"b|c", ""},
		"too few":      {"serial,site\na\nb,c\n", "3 /sb|c", "fleet: line 2: it has 1 value, and the first row names 2"},
		"bare quote":   {"serial,site\na\"b,c\nd,e\n", "3 /sd|e", "fleet: line 2: it is no row of CSV: bare \" in non-quoted-field"},
		"not closed":   {"serial,site\n\"a,b\nc,d\ne,f\n", "3 /sc|d 4 /se|f", "fleet: line 2: a quotation mark is not closed"},
		"no UTF-8":     {"serial,site\na,\xff\nc,d\n", "3 /sc|d", "fleet: line 2: it is no UTF-8"},
		"too long":     {"serial,site\na," + long + "\nc,d\n", "3 /sc|d", "fleet: line 2: it is longer than 65536 octets"},
		"long inside":  {"serial,site\n\"a,b\nc,d\n" + long + "\ne,f\n", "3 /sc|d 5 /se|f", "fleet: line 2: a quotation mark is not closed; fleet: line 4: it is longer than 65536 octets"},
		"long value":   {"serial,site\na," + long[:maxField+1] + "\nc,d", "3 /sc|d", "fleet: line 2: column 2 has 32769 octets, and at most 32768 are read"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			columns, rows, failures := read(t, test.text)
			if strings.Join(columns, ",") != "serial,site" {
				t.Errorf("columns %q", columns)
			}
			if got := strings.Join(rows, " "); got != test.rows {
				t.Errorf("rows %q, want %q", got, test.rows)
			}
			if got := strings.Join(failures, "; "); got != test.failures {
				t.Errorf("failures %q, want %q", got, test.failures)
			}
		})
	}
}

// TestRowsHostile: a table of quotation marks that nothing closes is read ahead for so much in all,
// not once for each row; each row is told, and rows of several lines before that are read.
func TestRowsHostile(t *testing.T) {
	t.Parallel()
	const many = 20_000
	r, err := NewRows(strings.NewReader("serial,site\n\"a\nb\",c\n" + strings.Repeat("a\",\"\"\"\n", many) + "d,e\n"))
	if err != nil {
		t.Fatal(err)
	}
	var rows, failures int
	for {
		row, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if _, ok := errors.AsType[*Failure](err); ok {
			failures++
		} else if err != nil {
			t.Fatal(err)
		} else if rows++; row.Line != 2 && row.Line != many+4 {
			t.Errorf("%+v", row)
		}
	}
	if rows != 2 || failures != many || r.ahead > maxAhead+maxRecord {
		t.Errorf("%d rows, %d failures, %d octets read ahead", rows, failures, r.ahead)
	}
}

func TestRowsRefuses(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                                      "the table is empty",
		"\n \n":                                 "the table is empty",
		"\xff\xfes\x00":                         "UTF-16",
		"serial,\n":                             "line 1: column 2 of the table has no name",
		"serial,Serial\n":                       `line 1: two columns of the table are called "serial"`,
		strings.Repeat("a,", maxColumns) + "\n": "at most 64",
		"\"serial\n":                            "line 1: a quotation mark",
	} {
		if _, err := NewRows(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

// FuzzRows: whatever the table, each row has as many values as there are columns, numbers of lines
// grow, and none is beyond the end.
func FuzzRows(f *testing.F) {
	for _, seed := range []string{"serial,site\na,b\n", "a;b\n\"x\n", "\ufeffa\n\"b\"\"\n", "a,b\n\"c\nd\",e\nf\"g,h\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, err := NewRows(strings.NewReader(text))
		if err != nil {
			return
		}
		last := 0
		for range strings.Count(text, "\n") + 2 {
			row, err := r.Next()
			if errors.Is(err, io.EOF) {
				return
			}
			line := row.Line
			if failure, ok := errors.AsType[*Failure](err); ok {
				line = failure.Line
			} else if err != nil || len(row.Values) != len(r.Columns) {
				t.Fatalf("%v: %q", err, row.Values)
			}
			if line <= last || line > strings.Count(text, "\n")+1 {
				t.Fatalf("line %d after %d", line, last)
			}
			last = line
		}
		t.Fatal("it has no end")
	})
}

// TestRowsCR: a table whose lines end in CR alone is no table of one row.
func TestRowsCR(t *testing.T) {
	t.Parallel()
	_, err := NewRows(strings.NewReader("serial\rA\rB\r"))
	if err == nil || !strings.Contains(err.Error(), "end in CR alone") || !strings.Contains(identity.Hint(err), "tr ") {
		t.Error(err)
	}
	if rows, e := NewRows(strings.NewReader("serial\r")); e != nil || rows.Columns[0] != "serial" {
		t.Error(e)
	}
	_, err = ListedNames(strings.NewReader("serial,site\n")).Next()
	if !strings.Contains(identity.Hint(err), "give --template or --name-column") {
		t.Error(err)
	}
}
