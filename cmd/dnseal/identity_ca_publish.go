//go:build !submit

package main

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"dnseal/cmd/internal/cli"
	"dnseal/cmd/internal/dnsflags"
	"dnseal/cmd/internal/flags"
	"dnseal/cmd/internal/status"
	"dnseal/lookup/dane"
	"dnseal/sender/identity"
	"dnseal/sender/identity/ca"
	"dnseal/sender/identity/lifecycle"
	"dnseal/sender/identity/provision"
)

// placeCommand is a command about the record of a CA at a place.
type placeCommand struct {
	life      *lifeCommand
	place     string
	authority provision.Authority
}

func newPlaceCommand(cmd *cobra.Command) *placeCommand {
	c := &placeCommand{life: newLifeCommand(cmd)}
	cmd.ValidArgsFunction = completeCAs(c.life.dir)
	places := identity.Places()[1:]
	cmd.Flags().StringVar(&c.place, "at", "", "`PLACE`: "+flags.OneOf(places))
	flags.CompleteWords(cmd, "at", places...)
	cobra.CheckErr(cmd.MarkFlagRequired("at"))
	return c
}

// run publishes or withdraws, and tells what became of it. pending says whether that has an exit
// status of 3.
func (c *placeCommand) run(cmd *cobra.Command, domain string, pending func(*provision.AuthorityOutcome) bool) error {
	if c.place == "each" {
		return cli.Hint(errors.New("--at each is a record at the name of each identity"), "publish and withdraw it as that of the identity: dnseal identity publish NAME --usage 2, and dnseal identity revoke NAME")
	}
	p, runner, err := c.life.open()
	if err != nil {
		return err
	}
	defer p.Close() //nolint:errcheck // only lookups
	if c.authority.CA, err = ca.LoadPublic(runner.Dir, domain); err != nil {
		return err
	}
	if err = c.authority.CA.CheckDates(time.Now()); err != nil && !c.authority.Withdraw {
		return err
	}
	c.authority.Place, c.authority.Publisher = identity.Place(c.place), p
	lines := status.Lines{Out: cmd.OutOrStdout(), Err: cmd.ErrOrStderr()}
	if p.DryRun {
		return c.dryRun(cmd, p, &lines)
	}
	o, err := c.carryOn(cmd)
	if err != nil {
		var failed error = lines.Failed(domain, err)
		return cmp.Or(cmd.Context().Err(), failed)
	}
	result := lines.Authority(o)
	if pending(o) {
		result = status.Worse(result, cli.ExitTempfail)
	}
	if result != cli.ExitOK {
		return result
	}
	return nil
}

func (c *placeCommand) carryOn(cmd *cobra.Command) (*provision.AuthorityOutcome, error) {
	if !c.life.wait {
		return c.authority.Run(cmd.Context())
	}
	return c.authority.Wait(cmd.Context(), func(o *provision.AuthorityOutcome) {
		cli.Print(cmd.ErrOrStderr(), "dnseal: waiting until %s: %s", o.Step.Until.UTC().Format("2006-01-02 15:04:05 UTC"), o.Step.Why)
	})
}

// dryRun prints what would be sent.
func (c *placeCommand) dryRun(cmd *cobra.Command, p *dnsflags.Publishing, lines *status.Lines) error {
	o, err := c.authority.Look(cmd.Context())
	if err != nil {
		return err
	}
	lines.Wrong = true
	result := lines.Authority(o)
	if change, ok := o.Change(); ok {
		text, err := p.Script(cmd.Context(), change)
		if err != nil {
			return err
		}
		if _, err = fmt.Fprint(cmd.OutOrStdout(), text); err != nil {
			return err
		}
	} else {
		cli.Print(cmd.ErrOrStderr(), "dnseal: nothing would be sent now")
	}
	if result != cli.ExitOK {
		return result
	}
	return nil
}

const placesHelp = `
  --at user                 _user.DOMAIN TLSA
  --at wildcard-smimecert   *._smimecert.DOMAIN SMIMEA
  --at wildcard-device      *._device.DOMAIN TLSA

The record at the name of one identity is that of "dnseal identity publish NAME
--usage 2".
`

func newCAPublish() *cobra.Command {
	var form formFlags
	oldFor := cli.Span(lifecycle.DefaultOldFor)
	cmd := &cobra.Command{
		Use:   "publish DOMAIN",
		Short: "Publish the record of a CA for all its names, and read it back",
		Long: `Publishes the record of a domain's CA (usage 2) as "dnseal identity publish"
does that of an identity: by a dynamic update or the zone file, never over the
record of somebody else, read back from every name server and validated; it says
from when every cache has it. What is there already is left as it is.` + placesHelp + `
Without --selector, --matching or --ttl they are as they were; the first time
"2 1 1", with 300 s. A CA renewed with the same key ("identity ca renew") keeps
records 2 1 x: nothing is to be done. Those of the whole certificate (2 0 x)
change: run this again. The new record is published, and the earlier one stays
for --old-for, so that mail under way arrives; the command run again after that,
withdraws it.

Exit status: 0 every name server shows the record; 1 something is wrong, and was
said; 2 wrong usage, or another dnseal is using the CA; 3 a name server does not
show it yet, or could not be asked.`,
		Example: `  dnseal identity ca publish example.org --at user --identities keys \
    --tsig-key tsig.key`,
		Args: cobra.ExactArgs(1),
	}
	c := newPlaceCommand(cmd)
	form.registerNumbers(cmd)
	cmd.Flags().BoolVar(&c.authority.Beside, "beside", false, "publish beside records that are of no CA of ours")
	cmd.Flags().BoolVar(&c.life.wait, "wait", false, "wait until every cache has the record, and an earlier one is withdrawn")
	cmd.Flags().Var(&oldFor, "old-for", "`TIME` for which the record of an earlier certificate of the CA stays, such as 12h or 30d")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		opts, err := form.options(cmd)
		if err != nil {
			return err
		}
		if c.authority.Form, c.authority.TTL = opts.Form, opts.TTL; opts.Form != nil {
			c.authority.Form.Usage = dane.DANETA
		}
		if cmd.Flags().Changed("old-for") {
			c.authority.OldFor = (*time.Duration)(&oldFor)
		}
		return c.run(cmd, args[0], func(o *provision.AuthorityOutcome) bool { return o.InCaches().IsZero() })
	}
	return cmd
}

func newCARevoke() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "revoke DOMAIN",
		Short: "Withdraw the record of a CA that is for all its names",
		Long: `Withdraws all records of the CA at the place, and reads back that no name server
shows one: names without a record of their own are published no more, and what
they signed verifies no more. It says until when caches may still accept it (the
TTL), and until when somebody on the way can replay the old answer (the end of
the signatures of the zone). Records of others stay, and so do the CA and what
it issued: "dnseal identity ca publish" publishes it again.` + placesHelp + `
Exit status: 0 no name server shows a record; 1 something is wrong, and was
said; 2 wrong usage, or another dnseal is using the CA; 3 a name server still
shows it, or could not be asked.`,
		Example: `  dnseal identity ca revoke example.org --at user --identities keys \
    --tsig-key tsig.key --wait`,
		Args: cobra.ExactArgs(1),
	}
	c := newPlaceCommand(cmd)
	cmd.Flags().BoolVar(&c.life.wait, "wait", false, "wait until no cache has the record any more")
	c.authority.Withdraw = true
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return c.run(cmd, args[0], func(o *provision.AuthorityOutcome) bool {
			return o.Step.Memory.Gone.Since.IsZero() && o.Step.Memory.Gone.Hold > 0
		})
	}
	return cmd
}
