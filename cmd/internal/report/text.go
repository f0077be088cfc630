package report

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"dnseal/cmd/internal/cli"
)

// outcomes is the order of columns, with the words of titles.
var outcomes = []string{Signed, Pass, Already, Unsigned, Failed, Undecided, Deferred, Refused}

// titles are those of the tables by name.
var titles = map[string]string{
	"user": "By user", "tls": "By name proved by TLS", "client": "By client", "identity": "By identity", "from_domain": "By domain in From",
}

// section is a table with its title.
type section struct {
	title string
	table *Table
}

// sections are the tables of a part that have rows.
func (p *Part) sections() []section {
	all := []section{{"By result", p.Results}, {"Why", p.Reasons}, {"Deferred, by cause", p.Deferred}, {"By day", p.Days}}
	for _, name := range names {
		all = append(all, section{titles[name], p.By[name]})
	}
	return slices.DeleteFunc(all, func(s section) bool { return len(s.table.Rows) == 0 })
}

// sections are the tables that are about no message.
func (r *Report) sections() []section {
	all := []section{
		{"Connections refused, by reason", r.Connections}, {"Logins that failed", r.Logins}, {"Logins deferred, by zone or service", r.NoLogins}, {"Other warnings and errors", r.Trouble},
	}
	return slices.DeleteFunc(all, func(s section) bool { return len(s.table.Rows) == 0 })
}

// head is what the report is about, in lines.
func (r *Report) head() []string {
	if r.From == nil {
		return []string{"No line is counted.", r.unknown()}
	}
	at := func(t time.Time) string {
		if r.Zone == "UTC" {
			t = t.UTC()
		} else {
			t = t.Local()
		}
		return t.Format("2006-01-02 15:04:05 MST")
	}
	return []string{at(*r.From) + " to " + at(*r.To) + "; days in " + map[string]string{"UTC": "UTC", "local": "local time"}[r.Zone], r.unknown()}
}

func (r *Report) unknown() string {
	return fmt.Sprintf("%d lines; not dnseal's: %d", r.Lines, r.Unknown)
}

// summary is the numbers of a part in a line.
func (p *Part) summary() string {
	words := []string{fmt.Sprintf("%d messages", p.Messages)}
	for _, outcome := range outcomes {
		if n := p.Outcomes[outcome]; n > 0 {
			words = append(words, fmt.Sprintf("%d %s", n, outcome))
		}
	}
	return strings.Join(words, ", ")
}

// width is how wide the name of a row is, so that a line has 80 columns with 5 numbers.
const width = 28

// WriteText writes the report for people. Errors: those of w.
func (r *Report) WriteText(w io.Writer) error {
	var b strings.Builder
	for _, line := range r.head() {
		b.WriteString(line + "\n")
	}
	for _, p := range r.parts() {
		fmt.Fprintf(&b, "\n%s\n  %s\n", strings.ToUpper(p.title), p.summary())
		for _, s := range p.sections() {
			s.write(&b)
		}
	}
	for _, s := range r.sections() {
		s.write(&b)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// titled is a part with its title.
type titled struct {
	title string
	*Part
}

// parts are the parts with messages.
func (r *Report) parts() (all []titled) {
	for _, p := range []titled{{"Signing", r.Signing}, {"Verifying", r.Verifying}} {
		if p.Messages > 0 {
			all = append(all, p)
		}
	}
	return all
}

// columns are the outcomes that a table has.
func (t *Table) columns() (used []string) {
	for _, outcome := range outcomes {
		if slices.ContainsFunc(t.rows(), func(r *Row) bool { return r.By[outcome] > 0 }) {
			used = append(used, outcome)
		}
	}
	return used
}

// rows are the rows, the last of them that of all others.
func (t *Table) rows() []*Row {
	if t.Others == nil {
		return t.Rows
	}
	return append(slices.Clone(t.Rows), t.Others)
}

func (s section) write(b *strings.Builder) {
	columns := s.table.columns()
	name := max(width-10*max(len(columns)-4, 0), 10)
	fmt.Fprintf(b, "\n  %-*s %9s", name, s.title, "all")
	for _, c := range columns {
		fmt.Fprintf(b, " %9s", c)
	}
	b.WriteString("\n")
	for _, r := range s.table.rows() {
		fmt.Fprintf(b, "  %s %9d", padded(r.Name, name), r.Messages)
		for _, c := range columns {
			fmt.Fprintf(b, " %9d", r.By[c])
		}
		b.WriteString("\n")
		if r.Example != "" {
			fmt.Fprintf(b, "      %s\n", shortened(cli.Printable(r.Example), 72))
		}
	}
	if s.table.Approximate {
		b.WriteString("    (more names than are remembered: each has at least so many)\n")
	}
}

// padded is a stranger's name as wide as the column; a name that is longer has a line of its own.
func padded(text string, n int) string {
	text = shortened(cli.Printable(text), 76)
	have := utf8.RuneCountInString(text)
	if have > n {
		return text + "\n  " + strings.Repeat(" ", n)
	}
	return text + strings.Repeat(" ", n-have)
}

func shortened(text string, n int) string {
	runes := []rune(text)
	if len(runes) <= n {
		return text
	}
	return string(runes[:n-3]) + "..."
}
