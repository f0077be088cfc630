package verify

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"dnseal/cmd/internal/cli"
	"dnseal/receiver"
)

// Output is what a run writes to standard output: the text for people, unless a field says
// otherwise.
type Output struct {
	JSON, CSV bool
	// Long has every message reported in full, also where there are several.
	Long bool
	// GroupBy has messages counted by one of [Groups] in place of a report on each; "": reports.
	GroupBy string
	Style   receiver.TextStyle
	// Meaning says in a sentence what a code means, for tables; nil: they have none.
	Meaning func(code string) string
}

// Groups are the words of Output.GroupBy.
var Groups = []string{"signer", "domain", "reason"}

// Check returns an error where the fields do not go together.
func (o Output) Check() error {
	switch {
	case o.JSON && o.CSV:
		return errors.New("--json and --csv are two forms of the same output; choose one")
	case o.Long && (o.JSON || o.CSV):
		return errors.New("--long is for text; --json and --csv always have everything")
	case o.GroupBy == "":
		return nil
	case !slices.Contains(Groups, o.GroupBy):
		return fmt.Errorf("--group-by %q: write %s", o.GroupBy, strings.Join(Groups, ", "))
	case o.JSON || o.CSV:
		return cli.Hint(errors.New("--group-by makes a table for people, and not --json or --csv"), "group the objects of --json by jq, or the rows of --csv in a spreadsheet")
	case o.Long:
		return errors.New("--group-by makes a table in place of the reports that --long is about")
	}
	return nil
}

// Sinks returns the sinks of the messages that are shown, and those that are to see all.
func (o Output) Sinks(w io.Writer) (shown, all []Sink) {
	switch {
	case o.JSON:
		return []Sink{JSON(w)}, nil
	case o.CSV:
		return []Sink{CSV(w)}, nil
	case o.GroupBy != "":
		return []Sink{newGrouped(w, o)}, nil
	}
	return []Sink{Text(w, o.Style, o.Long)}, []Sink{newSummary(w, o)}
}
