package fleet

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
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
	if r.Output.publisher != nil {
		opts.Reader = r.Output.publisher
	}
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
	if r.Inventory.Dir != "" {
		if _, err = os.Stat(r.Inventory.Dir); err != nil {
			return nil, cli.Hint(fmt.Errorf("--identities: %w", err), "name the directory of the keys; where there is none: --identities ''")
		}
	}
	return r.Inventory.open(r.Stderr)
}

// names are those of a list, a column, or a template.
func (r *Retire) names(in io.Reader) (*fleet.Names, error) {
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
	would := bufio.NewWriter(r.Stdout) // Flush returns the first error
	opts.Would = func(name string, enrolled time.Time) {
		_, _ = fmt.Fprintf(would, "%s %s\n", enrolled.Format(time.RFC3339), name)
	}
	sum, err := inv.Retire(ctx, opts)
	bar.Clear()
	if e := would.Flush(); e != nil {
		return false, e
	}
	if r.DryRun && err == nil {
		cli.Print(r.Stderr, "dnseal: would retire %s", plural(sum.Retired, "identity"))
		return sum.Failed > 0, nil
	}
	if err != nil {
		return false, r.ended(ctx, &sum, err)
	}
	cli.Print(r.Stderr, "dnseal: retired %s; %d were retired before, %d failed", plural(sum.Retired, "identity"), sum.Before, sum.Failed)
	r.tell(&sum)
	zone, err := r.Output.begin(inv, failures)
	if err != nil {
		return false, err
	}
	if err = r.Output.finish(ctx, inv, zone, failures); err != nil {
		return false, err
	}
	left, err := r.left(inv)
	if err == nil && sum.Unknown > 0 {
		cli.Print(r.Stderr, "dnseal: error: it is not known whether the records of %s retired before are gone: %s", plural(sum.Unknown, "identity"), cli.Printable(sum.Why))
		cli.Print(r.Stderr, "dnseal: hint: run this again when the name servers answer")
		err = cli.ExitTempfail
	}
	return left || sum.Failed > 0 || failures.total() > 0, err
}

// left tells of records of retired identities that another way than that of this run brought to
// where they are.
func (r *Retire) left(inv *fleet.Inventory) (bool, error) {
	updates, listed, file, err := inv.Waiting()
	switch {
	case err != nil:
		return false, err
	case r.Output.ZoneFile != "" && updates > 0:
		cli.Print(r.Stderr, "dnseal: error: %s of retired identities went to a server or database, and %s there", plural(updates, "record"), still(updates))
		cli.Print(r.Stderr, "dnseal: hint: run this again with --publish, or --postgres URL, instead of --zone-file")
		return true, nil
	case r.Output.ZoneFile == "" && listed > 0:
		cli.Print(r.Stderr, "dnseal: error: %s of retired identities %s in the zone file %s", plural(listed, "record"), still(listed), file)
		cli.Print(r.Stderr, "dnseal: hint: run this again with --zone-file %s instead of --publish or --postgres; or move the file away, if no zone has it any more", file)
		return true, nil
	}
	return false, nil
}

func still(n int) string {
	if n == 1 {
		return "is still"
	}
	return "are still"
}

// ended says what was done before an error, and that the same command goes on.
func (r *Retire) ended(ctx context.Context, sum *fleet.Retirement, err error) error {
	if sum.Retired+sum.Marked > 0 || ctx.Err() != nil {
		cli.Print(r.Stderr, "dnseal: retired %s before it ended; no record was withdrawn", plural(sum.Retired, "identity"))
	}
	if ctx.Err() != nil {
		cli.Print(r.Stderr, "dnseal: hint: run this again: it goes on where it was")
		return err
	}
	return goOn(r.Stderr, err)
}

// tell says what a count of retired identities does not.
func (r *Retire) tell(sum *fleet.Retirement) {
	if sum.Marked > 0 {
		cli.Print(r.Stderr, "dnseal: of those retired before %d had keys that could sign in %s, and sign no more", sum.Marked, r.Inventory.Dir)
	}
	if sum.Again > 0 {
		cli.Print(r.Stderr, "dnseal: of those retired before %d have records again, which are withdrawn now", sum.Again)
	}
	if sum.Vouched > 0 {
		cli.Print(r.Stderr, "dnseal: others still accept the keys of %s: the record of a CA vouches for them", plural(sum.Vouched, "identity"))
	}
	if sum.Unasked > 0 {
		cli.Print(r.Stderr, "dnseal: warning: a CA certified %s: where the CA has a record at _user of the domain, or a wildcard has it, others still accept the keys; dnseal identity status NAME tells", plural(sum.Unasked, "identity"))
	}
	if sum.Elsewhere > 0 {
		where := "--identities is not given"
		if r.Inventory.Dir != "" {
			where = r.Inventory.Dir + " has no folders of theirs"
		}
		cli.Print(r.Stderr, "dnseal: warning: the keys of %s are marked as revoked nowhere, because %s: they sign wherever they are; run this again with --identities DIR if there is one", plural(sum.Elsewhere, "identity"), where)
	}
}
