package check

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"dnseal/cmd/internal/cli"
	"dnseal/cmd/internal/columns"
	"dnseal/cmd/internal/config"
	"dnseal/cmd/internal/progress"
	"dnseal/sender"
	"dnseal/sender/identity"
)

// TableOptions say how much [Table] prints.
type TableOptions struct {
	// All lists every identity, not a few for each rule.
	All bool
	// JSON prints all rows, an object a line.
	JSON bool
	// Progress shows how far the lookups are, on a terminal; nil: nothing is shown.
	Progress io.Writer
}

// Table prints which rule lets whom write as whom, with which identity, and what the DNS says about
// it; then the identities that no rule uses. Of the identities of a rule it lists a few, those
// in trouble first, and counts the others. Errors: those of [config.Load]; [cli.ExitNotPass] when a
// record is missing or wrong, or a rule has no identity; [cli.ExitTempfail] when a record could not
// be looked up, and nothing is wrong; those of out.
func Table(ctx context.Context, out io.Writer, file string, opts TableOptions) error {
	c, err := config.Load(file)
	if err != nil {
		return err
	}
	client, err := c.LookupClient()
	if err != nil {
		return err
	}
	defer client.Close() //nolint:errcheck // nothing is lost
	s, err := sender.New(c.SenderOptions(client))
	if err != nil {
		return err
	}
	names := c.IdentityNames()
	t := &table{config: c, most: listed, width: columns.Width(out)}
	if opts.All {
		t.most = len(names)
	}
	bar := progress.New(opts.Progress, "records")
	bar.Expect(len(names))
	t.records = lookupAll(ctx, c, client, names, bar)
	bar.Clear()
	uses := s.Uses(names)
	t.add(uses)
	left := unused(c, names, t.used)
	o := &output{Writer: out}
	if !opts.JSON {
		t.print(o)
		t.printUnused(o, left, len(names))
		return cmp.Or(o.err, t.err())
	}
	for _, row := range t.json(uses, left) {
		if err := cli.WriteJSON(o, row); err != nil {
			return err
		}
	}
	return t.err()
}

// listed is how many identities of a rule are listed.
const listed = 10

// States of the record of an identity.
const (
	statePublished  = "published"
	stateAbsent     = "absent"
	stateOther      = "another key"
	stateUnknown    = "unknown"
	stateNoIdentity = "no identity"
)

// state is the word for a record.
func state(r *sender.Record) string {
	switch r.Code {
	case "":
		return statePublished
	case "record-absent":
		return stateAbsent
	case "record-mismatch":
		return stateOther
	case "indeterminate":
		return stateUnknown
	}
	return r.Code // insecure, bogus, no-owner-name
}

// recordText is the record in short: its values and the beginning of its name.
func recordText(r *sender.Record) string {
	name := r.Name
	if hash, rest, found := strings.Cut(name, "."); found && len(hash) == 56 {
		name = hash[:8] + "…." + rest
	}
	if r.Code != "" {
		return strings.TrimSpace(fmt.Sprintf("%s %s", r.Type, name))
	}
	return fmt.Sprintf("%s %d %d %d %s", r.Type, r.Match.Usage, r.Match.Selector, r.Match.MatchingType, name)
}

type table struct {
	config  *config.Config
	records map[string]*sender.Record
	most    int // identities listed of a rule
	width   int // of the terminal; 0: no limit
	rows    [][]string
	notes   map[int]string // after the row of this place, the header not counted
	used    map[string]bool

	wrong, unsure int
}

var header = []string{"RULE", "WHO", "FROM", "IDENTITY", "RECORD", "STATE"}

// add makes the rows.
func (t *table) add(uses []sender.Use) {
	t.rows, t.notes, t.used = [][]string{header}, map[int]string{}, map[string]bool{}
	byRule := map[int][]sender.Use{}
	for _, u := range uses {
		byRule[u.Rule] = append(byRule[u.Rule], u)
		t.used[u.Identity] = true
	}
	for name := range t.used {
		switch state(t.records[name]) {
		case statePublished:
		case stateUnknown:
			t.unsure++
		default:
			t.wrong++
		}
	}
	for i := range t.config.Sign.Rules {
		t.addRule(i, byRule[i+1])
	}
}

// place is a rule by its number and its line in the file.
func (t *table) place(i int) string {
	at := t.config.At(fmt.Sprintf("sign.rule[%d]", i))
	return fmt.Sprintf("%d line %s", i+1, at[strings.LastIndexByte(at, ':')+1:])
}

func (t *table) addRule(i int, uses []sender.Use) {
	r := t.config.Sign.Rules[i]
	if len(uses) == 0 {
		t.wrong++
		t.rows = append(t.rows, []string{t.place(i), few(r.Who), few(r.From), cmp.Or(r.Identity, sender.FromIdentity), "", stateNoIdentity})
		return
	}
	// Trouble first.
	slices.SortStableFunc(uses, func(a, b sender.Use) int {
		return order(t.records[a.Identity]) - order(t.records[b.Identity])
	})
	for n, u := range uses {
		if n == t.most && len(uses) > t.most+1 {
			t.notes[len(t.rows)-2] = t.more(uses[n:])
			return
		}
		record := t.records[u.Identity]
		place := ""
		if n == 0 {
			place = t.place(i)
		}
		t.rows = append(t.rows, []string{place, few(u.Who), few(u.From), u.Identity, recordText(record), state(record)})
	}
}

func order(r *sender.Record) int {
	if r.Code == "" {
		return 1
	}
	return 0
}

// more counts the identities that are not listed.
func (t *table) more(uses []sender.Use) string {
	count := map[string]int{}
	for _, u := range uses {
		count[state(t.records[u.Identity])]++
	}
	var words []string
	for word, n := range count {
		words = append(words, fmt.Sprintf("%s: %d", word, n))
	}
	slices.Sort(words)
	return fmt.Sprintf("… and %d more identities (%s); --all lists them", len(uses), strings.Join(words, ", "))
}

// few is a list with at most two of its words.
func few(list []string) string {
	if len(list) <= 2 {
		return strings.Join(list, " ")
	}
	return fmt.Sprintf("%s %s +%d", list[0], list[1], len(list)-2)
}

// print prints the rows as wide as the terminal is.
func (t *table) print(out io.Writer) {
	if len(t.rows) == 1 {
		cli.Print(out, "there is no [[sign.rule]]: nothing is signed")
		return
	}
	// The record gives way first: its values stand first in it.
	c := columns.Table{Header: header, Rows: t.rows[1:], Notes: t.notes, Least: []int{0, 10, 14, 14, 13, 0}, Gives: 4, GivesTo: 22}
	_ = c.Write(out, t.width) // out has the error
}

func (t *table) printUnused(out io.Writer, names []string, all int) {
	if len(names) > 0 {
		cli.Print(out, "\nidentities that no rule uses: %d: %s", len(names), naming(names, t.most))
	}
	cli.Print(out, "\nrules: %d, identities: %d; wrong: %d, undecided: %d", len(t.config.Sign.Rules), all, t.wrong, t.unsure)
}

// unused are the names that neither a rule nor a next hop uses.
func unused(c *config.Config, names []string, used map[string]bool) []string {
	for _, r := range c.Relays {
		if _, name, err := identity.ParseName(r.NextHopIdentity); err == nil {
			used[name] = true
		}
	}
	var out []string
	for _, name := range names {
		if !used[name] {
			out = append(out, name)
		}
	}
	return out
}

// naming lists at most n names.
func naming(names []string, n int) string {
	if len(names) <= n {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:n], ", "), len(names)-n)
}

func (t *table) err() error {
	switch {
	case t.wrong > 0:
		return cli.ExitNotPass
	case t.unsure > 0:
		return cli.ExitTempfail
	}
	return nil
}
