package handover

import (
	"context"
	"encoding/base64"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"dnseal/cmd/internal/cli"
	"dnseal/sender/fleet/handover"
)

// Taking is the taking of a hand-over.
type Taking struct {
	Options handover.ReadOptions
	// Files are the parts, in any order.
	Files []string
	// To is the table that is written: the name, the columns of the giver, the key, and the
	// provenance.
	To string
	// Partial takes what is there where parts are missing.
	Partial bool
	// Out gets what was taken.
	Out io.Writer

	first *handover.Header // of the first file
	parts []int
}

// Run proves every file and writes the table, whole or not at all. Errors: those of
// [handover.Read], with the file; parts of another hand-over, twice or missing; what writing
// returned.
func (t *Taking) Run(ctx context.Context) error {
	var err error
	if t.Options.Taker, err = taker(t.Options.Taker); err != nil {
		return err
	}
	for _, file := range t.Files {
		if sameFile(file, t.To) {
			return &about{file, errors.New("the table would take the place of the hand-over itself; name another file with --to")}
		}
	}
	if err = mayReplace(t.To, isTaken); err != nil {
		return err
	}
	n := 0
	err = replace(t.To, func(w io.Writer) error {
		table := csv.NewWriter(w)
		for _, file := range t.Files {
			read, e := t.take(ctx, table, file)
			if e != nil {
				return &about{file, e}
			}
			n += read
		}
		table.Flush()
		if e := table.Error(); e != nil {
			return e
		}
		return t.missing()
	})
	if err != nil {
		return err
	}
	lacking := ""
	if parts, which := t.lacking(); parts > 0 {
		lacking = fmt.Sprintf("; of its %d parts %d are missing: %s", t.first.Parts, parts, which)
	}
	return say(t.Out, "%s: %s that %s gave on %s (hand-over %s)%s", t.To, identities(n), t.first.Giver, t.first.At.Format("2006-01-02"), t.first.ID, lacking)
}

// about says which file an error is about.
type about struct {
	file string
	err  error
}

func (a *about) Error() string {
	if cause, ok := errors.AsType[*fs.PathError](a.err); ok && cause.Path == a.file {
		return a.file + ": " + cause.Err.Error()
	}
	return a.file + ": " + cli.Plain(a.err)
}

func (a *about) Unwrap() error { return a.err }

// take reads one file into the table.
func (t *Taking) take(ctx context.Context, table *csv.Writer, file string) (n int, err error) {
	f, err := cli.Open(file)
	if err != nil {
		return 0, err
	}
	defer f.Close() //nolint:errcheck // only read from
	h, err := handover.Read(ctx, f, t.Options, func(h *handover.Header, entry handover.Entry) error {
		if n++; n == 1 {
			if e := t.begin(table, h); e != nil {
				return e
			}
		}
		return t.row(table, h, entry)
	})
	if err == nil && n == 0 {
		err = t.begin(table, h)
	}
	return n, err
}

// begin wants the file to belong to those before it, and writes the first row for the first.
func (t *Taking) begin(table *csv.Writer, h *handover.Header) error {
	switch {
	case t.first == nil:
		t.first, t.parts = h, []int{h.Part}
		for _, c := range h.Columns {
			if slices.Contains([]string{NameColumn, KeyColumn, ProvenanceColumn}, c) {
				return fmt.Errorf("it has a column %q of its own, which would be taken for ours", c)
			}
		}
		return table.Write(slices.Concat([]string{NameColumn}, h.Columns, []string{KeyColumn, ProvenanceColumn}))
	case h.ID != t.first.ID || h.Parts != t.first.Parts || !slices.Equal(h.Columns, t.first.Columns):
		return cli.Hint(errors.New("it is a part of another hand-over than the files before it"), "take each hand-over by itself")
	case slices.Contains(t.parts, h.Part):
		return fmt.Errorf("part %d was given twice", h.Part)
	}
	t.parts = append(t.parts, h.Part)
	return nil
}

// row writes an entry, with its hand-over as the last of its provenance.
func (t *Taking) row(table *csv.Writer, h *handover.Header, e handover.Entry) error {
	key := e.PublicKey
	if len(e.Certificate) > 0 {
		key = e.Certificate
	}
	before, err := json.Marshal(append(e.Provenance, h.Origin()))
	if err != nil {
		return err
	}
	row := []string{e.Name}
	for _, c := range h.Columns {
		row = append(row, e.Columns[c])
	}
	return table.Write(append(row, base64.StdEncoding.EncodeToString(key), string(before)))
}

// lacking are the parts that are not there: how many, and the first of them.
func (t *Taking) lacking() (n int, which string) {
	var lacking []string
	for part := 1; part <= t.first.Parts; part++ {
		if !slices.Contains(t.parts, part) {
			lacking = append(lacking, fmt.Sprint(part))
		}
	}
	const most = 10
	which = strings.Join(lacking[:min(len(lacking), most)], ", ")
	if len(lacking) > most {
		which += ", …"
	}
	return len(lacking), which
}

// missing is an error where parts are not there, and nobody said that they may be missing.
func (t *Taking) missing() error {
	n, which := t.lacking()
	if n == 0 || t.Partial {
		return nil
	}
	return cli.Hint(fmt.Errorf("of the %d parts of the hand-over %d are missing: %s", t.first.Parts, n, which), "name all files, or give --partial; nothing was written")
}
