package dnsflags

import (
	"cmp"
	"context"
	"errors"
	"io"
	"io/fs"

	"github.com/spf13/cobra"

	"dnseal/cmd/internal/cli"
	"dnseal/cmd/internal/config"
	"dnseal/lookup"
	"dnseal/lookup/dane"
	"dnseal/lookup/publish"
	"dnseal/lookup/publish/powerdns"
)

// Publisher changes a zone and reads back: a *publish.Client, a *publish.ZoneFile
// or a *powerdns.Client.
type Publisher interface {
	publish.Publisher
	Read(ctx context.Context, owner string, t dane.Type) ([]publish.Seen, error)
	ReadBack(ctx context.Context, changes ...publish.Change) ([]publish.Seen, error)
	Script(ctx context.Context, changes ...publish.Change) (string, error)
}

// Publish are the flags of every command that changes a zone.
type Publish struct {
	opts            publish.Options
	file            publish.ZoneFileOptions
	postgres        string
	key, reload     string
	DryRun          bool
	Config          string // the file; empty: none
	dns             *DNS
	resolverIsNamed func() bool
	stderr          func() io.Writer
	Loaded          *config.Config // the file, after Open; nil without
}

// Register adds the flags to cmd, and those of reading the DNS.
func (f *Publish) Register(cmd *cobra.Command) {
	f.RegisterUpdates(cmd)
	set := cmd.Flags()
	set.BoolVar(&f.DryRun, "dry-run", false, "change nothing: print the script for nsupdate that would do it,\nor what would change in the file or the database")
	set.StringVar(&f.file.File, "zone-file", "", "change the block between \"; dnseal begin\" and \"; dnseal end\" in this `FILE`\ninstead of sending updates")
	set.StringVar(&f.reload, "reload-command", "", "`COMMAND` that makes the server read the zone file, such as \"rndc reload example.org\"; no shell reads it")
	set.StringVar(&f.postgres, "postgres", "", "change the PostgreSQL database of PowerDNS at this `URL` instead of sending updates:\npostgres://USER@HOST/DATABASE; the password is in the file that PGPASSFILE names")
}

// RegisterUpdates adds only the flags of dynamic updates, and those of reading the DNS.
func (f *Publish) RegisterUpdates(cmd *cobra.Command) {
	f.dns = new(DNS)
	f.dns.Register(cmd)
	f.stderr = cmd.ErrOrStderr
	set := cmd.Flags()
	set.StringVar(&f.opts.Server, "server", "", "primary `HOST[:PORT]` that takes updates (default: the one in the zone's SOA)")
	set.StringVar(&f.key, "tsig-key", "", "TSIG key `FILE` in BIND's form, as tsig-keygen writes it")
	set.StringVar(&f.opts.Zone, "zone", "", "`NAME` of the zone (default: found by its SOA)")
	set.StringSliceVar(&f.opts.NameServers, "name-server", nil, "read back from this name server, `HOST[:PORT]`; repeated for several\n(default: those in the zone's NS records)")
	set.StringVar(&f.Config, "config", "", "take what is not given here from [publish] and [dns] of this `FILE`")
	f.resolverIsNamed = func() bool {
		return set.Changed("resolver") || set.Changed("trust-anchor") || set.Changed("dns-mode")
	}
}

// Publishing is what a command needs to change a zone. Close it.
type Publishing struct {
	Publisher
	lookup *lookup.Client
	// DryRun: print Script, and apply nothing.
	DryRun bool
}

// Close ends the lookups.
func (p *Publishing) Close() error { return p.lookup.Close() }

// Open makes the publisher of the flags, which outweigh the [publish] table.
func (f *Publish) Open() (*Publishing, error) {
	if err := f.check(); err != nil {
		return nil, err
	}
	client, err := f.client()
	if err != nil {
		return nil, err
	}
	out := &Publishing{lookup: client, DryRun: f.DryRun}
	if out.Publisher, err = f.publisher(client); err != nil {
		return nil, errors.Join(err, client.Close())
	}
	return out, nil
}

// OpenPostgres makes the publisher into the database of PowerDNS at url, which reads back from the
// name servers of the flags. The lookups end with close.
func (f *Publish) OpenPostgres(url string) (client *powerdns.Client, closing func() error, err error) {
	if f.opts.Server != "" || f.key != "" {
		return nil, nil, errors.New("--postgres excludes --server and --tsig-key: the records go into the database")
	}
	if err = f.check(); err != nil {
		return nil, nil, err
	}
	lookups, err := f.client()
	if err != nil {
		return nil, nil, err
	}
	opts := powerdns.Options{URL: url, Zone: f.opts.Zone, NameServers: f.opts.NameServers, Lookup: lookups}
	if c := f.Loaded; c != nil {
		table := c.PublishOptions(lookups)
		opts.Zone = cmp.Or(opts.Zone, table.Zone)
		if len(opts.NameServers) == 0 {
			opts.NameServers = table.NameServers
		}
	}
	if client, err = powerdns.New(opts); err != nil {
		return nil, nil, errors.Join(err, lookups.Close())
	}
	return client, lookups.Close, nil
}

// check reads the configuration, and looks for flags that exclude each other.
func (f *Publish) check() error {
	if f.file.File != "" && (f.opts.Server != "" || f.key != "") {
		return cli.Hint(errors.New("--zone-file excludes --server and --tsig-key"), "a zone file is changed in place of updates; its server reads it by --reload-command")
	}
	if f.postgres != "" && (f.opts.Server != "" || f.key != "" || f.file.File != "") {
		return cli.Hint(errors.New("--postgres excludes --server, --tsig-key and --zone-file"), "PowerDNS's database is changed in place of them")
	}
	if f.Config == "" {
		if f.reload != "" && f.file.File == "" {
			return errors.New("--reload-command needs --zone-file")
		}
		return nil
	}
	c, err := config.LoadPublishing(f.Config)
	f.Loaded = c
	return err
}

// client makes the lookup client: of the flags, of [dns] where none is given.
func (f *Publish) client() (*lookup.Client, error) {
	if f.Loaded != nil && !f.resolverIsNamed() {
		return f.Loaded.LookupClient()
	}
	return f.dns.Client(nil)
}

// publisher makes the publisher: by database or file where one is named.
func (f *Publish) publisher(client *lookup.Client) (Publisher, error) {
	w := ways{f.opts, f.file, powerdns.Options{URL: f.postgres}}
	if f.Loaded != nil {
		w.complete(f.Loaded, f.key != "", client)
	}
	w.updates.Lookup = client
	switch {
	case w.database.URL != "":
		w.database.Zone, w.database.NameServers, w.database.Lookup = w.updates.Zone, w.updates.NameServers, client
		return powerdns.New(w.database)
	case w.file.File != "":
		return f.byFile(w.file, &w.updates)
	}
	if f.key != "" {
		key, err := readKey(f.key)
		if err != nil {
			return nil, err
		}
		w.updates.Key = key
	}
	if key := w.updates.Key; key != nil && key.Warning != "" {
		cli.Print(f.stderr(), "dnseal: warning: %s", key.Warning)
	}
	return publish.New(w.updates)
}

// byFile makes the publisher of a zone file; what all have in common is in the options for updates.
func (f *Publish) byFile(file publish.ZoneFileOptions, o *publish.Options) (Publisher, error) {
	file.Lookup, file.Zone, file.NameServers = o.Lookup, o.Zone, o.NameServers
	if f.reload != "" {
		var err error
		if file.Reload, err = publish.SplitCommand(f.reload); err != nil {
			return nil, err
		}
	}
	return publish.NewZoneFile(file)
}

// ways are those to publish, of which one is used.
type ways struct {
	updates  publish.Options
	file     publish.ZoneFileOptions
	database powerdns.Options
}

// complete takes from [publish] what no flag gives. A flag for one way to publish outweighs the
// table's other ways.
func (w *ways) complete(c *config.Config, keyNamed bool, client *lookup.Client) {
	table, file := c.PublishOptions(client), c.ZoneFileOptions(client)
	named := w.updates.Server != "" || keyNamed || w.file.File != "" || w.database.URL != ""
	if w.updates.Server == "" {
		w.updates.Server = table.Server
	}
	if w.updates.Zone == "" {
		w.updates.Zone = table.Zone
	}
	if len(w.updates.NameServers) == 0 {
		w.updates.NameServers = table.NameServers
	}
	w.updates.Key = table.Key
	if !named {
		w.file.File, w.file.Reload = file.File, file.Reload
		w.database.URL = c.PostgresOptions(client).URL
	}
}

// readKey reads a TSIG key.
func readKey(file string) (*publish.Key, error) {
	key, err := publish.LoadKey(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, cli.Hint(err, "make one with: tsig-keygen -a hmac-sha256 NAME >%s, and give it to the server too", file)
	case errors.Is(err, fs.ErrPermission):
		return nil, cli.Hint(err, "run as a user that may read it")
	}
	return key, err
}
