package fleet

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"dnseal/sender/identity"
)

// Limits of a table.
const (
	maxRecord  = 64 << 10 // octets of a row
	maxField   = 32 << 10 // octets of a value: a certificate in PEM has room
	maxColumns = 64
	// maxAhead is how many octets are read ahead in vain, for quotation marks that nothing closes:
	// a table of nothing else costs no more. From there on each row is one line.
	maxAhead = 64 * maxRecord
)

// Row is a row of a table: its values are trimmed, as many as there are columns.
type Row struct {
	Line   int
	Values []string
}

// Rows reads a table in CSV (RFC 4180) whose first row names the columns. A byte order mark is left
// out; where the first row has no comma, semicolons or tabs separate the values. Empty lines are no
// rows.
type Rows struct {
	// Columns are the words of the first row: trimmed, in lower case.
	Columns []string

	in    *bufio.Reader
	held  [][]byte // lines that were read ahead; nil is one that is too long
	ahead int      // octets that were read ahead for nothing
	line  int      // number of the last line
	comma byte
	text  bytes.Buffer // of one row, for parser
	parse *csv.Reader
}

// NewRows reads the first row. Errors have a hint where it helps: there is none, it is no text, a
// column has no name or that of another.
func NewRows(r io.Reader) (*Rows, error) {
	rows := &Rows{in: bufio.NewReaderSize(r, maxRecord), comma: ','}
	if begin, _ := rows.in.Peek(2); string(begin) == "\xff\xfe" || string(begin) == "\xfe\xff" {
		return nil, identity.WithHint(errors.New("fleet: the table is text in UTF-16"), "convert it to UTF-8: iconv -f UTF-16 -t UTF-8 OLD >NEW")
	}
	if begin, _ := rows.in.Peek(3); string(begin) == "\xef\xbb\xbf" {
		_, _ = rows.in.Discard(3) // it was seen
	}
	if begin, _ := rows.in.Peek(maxRecord); bytes.ContainsRune(begin, '\r') && !bytes.ContainsRune(begin, '\n') && len(bytes.TrimSpace(begin)) > bytes.IndexByte(begin, '\r') {
		return nil, identity.WithHint(errors.New("fleet: the lines of the table end in CR alone"), `convert them: tr '\r' '\n' <OLD >NEW`)
	}
	head, err := rows.header()
	if errors.Is(err, io.EOF) {
		return nil, identity.WithHint(errors.New("fleet: the table is empty"), "its first row names the columns, such as: serial,site")
	}
	if err != nil {
		return nil, err
	}
	return rows, rows.name(head)
}

// header reads the first row, and finds what separates its values.
func (r *Rows) header() (Row, error) {
	for {
		line, err := r.physical()
		if err != nil {
			return Row{}, err
		}
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		if !bytes.ContainsRune(line, ',') {
			if at := bytes.IndexAny(line, ";\t"); at >= 0 {
				r.comma = line[at]
			}
		}
		r.held, r.line = append(r.held, line), r.line-1
		return r.Next()
	}
}

// name sets the columns.
func (r *Rows) name(head Row) error {
	for i, word := range head.Values {
		word = strings.ToLower(word)
		switch {
		case word == "":
			return fmt.Errorf("fleet: line %d: column %d of the table has no name", head.Line, i+1)
		case slices.Contains(r.Columns, word):
			return fmt.Errorf("fleet: line %d: two columns of the table are called %q", head.Line, clip(word))
		}
		r.Columns = append(r.Columns, word)
	}
	return nil
}

// Next returns the next row. Errors: a [*Failure] for a row that cannot be read: the next call
// returns the one after it; [io.EOF] after the last; what reading returned.
func (r *Rows) Next() (Row, error) {
	for {
		text, at, err := r.record()
		if err != nil {
			return Row{}, err
		}
		if len(bytes.TrimSpace(text)) == 0 {
			continue
		}
		return r.row(text, at)
	}
}

// row takes one apart.
func (r *Rows) row(text []byte, at int) (Row, error) {
	if !utf8.Valid(text) {
		return Row{}, failed(at, BadRow, "it is no UTF-8")
	}
	r.text.Reset()
	r.text.Write(text)
	if r.parse == nil {
		r.parse = csv.NewReader(&r.text)
		r.parse.Comma, r.parse.FieldsPerRecord, r.parse.ReuseRecord = rune(r.comma), -1, true
	}
	values, err := r.parse.Read()
	if err != nil {
		r.parse = nil // what is left of this row is not the next one
		if cause, ok := errors.AsType[*csv.ParseError](err); ok {
			err = cause.Err
		}
		return Row{}, failed(at, BadRow, "it is no row of CSV: %w", err)
	}
	return r.check(values, at)
}

func (r *Rows) check(values []string, at int) (Row, error) {
	switch {
	case len(values) > maxColumns:
		return Row{}, failed(at, BadRow, "it has %d columns, and at most %d are read", len(values), maxColumns)
	case r.Columns != nil && len(values) != len(r.Columns):
		return Row{}, failed(at, BadRow, "it has %s, and the first row names %d", plural(len(values), "value"), len(r.Columns))
	}
	row := Row{Line: at, Values: make([]string, len(values))}
	for i, v := range values {
		if len(v) > maxField {
			return Row{}, failed(at, BadRow, "column %d has %d octets, and at most %d are read", i+1, len(v), maxField)
		}
		row.Values[i] = strings.TrimSpace(v)
	}
	return row, nil
}

// record returns the lines of one row and the number of the first. A row whose quotation mark is
// not closed is its first line alone, so that the others are rows again.
func (r *Rows) record() (text []byte, at int, err error) {
	if text, err = r.physical(); err != nil {
		return nil, r.line, err
	}
	at = r.line
	first := len(text)
	var after [][]byte
	state := quotes{comma: r.comma, begin: true}
	for state.read(text); state.quoted; {
		next, err := r.nextIn(len(text))
		if err != nil {
			return nil, at, err
		}
		if next.read {
			after = append(after, next.line)
		}
		if next.line != nil && len(text)+len(next.line) <= maxRecord {
			state.read(next.line)
			text = append(text, next.line...)
			continue
		}
		if r.line = at; len(after) > 0 {
			r.held = slices.Concat(after, r.held)
		}
		r.ahead += len(text) - first
		return text[:first], at, failed(at, BadRow, "a quotation mark is not closed")
	}
	return text, at, nil
}

// ahead is a line of a row that goes on; line is nil where it is too long, or there is none.
type ahead struct {
	line []byte
	read bool
}

// nextIn reads the next line of a row that has so many octets, and none where too much was read in
// vain before.
func (r *Rows) nextIn(size int) (ahead, error) {
	if r.ahead > maxAhead || size > maxRecord {
		return ahead{}, nil
	}
	line, err := r.physical()
	_, tooLong := errors.AsType[*Failure](err)
	switch {
	case tooLong:
		return ahead{read: true}, nil
	case errors.Is(err, io.EOF):
		return ahead{}, nil
	}
	return ahead{line, true}, err
}

// physical returns the next line with its end.
func (r *Rows) physical() ([]byte, error) {
	if len(r.held) > 0 {
		line := r.held[0]
		r.held = r.held[1:]
		r.line++
		if line == nil {
			return nil, r.tooLong()
		}
		return line, nil
	}
	line, err := r.in.ReadSlice('\n')
	if len(line) > 0 {
		r.line++
	}
	if !errors.Is(err, bufio.ErrBufferFull) {
		if errors.Is(err, io.EOF) && len(line) > 0 {
			err = nil
		}
		return bytes.Clone(line), err
	}
	for errors.Is(err, bufio.ErrBufferFull) {
		_, err = r.in.ReadSlice('\n')
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return nil, r.tooLong()
}

func (r *Rows) tooLong() error {
	return failed(r.line, BadRow, "it is longer than %d octets", maxRecord)
}

// quotes follows whether a text ends within a quoted value. A quotation mark inside a value that
// does not begin with one opens nothing: the row is wrong, and only it.
type quotes struct {
	comma         byte
	quoted, begin bool
}

// read goes on with whole lines.
func (q *quotes) read(text []byte) {
	if !q.quoted && bytes.IndexByte(text, '"') < 0 {
		return
	}
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case q.quoted && c == '"' && i+1 < len(text) && text[i+1] == '"':
			i++
		case q.quoted && c == '"':
			q.quoted = false
		case q.quoted:
		case c == '"' && q.begin:
			q.quoted = true
		default:
			q.begin = c == q.comma || c == '\n'
			continue
		}
		q.begin = false
	}
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
