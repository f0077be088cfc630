//go:build !submit

package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"dnseal/cmd/internal/cli"
	"dnseal/cmd/internal/dnsflags"
	"dnseal/cmd/internal/progress"
	"dnseal/lookup"
	"dnseal/lookup/dane"
	"dnseal/lookup/zonecheck"
	"dnseal/sender/identity"
)

func newZone() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "zone COMMAND",
		Short: "Check the DNS zone that publishes identities",
	}
	cmd.AddCommand(newZoneCheck())
	return cmd
}

// zoneFlags are the flags of zone check.
type zoneFlags struct {
	dns         dnsflags.DNS
	revocation  cli.Span
	nameServers []string
	names       []string
	identities  string
	walk        int
	asJSON      bool
}

func newZoneCheck() *cobra.Command {
	var f zoneFlags
	cmd := &cobra.Command{
		Use:   "check DOMAIN",
		Short: "Check how a zone serves identities",
		Long: `Looks at the zone of a domain as a stranger can, and says what is wrong with it
for publishing identities, why, and what to do. It also checks _smimecert,
_device and _user below the domain where these are zones of their own.

It checks: the chain of trust from the root; every name server (UDP, TCP, EDNS,
serial); whether absence is proven, without which a withdrawn key does not count
as revoked; whether a stranger can list the names, by doing it (NSEC), at 100
questions a second at most; for how long a withdrawn record lives in caches and
can be replayed; and the records of identities. Without --revocation-time times
are held to a day, and signatures that live longer are a note: most signers make
them for two weeks.

The name servers in the NS records are asked at port 53. The domain can be of
any owner; nothing is changed.

All that can be found, with its code in the JSON form: dnseal-zone-codes(7).

Exit status: 0 nothing is wrong; 1 something is wrong; 2 wrong usage, or output
that cannot be written; 3 something could not be told, and nothing is wrong.`,
		Example: `  dnseal zone check example.org
  dnseal zone check example.org --revocation-time 7d --identities keys
  dnseal zone check example.org --name-server 192.0.2.53 --json`,
		Args: cobra.ExactArgs(1),
	}
	f.register(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error { return f.run(cmd, args[0]) }
	return cmd
}

func (f *zoneFlags) register(cmd *cobra.Command) {
	f.dns.Register(cmd)
	flags := cmd.Flags()
	flags.Var(&f.revocation, "revocation-time", "`TIME` after which a withdrawn record should count for nobody, such as 30m, 12h or 7d;\nwhat takes longer is wrong")
	flags.StringSliceVar(&f.nameServers, "name-server", nil, "ask the name server at `ADDRESS` (host:port or host) instead of those in the NS\nrecords; repeated: several")
	flags.StringSliceVar(&f.names, "name", nil, "look at the records of `NAME` (an address, device, service or host) as well; repeated: several")
	flags.StringVar(&f.identities, "identities", "", "compare with the identities in `DIR`")
	flags.IntVar(&f.walk, "walk", 1000, "list at most `N` names; 0: list none")
	flags.BoolVar(&f.asJSON, "json", false, "print one JSON object a finding")
}

func (f *zoneFlags) run(cmd *cobra.Command, domain string) error {
	if cmd.Flags().Changed("revocation-time") && f.revocation == 0 {
		return errors.New("--revocation-time must be more than 0")
	}
	opts, err := f.options(domain)
	if err != nil {
		return err
	}
	bar := progress.New(cmd.ErrOrStderr(), "names")
	opts.Progress = func(n int) {
		bar.Expect(n)
		bar.Done(n)
	}
	report, err := zonecheck.Run(cmd.Context(), opts)
	bar.Clear()
	if err != nil {
		return err
	}
	if err := f.write(cmd, report); err != nil {
		return err
	}
	switch report.Worst() {
	case zonecheck.Wrong:
		return cli.ExitNotPass
	case zonecheck.Undecided:
		return cli.ExitTempfail
	case zonecheck.Note, zonecheck.OK:
	}
	return nil
}

func (f *zoneFlags) write(cmd *cobra.Command, report *zonecheck.Report) error {
	if !f.asJSON {
		return report.WriteText(cmd.OutOrStdout(), 80)
	}
	for _, finding := range report.Findings {
		if err := cli.WriteJSON(cmd.OutOrStdout(), finding); err != nil {
			return err
		}
	}
	return nil
}

// options turns the flags into those of the package.
func (f *zoneFlags) options(domain string) (zonecheck.Options, error) {
	opts := zonecheck.Options{Domain: domain, NameServers: f.nameServers, Resolvers: f.dns.Resolvers, Walk: f.walk}
	if f.dns.Mode != string(lookup.Validate) {
		return opts, cli.Hint(fmt.Errorf("zone check validates everything itself, so --dns-mode %s makes no sense", f.dns.Mode), "leave --dns-mode out")
	}
	if f.walk < 0 {
		return opts, fmt.Errorf("--walk is %d; it must be 0 or more", f.walk)
	}
	if f.walk == 0 {
		opts.Walk = -1
	}
	opts.Revocation = time.Duration(f.revocation) // 0: none is wished
	var err error
	if opts.Timeout, err = f.dns.PerQuestion(); err != nil {
		return opts, err
	}
	if opts.Anchors, err = f.dns.Anchors(); err != nil {
		return opts, err
	}
	if opts.Names, err = zoneNames(f.names); err != nil {
		return opts, err
	}
	opts.Identities, err = f.held()
	return opts, err
}

func zoneNames(names []string) (out []zonecheck.Name, err error) {
	for _, name := range names {
		owner, typ, err := ownerName(name)
		if err != nil {
			return nil, err
		}
		out = append(out, zonecheck.Name{Name: name, Owner: owner, Type: typ})
	}
	return out, nil
}

// held are the identities of the directory.
func (f *zoneFlags) held() (out []zonecheck.Identity, err error) {
	if f.identities == "" {
		return nil, nil
	}
	names, err := identity.List(f.identities)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		id, err := identity.Load(f.identities, name)
		if err != nil {
			return nil, err
		}
		held, err := heldIdentity(id)
		if err != nil {
			return nil, err
		}
		out = append(out, held)
	}
	return out, nil
}

func heldIdentity(id *identity.Identity) (zonecheck.Identity, error) {
	owner, typ, err := id.OwnerName()
	if err != nil {
		return zonecheck.Identity{}, err
	}
	spki, err := id.SPKI()
	if err != nil {
		return zonecheck.Identity{}, err
	}
	return zonecheck.Identity{
		Name:  zonecheck.Name{Name: id.Name, Owner: owner, Type: typ},
		Match: dane.MatchOptions{Certificate: id.Certificate, SPKI: spki, Chain: id.Chain, NameOK: id.Names},
	}, nil
}
