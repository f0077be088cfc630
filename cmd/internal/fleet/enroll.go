// Package fleet is what the commands dnseal fleet do beyond their flags: it opens the table, the
// inventory and where records go, and tells what became of them.
package fleet

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"

	"dnseal/cmd/internal/cli"
	"dnseal/cmd/internal/progress"
	"dnseal/sender/fleet"
	"dnseal/sender/identity"
	"dnseal/sender/identity/ca"
)

// Inventory names one.
type Inventory struct {
	// File is its path; empty: it is in Dir, the directory of the identities.
	File, Dir string
}

// path finds it.
func (i *Inventory) path() (string, error) {
	switch {
	case i.File != "":
		return i.File, nil
	case i.Dir != "":
		return filepath.Join(i.Dir, fleet.DefaultInventory), nil
	}
	return "", cli.Hint(errors.New("no inventory"), "give --identities DIR, where it is %s, or --inventory FILE", fleet.DefaultInventory)
}

// open opens it for a change, and says what was mended.
func (i *Inventory) open(stderr io.Writer) (*fleet.Inventory, error) {
	limitMemory()
	path, err := i.path()
	if err != nil {
		return nil, err
	}
	if i.File == "" {
		if err = os.MkdirAll(i.Dir, 0o700); err != nil {
			return nil, err
		}
	}
	inv, err := fleet.OpenInventory(path)
	if err != nil {
		return nil, err
	}
	if inv.Dir = i.Dir; inv.Note != "" {
		cli.Print(stderr, "dnseal: warning: %s", inv.Note)
	}
	return inv, nil
}

// limitMemory makes the collector of garbage busy only where much is there: an index of a million
// identities is a few large arrays without pointers, and everything else is short-lived.
func limitMemory() {
	const soft = 100 << 20
	debug.SetGCPercent(400)
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(soft)
	}
}

// Enroll is the command of this name.
type Enroll struct {
	Inventory Inventory
	Output    Output

	From, Template      string
	NameKey, NewNameKey string
	KeyFile, Failures   string
	PKCS11, CA          string
	// Options are those of the package; what the fields above say comes to them.
	Options fleet.EnrollOptions
	Keys    identity.Loader
	Stdin   io.Reader
	Stderr  io.Writer
}

// Run enrolls the table. Errors: [cli.ExitNotPass] where a line failed, and that was told.
func (e *Enroll) Run(ctx context.Context) (err error) {
	if err = e.Output.open(); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, e.Output.close()) }()
	if err = e.check(); err != nil {
		return err
	}
	table, done, err := e.table()
	if err != nil {
		return err
	}
	defer done()
	if err = e.names(); err == nil {
		err = e.checkKeys()
	}
	if err != nil {
		return err
	}
	inv, err := e.Inventory.open(e.Stderr)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, inv.Close()) }()
	closeKeys, err := e.keys(ctx, inv)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeKeys()) }()
	failures, err := NewFailures(e.Stderr, e.Failures)
	if err != nil {
		return err
	}
	failed, err := e.enroll(ctx, inv, failures, table)
	if err = errors.Join(err, failures.Close()); err == nil && failed {
		err = cli.ExitNotPass
	}
	return err
}

// check looks, before anything is done, whether what is written may be.
func (e *Enroll) check() error {
	err := e.Output.check(&e.Inventory, named{"--from", e.From}, named{"--failures", e.Failures}, named{"--key-file", e.KeyFile},
		named{"--name-key", e.NameKey}, named{"--new-name-key", e.NewNameKey})
	if err == nil {
		err = checkFailures(e.Failures)
	}
	return err
}

// checkKeys looks for what cannot work for any row.
func (e *Enroll) checkKeys() error {
	opts := e.Options
	if e.CA != "" { // it is opened later
		opts.Create.Certify = func(*identity.Identity) (*x509.Certificate, error) { return nil, errors.New("no CA") }
	}
	if opts.PublicKeyColumn != "" && e.KeyFile != "" {
		return errors.New("--key-file is for keys that are made here, and --public-key-column for those of others")
	}
	return opts.Check()
}

// table opens the rows.
func (e *Enroll) table() (rows int, done func(), err error) {
	in, done, err := openTable(e.From, e.Stdin)
	if err != nil {
		return 0, nil, err
	}
	rows = lines(in)
	e.Options.Expect = rows
	if e.Options.Rows, err = fleet.NewRows(in); err != nil {
		done()
		return 0, nil, err
	}
	if e.Options.PublicKeyColumn != "" && e.From != "-" {
		root, err := os.OpenRoot(filepath.Dir(e.From))
		if err != nil {
			done()
			return 0, nil, err
		}
		e.Options.PublicKeys = root
		closeTable := done
		done = func() { _ = root.Close(); closeTable() } // only read
	}
	return rows, done, nil
}

// openTable opens a file, or standard input.
func openTable(from string, stdin io.Reader) (io.Reader, func(), error) {
	if from == "-" {
		return stdin, func() {}, nil
	}
	f, err := cli.Open(from)
	if err != nil {
		return nil, nil, fmt.Errorf("--from: %w", err)
	}
	return f, func() { _ = f.Close() }, nil // only read
}

// names reads the templates and the name key.
func (e *Enroll) names() (err error) {
	o := &e.Options
	o.PublicKeyColumn = strings.ToLower(o.PublicKeyColumn)
	if o.Template, err = fleet.ParseTemplate(e.Template, o.Rows.Columns); err != nil {
		return err
	}
	if e.PKCS11 != "" {
		if o.PKCS11, err = fleet.ParseURITemplate(e.PKCS11, o.Rows.Columns); err != nil {
			return err
		}
	}
	if e.NewNameKey != "" {
		if err = fleet.CreateNameKey(e.NewNameKey); err != nil {
			return err
		}
		cli.Print(e.Stderr, "dnseal: made the name key %s: keep a copy of it elsewhere, without it nobody can tell which name is whose", e.NewNameKey)
		e.NameKey = e.NewNameKey
	}
	switch {
	case o.PublicKeyColumn == "" && slices.Contains(o.Rows.Columns, "public_key") && slices.Contains(o.Rows.Columns, "provenance"):
		err = cli.Hint(errors.New("the table has a column public_key, of a hand-over"), "give --public-key-column public_key; where keys are to be made here all the same, rename the column")
	case o.PublicKeyColumn != "" && !slices.Contains(o.Rows.Columns, o.PublicKeyColumn):
		err = fmt.Errorf("the table has no column %q of public keys", o.PublicKeyColumn)
	case e.NameKey != "":
		o.NameKey, err = fleet.ReadNameKey(e.NameKey)
	case o.Template.NeedsKey(), o.PKCS11 != nil && o.PKCS11.NeedsKey():
		err = cli.Hint(errors.New("{hash(…)} needs a key"), "give --name-key FILE; with --new-name-key the file is made")
	}
	return err
}

// keys opens where keys go, and the CA.
func (e *Enroll) keys(ctx context.Context, inv *fleet.Inventory) (func() error, error) {
	nothing := func() error { return nil }
	if e.CA != "" {
		if e.Inventory.Dir == "" {
			return nil, cli.Hint(errors.New("no directory for the CA"), "give --identities DIR: the CA is there")
		}
		a, err := ca.Loader{Keys: e.Keys}.Load(e.Inventory.Dir, e.CA)
		if err != nil {
			return nil, err
		}
		e.Options.Create.Certify = func(id *identity.Identity) (*x509.Certificate, error) {
			id.Chain = a.Chain()
			return a.Issue(ctx, &ca.Request{Name: id.Name, Kind: id.Kind, Public: id.Public}, ca.IssueOptions{Days: e.Options.Create.Days, NoCopy: true})
		}
	}
	if e.KeyFile == "" {
		e.Options.Dir = e.Inventory.Dir
		if e.Options.Dir == "" {
			return nothing, nil
		}
		return nothing, os.MkdirAll(e.Options.Dir, 0o700)
	}
	keys, err := inv.OpenKeyFile(e.KeyFile)
	if err != nil {
		return nil, err
	}
	if keys.Note != "" {
		cli.Print(e.Stderr, "dnseal: warning: %s", keys.Note)
	}
	e.Options.Keys = keys
	return keys.Close, nil
}

// enroll makes the identities, and brings their records to where they go.
func (e *Enroll) enroll(ctx context.Context, inv *fleet.Inventory, failures *Failures, rows int) (failed bool, err error) {
	zone, err := e.Output.begin(inv, failures)
	if err != nil {
		return false, err
	}
	bar := progress.New(e.Stderr, "rows")
	bar.Expect(max(rows-1, 0))
	failures.clear = bar.Clear
	o := e.Options
	o.Zone, o.Failed, o.Done = zone, failures.Tell, bar.Done
	sum, err := inv.Enroll(ctx, o)
	bar.Clear()
	if err != nil {
		if zone != nil {
			zone.Abort()
		}
		if sum.Enrolled > 0 {
			cli.Print(e.Stderr, "dnseal: enrolled %s before it ended", plural(sum.Enrolled, "identity"))
		}
		if ctx.Err() != nil || sum.Enrolled == 0 && hintOf(err) != "" { // it has its own
			return false, err
		}
		return false, cli.Hint(err, "%srun this again: it goes on where it was", hintOf(err))
	}
	cli.Print(e.Stderr, "dnseal: enrolled %s; %d were there, %d failed (%s)", plural(sum.Enrolled, "identity"), sum.There, sum.Failed, inv.Path())
	err = e.Output.finish(ctx, inv, zone, failures)
	return failures.total() > 0, err
}

func (f *Failures) total() (n int) {
	for _, count := range f.counts {
		n += count
	}
	return n
}
