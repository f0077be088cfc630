//go:build !submit

package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"dnseal/cmd/internal/cli"
	"dnseal/cmd/internal/dnsflags"
	"dnseal/cmd/internal/flags"
	"dnseal/cmd/internal/status"
	"dnseal/lookup/publish"
	"dnseal/sender/identity"
	"dnseal/sender/identity/lifecycle"
	"dnseal/sender/identity/provision"
)

// lifeCommand is a command that takes identities through their life.
type lifeCommand struct {
	dir   *string
	zone  dnsflags.Publish
	wait  bool
	lines status.Lines
	// pending makes an identity that waits an exit status of 3.
	pending func(*provision.Outcome) bool
	// later is what a dry run cannot know of an identity yet, in words; nil: nothing.
	later func(*provision.Outcome) string
	// enough ends the wait for an identity before all is done.
	enough func(*provision.Outcome) bool
}

// newLifeCommand adds the flags of such commands to cmd.
func newLifeCommand(cmd *cobra.Command) *lifeCommand {
	c := &lifeCommand{dir: flags.Identities(cmd)}
	c.zone.Register(cmd)
	cmd.ValidArgsFunction = flags.CompleteAllIdentities(c.dir)
	require := cmd.PreRunE
	cmd.PreRunE = func(cmd *cobra.Command, args []string) error {
		if c.zone.Config != "" {
			return nil // which can name the directory
		}
		return require(cmd, args)
	}
	return c
}

// open opens the publisher and finds the directory.
func (c *lifeCommand) open() (*dnsflags.Publishing, *provision.Runner, error) {
	p, err := c.zone.Open()
	if err != nil {
		return nil, nil, err
	}
	if *c.dir == "" && c.zone.Loaded != nil {
		*c.dir = c.zone.Loaded.Identities
	}
	if *c.dir == "" {
		return nil, nil, errors.Join(cli.Hint(errors.New("no identities directory"), "give --identities DIR, set DNSEAL_IDENTITIES, or write identities into the configuration"), p.Close())
	}
	return p, &provision.Runner{Dir: *c.dir, Publisher: p}, nil
}

// run does what is wanted of the names, and tells what became of it.
func (c *lifeCommand) run(cmd *cobra.Command, names []string, intent provision.Intent) error {
	p, runner, err := c.open()
	if err != nil {
		return err
	}
	defer p.Close() //nolint:errcheck // only lookups
	runner.Intent, runner.Enough = intent, c.enough
	if p.DryRun {
		return c.dryRun(cmd, p, runner, names)
	}
	outcomes := c.carryOn(cmd, runner, unique(names))
	c.lines.Out, c.lines.Err, c.lines.Flags = cmd.OutOrStdout(), cmd.ErrOrStderr(), givenFlags(cmd)
	result := c.lines.Print(outcomes)
	for _, o := range outcomes {
		if o.Err == nil && c.pending != nil && c.pending(o) {
			result = status.Worse(result, cli.ExitTempfail)
		}
	}
	if ctxErr := cmd.Context().Err(); ctxErr != nil {
		return ctxErr
	}
	if result != cli.ExitOK {
		return result
	}
	return nil
}

func (c *lifeCommand) carryOn(cmd *cobra.Command, runner *provision.Runner, names []string) []*provision.Outcome {
	if !c.wait {
		return runner.Run(cmd.Context(), names)
	}
	return runner.Wait(cmd.Context(), names, func(outcomes []*provision.Outcome, until time.Time) {
		n := 0
		why := ""
		for _, o := range outcomes {
			if o.Err == nil && o.Step.Do == lifecycle.Wait && (c.enough == nil || !c.enough(o)) {
				n, why = n+1, o.Step.Why
			}
		}
		cli.Print(cmd.ErrOrStderr(), "dnseal: waiting until %s for %d of %d: %s", until.UTC().Format("2006-01-02 15:04:05 UTC"), n, len(outcomes), why)
	})
}

// givenFlags are those of the directory, the server and the DNS as they were given, for a command
// that is pasted.
func givenFlags(cmd *cobra.Command) string {
	var b strings.Builder
	for _, name := range []string{"identities", "config", "server", "tsig-key", "zone", "name-server", "zone-file", "reload-command", "postgres", "resolver", "trust-anchor", "dns-mode"} {
		flag := cmd.Flags().Lookup(name)
		if flag == nil || !flag.Changed {
			continue
		}
		values := []string{flag.Value.String()}
		if list, ok := flag.Value.(interface{ GetSlice() []string }); ok {
			values = list.GetSlice()
		}
		for _, value := range values {
			b.WriteString(" --" + name + " " + identity.Quote(value))
		}
	}
	return b.String()
}

// dryRun prints what would be sent.
func (c *lifeCommand) dryRun(cmd *cobra.Command, p *dnsflags.Publishing, runner *provision.Runner, names []string) error {
	result := cli.ExitOK
	var changes []publish.Change
	c.lines.Out, c.lines.Err, c.lines.Wrong = cmd.ErrOrStderr(), cmd.ErrOrStderr(), true
	outcomes := runner.Look(cmd.Context(), unique(names))
	later := ""
	for _, o := range outcomes {
		if c.later != nil && o.Err == nil && later == "" {
			later = c.later(o)
		}
		if change, ok := o.Change(); ok {
			changes = append(changes, change)
		}
	}
	result = status.Worse(result, c.lines.Print(outcomes))
	if len(changes) > 0 {
		text, err := p.Script(cmd.Context(), changes...)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprint(cmd.OutOrStdout(), text); err != nil {
			return err
		}
	}
	switch {
	case later != "":
		cli.Print(cmd.ErrOrStderr(), "dnseal: %s", later)
	case len(changes) == 0:
		cli.Print(cmd.ErrOrStderr(), "dnseal: nothing would be sent now")
	}
	if result != cli.ExitOK {
		return result
	}
	return nil
}

// unique removes names that are given twice: a folder is locked once.
func unique(names []string) (out []string) {
	seen := map[string]bool{}
	for _, name := range names {
		key := name
		if _, canonical, err := identity.ParseName(name); err == nil {
			key = canonical
		}
		if !seen[key] {
			seen[key] = true
			out = append(out, name)
		}
	}
	return out
}

// formFlags are how a record is published.
type formFlags struct {
	form lifecycle.Form
	ttl  uint32
}

func (f *formFlags) register(cmd *cobra.Command) {
	// RFC 6698, Sections 2.1.1 to 2.1.3; the acronyms are those of RFC 7218.
	cmd.Flags().Uint8Var(&f.form.Usage, "usage", 3, "certificate usage `N`: 0 PKIX-TA, 1 PKIX-EE, 2 DANE-TA, 3 DANE-EE")
	f.registerNumbers(cmd)
}

// registerNumbers adds the flags of a record whose usage is given.
func (f *formFlags) registerNumbers(cmd *cobra.Command) {
	cmd.Flags().Uint8Var(&f.form.Selector, "selector", 1, "selector `N`: 0 whole certificate, 1 public key")
	cmd.Flags().Uint8Var(&f.form.Matching, "matching", 1, "matching type `N`: 0 as it is, 1 SHA-256, 2 SHA-512")
	cmd.Flags().Uint32Var(&f.ttl, "ttl", 300, "time to live in `SECONDS`: how long a withdrawn key may still count")
}

// options are what was given; what was not stays as it is.
func (f *formFlags) options(cmd *cobra.Command) (opts provision.PublishOptions, err error) {
	if cmd.Flags().Changed("usage") || cmd.Flags().Changed("selector") || cmd.Flags().Changed("matching") {
		opts.Form = &f.form
	}
	if cmd.Flags().Changed("ttl") {
		const most = 1<<31 - 1 // RFC 2181, Section 8
		if f.ttl == 0 || f.ttl > most {
			return opts, fmt.Errorf("--ttl is %d; it must be 1 to %d seconds", f.ttl, most)
		}
		opts.TTL = time.Duration(f.ttl) * time.Second
	}
	return opts, nil
}

func newIdentityPublish() *cobra.Command {
	var form formFlags
	var beside bool
	cmd := &cobra.Command{
		Use:   "publish NAME…",
		Short: "Publish the records of identities in the DNS, and read them back",
		Long: `Publishes the records of each identity (of the key that signs, an ML-DSA key
beside it and a key for encryption; see identity record) by a dynamic update
(RFC 2136) to the primary of its zone, signed by TSIG, or by the zone file; then
reads them back from every name server of the zone, past all caches and
validated by DNSSEC, and says from when every cache has them. A record that is
there already is left as it is. An identity that was revoked signs again from
then on. Where the server refuses, or another's record is in the way, what was
wanted stays as it was.

A record that publishes none of the identity's keys is never touched. Where
there is one and none of ours, nothing is published beside it without --beside:
who holds its key can sign as this name.

--usage, --selector and --matching are for the key that signs, where there is
one. Without them, or --ttl, they are as they were; the first time "3 1 1", for
a key for both uses "3 0 0", with 300 s.

Exit status: 0 every name server shows the record; 1 something is wrong, and was
said; 2 wrong usage, or another dnseal is changing the identity; 3 a name server
does not show it yet, or could not be asked.`,
		Example: `  dnseal identity publish alice@example.org --identities keys --tsig-key key
  dnseal identity publish --config dnseal.toml alice@example.org bob@example.org`,
		Args: cobra.MinimumNArgs(1),
	}
	c := newLifeCommand(cmd)
	c.lines.Resume = ""
	form.register(cmd)
	cmd.Flags().BoolVar(&beside, "beside", false, "publish beside records that are of none of the identity's keys")
	cmd.Flags().BoolVar(&c.wait, "wait", false, "wait until every cache has the record")
	c.pending = func(o *provision.Outcome) bool { return o.Step.Condition != lifecycle.Active && o.InCaches().IsZero() }
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		opts, err := form.options(cmd)
		if err != nil {
			return err
		}
		opts.Beside = beside
		return c.run(cmd, args, provision.ToPublish(opts))
	}
	return cmd
}

func newIdentityRevoke() *cobra.Command {
	var key string
	cmd := &cobra.Command{
		Use:   "revoke NAME…",
		Short: "Stop identities from signing, and withdraw their records",
		Long: `Marks the keys of each identity as revoked, so that nothing signs by them any
more, then withdraws all records of them at the name, and reads back that no
name server shows one. It says until when caches may still accept the key (the
TTL), and until when somebody on the way can replay the old answer (the end of
the signatures of the zone). Records of others at the name stay. A revocation
counts at once, also where the server refuses the withdrawal; where the folder
cannot be written (a full disk), the records are withdrawn all the same. Each is
said: mend it and run this again.

Where a record of the domain's CA, at _user or of a wildcard, vouches for the
key, the key signs no more here, and others accept it until its certificate
ends: the command says so, with status 1, and what helps: another key with a
record of its own, which receivers look up first.

With --key only the key of that ID goes: an earlier one whose record was kept,
or the active one while the next one waits (identity rollover). An identity
signs again after: identity publish (the same key), or identity rollover
(another key).

Exit status: 0 no name server shows a record; 1 something is wrong, and was
said; 2 wrong usage, or another dnseal is changing the identity; 3 a name server
still shows it, or could not be asked.`,
		Example: `  dnseal identity revoke sensor7._device.example.net --identities keys \
    --tsig-key tsig.key --wait`,
		Args: cobra.MinimumNArgs(1),
	}
	c := newLifeCommand(cmd)
	cmd.Flags().StringVar(&key, "key", "", "revoke the key with this `ID` alone, as identity status --json prints it")
	cmd.Flags().BoolVar(&c.wait, "wait", false, "wait until no cache has the record any more")
	c.lines.Begun = func(k provision.Keys) string {
		if !slices.Contains(k.Revoked, k.Active.KeyID()) {
			return ""
		}
		return "the key signs no more here, and others may still accept it; run this again to withdraw its record"
	}
	c.pending = func(o *provision.Outcome) bool {
		return o.Step.Memory.Gone.Since.IsZero() && o.Step.Memory.Gone.Hold > 0
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if key != "" && len(args) > 1 {
			return errors.New("--key is of one identity; give one NAME")
		}
		return c.run(cmd, args, provision.ToRevoke(key, time.Now()))
	}
	return cmd
}
