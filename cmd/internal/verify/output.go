package verify

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"dnseal/cmd/internal/cli"
	"dnseal/receiver"
)

// Output is what a run writes to standard output: the text for people, unless a field says
// otherwise.
type Output struct {
	JSON, CSV bool
	// HTML is the file or folder for pages, "-" for standard output; "": none are made.
	HTML string
	// Long has every message reported in full, also where there are several.
	Long bool
	// GroupBy has messages counted by one of [Groups] in place of a report on each; "": reports.
	GroupBy string
	Style   receiver.TextStyle
	// Only chooses the messages that are shown; summaries count all.
	Only Only
	// Note is told what the output does not show: that Only chooses nothing; nil: nobody is.
	Note func(text string)
	// Meaning says in a sentence what a code means, for tables; nil: they have none.
	Meaning func(code string) string
}

// Groups are the words of Output.GroupBy.
var Groups = []string{"signer", "domain", "reason"}

// Check returns an error where the fields do not go together.
func (o Output) Check() error {
	switch {
	case o.HTML == stdoutName && (o.JSON || o.CSV || o.Long || o.GroupBy != ""):
		return errors.New("--html - writes a page to standard output, and no other form goes there with it")
	case o.JSON && o.CSV:
		return errors.New("--json and --csv are two forms of the same output; choose one")
	case o.Long && (o.JSON || o.CSV):
		return errors.New("--long is for text; --json and --csv always have everything")
	case o.GroupBy == "":
		return nil
	case !slices.Contains(Groups, o.GroupBy):
		return fmt.Errorf("--group-by %q: write signer, domain or reason", o.GroupBy)
	case o.JSON || o.CSV:
		return cli.Hint(errors.New("--group-by makes a table for people, and not --json or --csv"), "group the objects of --json by jq, or the rows of --csv in a spreadsheet")
	case o.Long:
		return errors.New("--group-by makes a table in place of the reports that --long is about")
	}
	return nil
}

// Sinks returns the sinks of the output, and others, which also see only what Only chooses.
func (o Output) Sinks(w io.Writer, others ...Sink) []Sink {
	w = &steady{w: w}
	var last []Sink
	if o.Note != nil {
		last = []Sink{&nothing{only: o.Only, note: o.Note}}
	}
	switch {
	case o.HTML == stdoutName: // the page, which Pages returned
		return append(o.Only.filter(others[0], others[1:]...), last...)
	case o.JSON:
		return append(o.Only.filter(JSON(w), others...), last...)
	case o.CSV:
		return append(o.Only.filter(CSV(w), others...), last...)
	case o.GroupBy != "":
		return append(o.Only.filter(newGrouped(w, o), others...), last...)
	}
	return append(append(o.Only.filter(Text(w, o.Style, o.Long), others...), newSummary(w, o)), last...)
}

// Pages returns the sink of HTML, for Sinks; none where that is "". Errors: those of newPages.
func (o Output) Pages(w io.Writer) ([]Sink, error) {
	if o.HTML == "" {
		return nil, nil
	}
	p, err := newPages(o.HTML, w)
	if err != nil {
		return nil, err
	}
	return []Sink{p}, nil
}

// steady gives the first error again and again: an output that failed is not tried again, and its
// error is told once.
type steady struct {
	w   io.Writer
	err error
}

func (s *steady) Write(p []byte) (int, error) {
	if s.err != nil {
		return 0, s.err
	}
	n, err := s.w.Write(p)
	s.err = err
	return n, err
}
