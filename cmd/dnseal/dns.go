package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"dnseal/cmd/internal/cli"
	"dnseal/cmd/internal/config"
	"dnseal/lookup"
	"dnseal/lookup/dnssec"
)

// dnsFlags are the flags of every command that reads the DNS.
type dnsFlags struct {
	resolvers []string
	anchor    string
	mode      string
	probe     string
	timeout   time.Duration
	stderr    func() io.Writer
	given     func(flag string) bool
}

// register adds the flags to cmd; the environment gives their defaults.
func (f *dnsFlags) register(cmd *cobra.Command) {
	var resolvers []string
	if env := os.Getenv("DNSEAL_RESOLVER"); env != "" {
		resolvers = []string{env}
	}
	f.stderr = cmd.ErrOrStderr
	flags := cmd.Flags()
	f.given = flags.Changed
	flags.StringSliceVar(&f.resolvers, "resolver", resolvers, "recursive resolver `ADDRESS`: host:port or tls://host:853#name; repeated: tried in order\n(environment: DNSEAL_RESOLVER; default: from /etc/resolv.conf)")
	flags.StringVar(&f.anchor, "trust-anchor", os.Getenv("DNSEAL_TRUST_ANCHOR"), "trust anchor `FILE` with DS or DNSKEY records\n(environment: DNSEAL_TRUST_ANCHOR; default: the keys of the DNS root)")
	flags.StringVar(&f.mode, "dns-mode", "validate", "`MODE`: validate (answers are validated here), both (here and by the resolver), ad-only (trust the resolver)")
	flags.StringVar(&f.probe, "dns-probe", "", "`ZONE` that is bogus on purpose: with ad-only the resolver must refuse it (default: dnssec-failed.org)")
	flags.DurationVar(&f.timeout, "dns-timeout", 5*time.Second, "`TIME` limit for one lookup, such as 5s")
	completeWords(cmd, "dns-mode", "validate", "both", "ad-only")
}

// changed is the name of a flag of these that is on the command line, "" for none.
func (f *dnsFlags) changed(cmd *cobra.Command, but ...string) string {
	for _, name := range []string{"resolver", "trust-anchor", "dns-mode", "dns-probe", "dns-timeout"} {
		if cmd.Flags().Changed(name) && !slices.Contains(but, name) {
			return name
		}
	}
	return ""
}

// client returns the lookup client for the flags.
func (f *dnsFlags) client(trace func(lookup.Query)) (*lookup.Client, error) {
	if _, err := f.perQuestion(); err != nil {
		return nil, err
	}
	opts := lookup.Options{Resolvers: f.resolvers, Mode: lookup.Mode(f.mode), Timeout: f.timeout, Trace: trace, Probe: f.probe}
	var err error
	if opts.Anchors, err = f.anchors(); err != nil {
		return nil, err
	}
	return newClient(opts)
}

// clientOver returns the client for options of a configuration, in place of which those hold that
// the flags or the environment give.
func (f *dnsFlags) clientOver(opts lookup.Options) (*lookup.Client, error) {
	if _, err := f.perQuestion(); err != nil {
		return nil, err
	}
	if len(f.resolvers) > 0 {
		opts.Resolvers = f.resolvers
	}
	if f.given("dns-mode") {
		opts.Mode = lookup.Mode(f.mode)
	}
	if f.given("dns-probe") {
		opts.Probe = f.probe
	}
	if f.given("dns-timeout") {
		opts.Timeout = f.timeout
	}
	if f.anchor != "" {
		var err error
		if opts.Anchors, err = f.anchors(); err != nil {
			return nil, err
		}
	}
	return newClient(opts)
}

// newClient is lookup.New with advice.
func newClient(opts lookup.Options) (*lookup.Client, error) {
	client, err := lookup.New(opts)
	switch {
	case errors.Is(err, lookup.ErrMode):
		return nil, cli.Hint(err, "--dns-mode validate, the default, does not trust the resolver")
	case errors.Is(err, lookup.ErrProbe):
		return nil, cli.Hint(err, "write --dns-probe with a zone that is bogus on purpose, such as dnssec-failed.org")
	case errors.Is(err, lookup.ErrNotTrusted):
		return nil, cli.Hint(err, "use --dns-mode validate, which does not trust the resolver, or --resolver with one that validates; --dns-probe names another zone that is bogus on purpose ([dns] probe)")
	case err != nil:
		return nil, cli.Hint(err, "set --resolver, for example --resolver 127.0.0.1:53")
	}
	return client, nil
}

// perQuestion is the time for one question to one server, of that for a lookup.
func (f *dnsFlags) perQuestion() (time.Duration, error) {
	if f.timeout <= 0 {
		return 0, fmt.Errorf("--dns-timeout is %s; it must be more than 0", f.timeout)
	}
	return f.timeout * 2 / 5, nil
}

// anchors reads the file with trust anchors; nil: none is named.
func (f *dnsFlags) anchors() (*dnssec.Anchors, error) {
	if f.anchor == "" {
		return nil, nil //nolint:nilnil // the keys of the root are meant
	}
	anchors, err := readAnchors(f.anchor)
	if err != nil {
		return nil, err
	}
	for _, key := range anchors.Ignored() {
		cli.Print(f.stderr(), "dnseal: note: trust anchor %s: %s, and does not count", f.anchor, key)
	}
	return anchors, nil
}

func readAnchors(file string) (*dnssec.Anchors, error) {
	anchors, err := config.ReadAnchors(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, cli.Hint(err, "dnseal sandbox --anchor FILE writes one; without --trust-anchor the keys of the DNS root are used")
	}
	return anchors, err
}
