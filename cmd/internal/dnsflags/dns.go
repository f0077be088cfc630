// Package dnsflags has the flags of the commands that read the DNS and of those that change a zone,
// and makes of them what the commands need.
package dnsflags

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
	"dnseal/cmd/internal/flags"
	"dnseal/lookup"
	"dnseal/lookup/dnssec"
)

// DNS are the flags of every command that reads the DNS.
type DNS struct {
	Resolvers []string
	Anchor    string // a file; empty: none is named
	Mode      string
	probe     string
	timeout   time.Duration
	stderr    func() io.Writer
	given     func(flag string) bool
}

// Register adds the flags to cmd; the environment gives their defaults.
func (f *DNS) Register(cmd *cobra.Command) {
	var resolvers []string
	if env := os.Getenv("DNSEAL_RESOLVER"); env != "" {
		resolvers = []string{env}
	}
	f.stderr = cmd.ErrOrStderr
	set := cmd.Flags()
	f.given = set.Changed
	set.StringSliceVar(&f.Resolvers, "resolver", resolvers, "recursive resolver `ADDRESS`: host:port or tls://host:853#name; repeated: tried in order\n(environment: DNSEAL_RESOLVER; default: from /etc/resolv.conf)")
	set.StringVar(&f.Anchor, "trust-anchor", os.Getenv("DNSEAL_TRUST_ANCHOR"), "trust anchor `FILE` with DS or DNSKEY records\n(environment: DNSEAL_TRUST_ANCHOR; default: the keys of the DNS root)")
	set.StringVar(&f.Mode, "dns-mode", "validate", "`MODE`: validate (answers are validated here), both (here and by the resolver), ad-only (trust the resolver)")
	set.StringVar(&f.probe, "dns-probe", "", "`ZONE` that is bogus on purpose: with ad-only the resolver must refuse it (default: dnssec-failed.org)")
	set.DurationVar(&f.timeout, "dns-timeout", 5*time.Second, "`TIME` limit for one lookup, such as 5s")
	flags.CompleteWords(cmd, "dns-mode", "validate", "both", "ad-only")
}

// Changed is the name of a flag of these that is on the command line, "" for none.
func (f *DNS) Changed(cmd *cobra.Command, but ...string) string {
	for _, name := range []string{"resolver", "trust-anchor", "dns-mode", "dns-probe", "dns-timeout"} {
		if cmd.Flags().Changed(name) && !slices.Contains(but, name) {
			return name
		}
	}
	return ""
}

// Client returns the lookup client for the flags.
func (f *DNS) Client(trace func(lookup.Query)) (*lookup.Client, error) {
	if _, err := f.PerQuestion(); err != nil {
		return nil, err
	}
	opts := lookup.Options{Resolvers: f.Resolvers, Mode: lookup.Mode(f.Mode), Timeout: f.timeout, Trace: trace, Probe: f.probe}
	var err error
	if opts.Anchors, err = f.Anchors(); err != nil {
		return nil, err
	}
	return newClient(opts)
}

// ClientOver returns the client for options of a configuration, in place of which those hold that
// the flags or the environment give.
func (f *DNS) ClientOver(opts lookup.Options) (*lookup.Client, error) {
	if _, err := f.PerQuestion(); err != nil {
		return nil, err
	}
	if len(f.Resolvers) > 0 {
		opts.Resolvers = f.Resolvers
	}
	if f.given("dns-mode") {
		opts.Mode = lookup.Mode(f.Mode)
	}
	if f.given("dns-probe") {
		opts.Probe = f.probe
	}
	if f.given("dns-timeout") {
		opts.Timeout = f.timeout
	}
	if f.Anchor != "" {
		var err error
		if opts.Anchors, err = f.Anchors(); err != nil {
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

// PerQuestion is the time for one question to one server, of that for a lookup.
func (f *DNS) PerQuestion() (time.Duration, error) {
	if f.timeout <= 0 {
		return 0, fmt.Errorf("--dns-timeout is %s; it must be more than 0", f.timeout)
	}
	return f.timeout * 2 / 5, nil
}

// Anchors reads the file with trust anchors; nil: none is named.
func (f *DNS) Anchors() (*dnssec.Anchors, error) {
	if f.Anchor == "" {
		return nil, nil //nolint:nilnil // the keys of the root are meant
	}
	anchors, err := ReadAnchors(f.Anchor)
	if err != nil {
		return nil, err
	}
	for _, key := range anchors.Ignored() {
		cli.Print(f.stderr(), "dnseal: note: trust anchor %s: %s, and does not count", f.Anchor, key)
	}
	return anchors, nil
}

// ReadAnchors is [config.ReadAnchors] with advice.
func ReadAnchors(file string) (*dnssec.Anchors, error) {
	anchors, err := config.ReadAnchors(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, cli.Hint(err, "dnseal sandbox --anchor FILE writes one; without --trust-anchor the keys of the DNS root are used")
	}
	return anchors, err
}
