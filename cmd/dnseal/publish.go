package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"dnseal/lookup"
	"dnseal/lookup/dane"
	"dnseal/lookup/publish"
)

// publisher changes a zone and reads back: a *publish.Client or a *publish.ZoneFile.
type publisher interface {
	publish.Publisher
	Read(ctx context.Context, owner string, t dane.Type) ([]publish.Seen, error)
	ReadBack(ctx context.Context, changes ...publish.Change) ([]publish.Seen, error)
}

// publishFlags are the flags of every command that changes a zone.
type publishFlags struct {
	server, key, zone string
	nameServers       []string
	dryRun            bool
	zoneFile, reload  string
	config            string
}

// register adds the flags to cmd.
func (f *publishFlags) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.server, "server", "", "primary `HOST[:PORT]` that takes updates (default: the one in the zone's SOA)")
	flags.StringVar(&f.key, "tsig-key", "", "TSIG key `FILE` in BIND's form, as tsig-keygen writes it")
	flags.StringVar(&f.zone, "zone", "", "`NAME` of the zone (default: found by SOA)")
	flags.StringSliceVar(&f.nameServers, "name-server", nil, "read back from name server `ADDRESS`; repeated (default: those of the zone)")
	flags.BoolVar(&f.dryRun, "dry-run", false, "print what would be done as a script for nsupdate, and change nothing")
	flags.StringVar(&f.zoneFile, "zone-file", "", "change this `FILE` instead of sending updates")
	flags.StringVar(&f.reload, "reload-command", "", "`COMMAND` that makes the server read the zone file")
	flags.StringVar(&f.config, "config", "", "`FILE` with a [publish] table for what is not given here")
}

// open returns the publisher for the flags.
func (f *publishFlags) open(_ *lookup.Client) (publisher, error) { return nil, errors.ErrUnsupported }
