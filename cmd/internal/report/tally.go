package report

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// maxRows is how many rows of a table are remembered at the least; twice as many at the most.
const maxRows = 2000

// maxKey is how much of a stranger's value is the name of a row.
const maxKey = 200

// Row is a row of a table: messages by what became of them.
type Row struct {
	Name     string           `json:"name"`
	Messages int64            `json:"messages"`
	By       map[string]int64 `json:"by,omitempty"` // by outcome
	Example  string           `json:"example,omitempty"`
}

// tally is a table whose memory is bounded: when it has too many rows, the smallest become
// "others".
type tally struct {
	rows   map[string]*Row
	others Row
	cut    bool
}

// add counts n messages with an outcome, which may be empty.
func (t *tally) add(name, outcome, example string, n int64) {
	if name == "" {
		return
	}
	if len(name) > maxKey {
		name = name[:maxKey]
	}
	if t.rows == nil {
		t.rows = map[string]*Row{}
	}
	r := t.rows[name]
	if r == nil {
		if len(t.rows) >= 2*maxRows {
			t.prune()
		}
		r = &Row{Name: strings.Clone(name), Example: strings.Clone(example[:min(len(example), maxKey)])}
		t.rows[r.Name] = r
	}
	r.count(outcome, n)
}

func (r *Row) count(outcome string, n int64) {
	r.Messages += n
	if outcome == "" {
		return
	}
	if r.By == nil {
		r.By = map[string]int64{}
	}
	r.By[outcome] += n
}

// prune makes the smallest rows one.
func (t *tally) prune() {
	for _, r := range t.sorted()[maxRows:] {
		t.merge(r)
		delete(t.rows, r.Name)
	}
	t.cut = true
}

func (t *tally) merge(r *Row) {
	t.others.Messages += r.Messages
	for outcome, n := range r.By {
		t.others.count(outcome, n)
		t.others.Messages -= n // it is counted above
	}
}

// sorted are the rows, those with most messages first.
func (t *tally) sorted() []*Row {
	all := make([]*Row, 0, len(t.rows))
	for _, r := range t.rows {
		all = append(all, r)
	}
	slices.SortFunc(all, func(a, b *Row) int {
		return cmp.Or(cmp.Compare(b.Messages, a.Messages), cmp.Compare(a.Name, b.Name))
	})
	return all
}

// Table is the rows with most messages, and all others together. Where Approximate is set there
// were more names than are remembered: a row then counts at least so many, and what it lacks is in
// Others.
type Table struct {
	Rows        []*Row `json:"rows"`
	Others      *Row   `json:"others,omitempty"`
	Approximate bool   `json:"approximate,omitempty"`
}

// top is the table of at most n rows.
func (t *tally) top(n int) *Table {
	all := t.sorted()
	out := &Table{Rows: all[:min(len(all), n)], Approximate: t.cut}
	rest := tally{others: Row{Name: "others", Messages: t.others.Messages, By: map[string]int64{}}}
	maps.Copy(rest.others.By, t.others.By)
	for _, r := range all[len(out.Rows):] {
		rest.merge(r)
	}
	if rest.others.Messages > 0 {
		out.Others = &rest.others
	}
	return out
}

// days is the table in the order of days.
func (t *tally) days() *Table {
	out := t.top(maxRows)
	slices.SortFunc(out.Rows, func(a, b *Row) int { return cmp.Compare(a.Name, b.Name) })
	return out
}
