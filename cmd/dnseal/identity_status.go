//go:build !submit

package main

import (
	"context"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"dnseal/cmd/internal/cli"
	"dnseal/cmd/internal/columns"
	"dnseal/cmd/internal/keeper"
	"dnseal/cmd/internal/status"
	"dnseal/sender/identity"
	"dnseal/sender/identity/provision"
)

// look reads where the names stand: all in the directory where none is given.
func (c *lifeCommand) look(cmd *cobra.Command, names []string) ([]*provision.Outcome, error) {
	p, runner, err := c.open()
	if err != nil {
		return nil, err
	}
	defer p.Close() //nolint:errcheck // only lookups
	if len(names) == 0 {
		if names, err = identity.ListAll(runner.Dir); err != nil {
			return nil, err
		}
		// One that is missing is wrong too.
		if config := c.zone.Loaded; config != nil && config.Identities == runner.Dir {
			names = append(names, config.NamedIdentities()...)
			slices.Sort(names)
		}
	}
	return runner.Look(cmd.Context(), unique(names)), cmd.Context().Err()
}

func newIdentityStatus() *cobra.Command {
	var asJSON, watch bool
	cmd := &cobra.Command{
		Use:   "status [NAME…]",
		Short: "Say where identities stand, what comes next, and when",
		Long: `Asks every name server about the records of each identity, of all in the
directory and in the rules of --config where no NAME is given, and prints a
table: name, key, record, state, next step and when; below it what is wrong.
Nothing is changed. On a terminal the table is as wide as that, and long names
are shortened in the middle; elsewhere each identity is one line.

States: new (not published), published (not yet in all caches), active, by-ca (a
record of its CA, at _user of the domain or of a wildcard, publishes it),
next-published (a rollover waits), switched (the record of an earlier key is
still there), revoking (caches may still accept it), revoked, missing (the
record was there and is gone), unclear (no name server answers), no-key, error.

JSON, an object a line: name, key, next_key, record, owner, type, state, step
(nothing, publish, wait, switch, withdraw or settle), until, why, in_caches
(from when every cache has the record), signed_until, old (key, published,
settled), beside (other keys of the name: folder, key, next_key, old), servers
(name, status, records, ttl, error), troubles (code, text, hint), error,
checked_at.

With --watch it looks again every five minutes, and when a step is due, and
carries on what was begun (rollovers, withdrawals), as the daemons do with
[publish] keep. Each step is a line; the table is printed again when it changes.

Exit status: 0, also where something is wrong ("identity check" tells that); 2
an identity is missing or cannot be read. With --watch, after an interrupt or
SIGTERM, that of "identity check" for the last look.`,
		Example: "  dnseal identity status --identities keys",
	}
	c := newLifeCommand(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.Flags().BoolVar(&watch, "watch", false, "look again and again, and carry on what was begun")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if watch {
			return c.watch(cmd, args, asJSON)
		}
		outcomes, err := c.look(cmd, args)
		if err != nil {
			return err
		}
		if asJSON {
			err = status.JSON(cmd.OutOrStdout(), outcomes, time.Now())
		} else {
			err = status.Table(cmd.OutOrStdout(), outcomes, columns.Width(cmd.OutOrStdout()))
		}
		for _, o := range outcomes {
			if err == nil && o.Err != nil && status.Code(o.Err) == cli.ExitUsage {
				err = cli.ExitUsage
			}
		}
		return err
	}
	return cmd
}

// watch is the keeper for people. It ends with the command's context.
func (c *lifeCommand) watch(cmd *cobra.Command, names []string, asJSON bool) error {
	p, runner, err := c.open()
	if err != nil {
		return err
	}
	defer p.Close() //nolint:errcheck // only lookups
	w := status.Watch{Out: cmd.OutOrStdout(), JSON: asJSON}
	ctx, cancel := context.WithCancel(cmd.Context())
	defer cancel()
	w.Broken = cancel
	keeper.Run(ctx, keeper.Options{Dir: runner.Dir, Names: unique(names), Publisher: p, LookOnly: p.DryRun, Done: w.Done, Report: w.Report})
	return w.Result()
}

func newIdentityCheck() *cobra.Command {
	var prometheus bool
	cmd := &cobra.Command{
		Use:   "check [NAME…]",
		Short: "Check what is published of identities, for cron",
		Long: `Asks every name server about the records of each identity, of all in the
directory and in the rules of --config where no NAME is given, and says what is
wrong: a record that is missing or gone, one that publishes none of the
identity's keys, a name server that is behind or does not answer, answers that
prove nothing (no DNSSEC, no DS, a wrong signature), signatures near their end,
a certificate near its end whose dates count, a clock that is wrong. The same
cause is said once, with a count.

With --prometheus it writes metrics in the text format, for the textfile
collector of node_exporter, each with the label identity:

  dnseal_identity_state{state}     1 for the state that it is in
  dnseal_identity_published        1 where every name server shows the record
                                   of the key, or of its CA
  dnseal_identity_trouble{code}    1 for each thing that is wrong
  dnseal_identity_next_step_timestamp_seconds
  dnseal_identity_signatures_expire_timestamp_seconds
  dnseal_identity_certificate_not_after_timestamp_seconds
  dnseal_identity_checked_timestamp_seconds   without label: when it was written

Codes: unreachable, server-silent, server-behind, not-secure, foreign-record,
record-vanished, record-missing, not-published, alias, wildcard, clock,
old-undecided, signature-ends, certificate-ends, ca-vouches.

Exit status: 0 all is right; 1 something is wrong; 2 wrong usage, or an identity
is missing or cannot be read; 3 it could not be told, and nothing is worse.`,
		Example: `  dnseal identity check --config /etc/dnseal/dnseal.toml
  dnseal identity check --identities keys --prometheus >dnseal.prom`,
	}
	c := newLifeCommand(cmd)
	cmd.Flags().BoolVar(&prometheus, "prometheus", false, "write metrics instead of sentences")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		outcomes, err := c.look(cmd, args)
		if err != nil {
			return err
		}
		out := cmd.OutOrStdout()
		if prometheus {
			out = cmd.ErrOrStderr()
			err = status.Prometheus(cmd.OutOrStdout(), outcomes, time.Now())
		}
		if result := status.Check(out, outcomes, time.Now()); err == nil && result != cli.ExitOK {
			err = result
		}
		return err
	}
	return cmd
}
