package fleet

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"dnseal/cmd/internal/cli"
	"dnseal/cmd/internal/progress"
	"dnseal/sender/fleet"
)

// Retire is the commands retire and sweep.
type Retire struct {
	Inventory Inventory
	Output    Output

	// From is the list or table of retire; empty: sweep.
	From, Template, Column string
	NameKey, Failures      string
	Lifetime               time.Duration
	DryRun                 bool
	Stdin                  io.Reader
	Stdout, Stderr         io.Writer
}

// Run retires. Errors: [cli.ExitNotPass] where a line failed, and that was told.
func (r *Retire) Run(ctx context.Context) (err error) {
	r.Output.close = func() error { return nil }
	if !r.DryRun {
		if err = r.Output.open(); err != nil {
			return err
		}
	}
	defer func() { err = errors.Join(err, r.Output.close()) }()
	opts := fleet.RetireOptions{Lifetime: r.Lifetime, Dir: r.Inventory.Dir, DryRun: r.DryRun}
	if r.From != "" {
		in, done, e := openTable(r.From, r.Stdin)
		if e != nil {
			return e
		}
		defer done()
		if opts.Names, err = r.names(in); err != nil {
			return err
		}
	}
	inv, err := r.inventory()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, inv.Close()) }()
	if err = r.check(); err != nil {
		return err
	}
	failures, err := NewFailures(r.Stderr, r.Failures)
	if err != nil {
		return err
	}
	failed, err := r.retire(ctx, inv, failures, opts)
	if err = errors.Join(err, failures.Close()); err == nil && failed {
		err = cli.ExitNotPass
	}
	return err
}

// check looks, before anything is done, whether what is written may be.
func (r *Retire) check() error {
	if r.DryRun {
		return nil
	}
	err := r.Output.check(&r.Inventory, named{"--from", r.From}, named{"--failures", r.Failures}, named{"--name-key", r.NameKey})
	if err == nil {
		err = checkFailures(r.Failures)
	}
	return err
}

// inventory opens the one that is there: there is nothing to retire in a new one.
func (r *Retire) inventory() (*fleet.Inventory, error) {
	path, err := r.Inventory.path()
	if err != nil {
		return nil, err
	}
	there, err := fleet.ReadInventory(path)
	if err != nil || r.DryRun {
		return there, err
	}
	if err = there.Close(); err != nil {
		return nil, err
	}
	return r.Inventory.open(r.Stderr)
}

// names are those of a list, a column, or a template.
func (r *Retire) names(in io.Reader) (fleet.Names, error) {
	if r.Template == "" && r.Column == "" {
		return fleet.ListedNames(in), nil
	}
	rows, err := fleet.NewRows(in)
	if err != nil {
		return nil, err
	}
	if r.Column != "" {
		return fleet.ColumnNames(rows, strings.ToLower(r.Column))
	}
	template, err := fleet.ParseTemplate(r.Template, rows.Columns)
	if err != nil {
		return nil, err
	}
	var key []byte
	if r.NameKey != "" {
		if key, err = fleet.ReadNameKey(r.NameKey); err != nil {
			return nil, err
		}
	}
	return fleet.TemplateNames(rows, template, key)
}

func (r *Retire) retire(ctx context.Context, inv *fleet.Inventory, failures *Failures, opts fleet.RetireOptions) (failed bool, err error) {
	bar := progress.New(r.Stderr, "identities")
	failures.clear = bar.Clear
	opts.Failed, opts.Done = failures.Tell, bar.Done
	opts.Would = func(name string, enrolled time.Time) {
		// The end of a pipe ends the program.
		_, _ = fmt.Fprintf(r.Stdout, "%s %s\n", enrolled.Format(time.RFC3339), name)
	}
	sum, err := inv.Retire(ctx, opts)
	bar.Clear()
	switch {
	case err != nil && ctx.Err() == nil:
		return false, cli.Hint(err, "%srun this again: it goes on where it was", hintOf(err))
	case err != nil:
		return false, err
	case r.DryRun:
		cli.Print(r.Stderr, "dnseal: would retire %s", plural(sum.Retired, "identity"))
		return sum.Failed > 0, nil
	}
	cli.Print(r.Stderr, "dnseal: retired %s; %d were retired before, %d failed", plural(sum.Retired, "identity"), sum.Before, sum.Failed)
	zone, err := r.Output.begin(inv)
	if err != nil {
		return false, err
	}
	before := failures.total()
	err = r.Output.finish(ctx, inv, zone, failures)
	return sum.Failed > 0 || failures.total() > before, err
}
