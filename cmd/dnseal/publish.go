package main

import (
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
)

// publisher changes a zone and reads back: a *publish.Client or a *publish.ZoneFile.
type publisher interface {
	publish.Publisher
	Read(ctx context.Context, owner string, t dane.Type) ([]publish.Seen, error)
	ReadBack(ctx context.Context, changes ...publish.Change) ([]publish.Seen, error)
	Script(ctx context.Context, changes ...publish.Change) (string, error)
}

// publishFlags are the flags of every command that changes a zone.
type publishFlags struct {
	opts             publish.Options
	file             publish.ZoneFileOptions
	key, reload      string
	dryRun           bool
	config           string
	dns              *dnsFlags
	resolverIsNamed  func() bool
	stderr           func() io.Writer
	loadedFromConfig *config.Config
}

// register adds the flags to cmd, and those of reading the DNS.
func (f *publishFlags) register(cmd *cobra.Command) {
	f.dns = new(dnsFlags)
	f.dns.register(cmd)
	f.stderr = cmd.ErrOrStderr
	flags := cmd.Flags()
	flags.StringVar(&f.opts.Server, "server", "", "primary `HOST[:PORT]` that takes updates (default: the one in the zone's SOA)")
	flags.StringVar(&f.key, "tsig-key", "", "TSIG key `FILE` in BIND's form, as tsig-keygen writes it")
	flags.StringVar(&f.opts.Zone, "zone", "", "`NAME` of the zone (default: found by its SOA)")
	flags.StringSliceVar(&f.opts.NameServers, "name-server", nil, "read back from this name server, `HOST[:PORT]`; repeated for several\n(default: those in the zone's NS records)")
	flags.BoolVar(&f.dryRun, "dry-run", false, "change nothing: print the script for nsupdate that would do it")
	flags.StringVar(&f.file.File, "zone-file", "", "change the block between \"; dnseal begin\" and \"; dnseal end\" in this `FILE`\ninstead of sending updates")
	flags.StringVar(&f.reload, "reload-command", "", "`COMMAND` that makes the server read the zone file, such as \"rndc reload example.org\"; no shell reads it")
	flags.StringVar(&f.config, "config", "", "take what is not given here from [publish] and [dns] of this `FILE`")
	f.resolverIsNamed = func() bool {
		return flags.Changed("resolver") || flags.Changed("trust-anchor") || flags.Changed("dns-mode")
	}
}

// publishing is what a command needs to change a zone. Close it.
type publishing struct {
	publisher
	lookup *lookup.Client
	// dryRun: print Script, and apply nothing.
	dryRun bool
}

// Close ends the lookups.
func (p *publishing) Close() error { return p.lookup.Close() }

// open makes the publisher of the flags, which outweigh the [publish] table.
func (f *publishFlags) open() (*publishing, error) {
	if err := f.check(); err != nil {
		return nil, err
	}
	client, err := f.client()
	if err != nil {
		return nil, err
	}
	out := &publishing{lookup: client, dryRun: f.dryRun}
	if out.publisher, err = f.publisher(client); err != nil {
		return nil, errors.Join(err, client.Close())
	}
	return out, nil
}

// check reads the configuration, and looks for flags that exclude each other.
func (f *publishFlags) check() error {
	if f.file.File != "" && (f.opts.Server != "" || f.key != "") {
		return cli.Hint(errors.New("--zone-file excludes --server and --tsig-key"), "a zone file is changed in place of updates; its server reads it by --reload-command")
	}
	if f.config == "" {
		if f.reload != "" && f.file.File == "" {
			return errors.New("--reload-command needs --zone-file")
		}
		return nil
	}
	c, err := config.LoadPublishing(f.config)
	f.loadedFromConfig = c
	return err
}

// client makes the lookup client: of the flags, of [dns] where none is given.
func (f *publishFlags) client() (*lookup.Client, error) {
	if f.loadedFromConfig != nil && !f.resolverIsNamed() {
		return f.loadedFromConfig.LookupClient()
	}
	return f.dns.client(nil)
}

// publisher makes the publisher: by file where one is named.
func (f *publishFlags) publisher(client *lookup.Client) (publisher, error) {
	opts, file := f.opts, f.file
	if c := f.loadedFromConfig; c != nil {
		opts, file = withConfig(c, f.key != "", client, opts, file)
	}
	opts.Lookup = client
	if file.File != "" {
		file.Lookup, file.Zone, file.NameServers = client, opts.Zone, opts.NameServers
		if f.reload != "" {
			var err error
			if file.Reload, err = publish.SplitCommand(f.reload); err != nil {
				return nil, err
			}
		}
		return publish.NewZoneFile(file)
	}
	if f.key != "" {
		key, err := readKey(f.key)
		if err != nil {
			return nil, err
		}
		opts.Key = key
	}
	if opts.Key != nil && opts.Key.Warning != "" {
		cli.Print(f.stderr(), "dnseal: warning: %s", opts.Key.Warning)
	}
	return publish.New(opts)
}

// withConfig takes from [publish] what no flag gives. A flag for one way to publish outweighs the
// table's other way.
func withConfig(c *config.Config, keyNamed bool, client *lookup.Client, opts publish.Options, file publish.ZoneFileOptions) (publish.Options, publish.ZoneFileOptions) {
	table, tableFile := c.PublishOptions(client), c.ZoneFileOptions(client)
	byUpdate := opts.Server != "" || keyNamed
	if opts.Server == "" {
		opts.Server = table.Server
	}
	if opts.Zone == "" {
		opts.Zone = table.Zone
	}
	if len(opts.NameServers) == 0 {
		opts.NameServers = table.NameServers
	}
	opts.Key = table.Key
	if file.File == "" && !byUpdate {
		file.File, file.Reload = tableFile.File, tableFile.Reload
	}
	return opts, file
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
