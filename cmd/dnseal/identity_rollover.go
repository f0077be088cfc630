//go:build !submit

package main

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"dnseal/cmd/internal/cli"
	"dnseal/cmd/internal/flags"
	"dnseal/sender/identity"
	"dnseal/sender/identity/lifecycle"
	"dnseal/sender/identity/provision"
)

// rolloverFlags say how a key is rolled over.
type rolloverFlags struct {
	opts           provision.RolloverOptions
	keep, withdraw bool
	oldFor         cli.Span
}

func newIdentityRollover() *cobra.Command {
	var f rolloverFlags
	cmd := &cobra.Command{
		Use:   "rollover NAME…",
		Short: "Replace the key of identities without a message that fails",
		Long: `Replaces one key of each identity, of those that it has (--which):
  sign     the one that signs (default; for a name without one, encrypt)
  pq       the ML-DSA key that signs beside it
  encrypt  the key for encryption
Several can be under way at a time.

Makes another key, publishes its record beside that of the active one, waits
until every cache has it, and lets it sign from then on; a relay or milter that
runs notices that by itself. The time to wait is the longer of the TTL of the
records as they were and the negative TTL of the zone, counted from when the
last name server was seen to show the new record. Without --wait the command
says when to come back, and ends with status 3; --continue then carries on what
is under way and begins nothing, for cron too. With [publish] keep a relay or
milter carries it on by itself.

The record of the old key:
  --withdraw-old  goes as soon as the new key signs and no cache can lack it.
                  Saved mail that the old key signed then fails to verify.
  --keep-old      stays, so that old mail still verifies. It still vouches: who
                  has a copy of the old private key can sign as this name until
                  "identity revoke --key ID" withdraws it.
  neither         stays for --old-for (seven days), so that mail under way
                  arrives first; then the command, run again, withdraws it.

The private part of the old key is deleted as soon as that is decided; where
others may encrypt to it (it has no certificate, or one that does not forbid
it), it stays as old/…/decrypt.pem, by which nothing signs. A key in a token or
TPM stays there.

Of a key for encryption the old record goes as soon as caches have the next one,
because others can use either; --keep-old and --old-for are for it too. Its
private part always stays: mail that is encrypted to the old key, also by who
has its record still, is opened as before. A next key opens mail as soon
as it is made, also in a relay or milter that runs.

While an ML-DSA key in pq is replaced, the records of both are published, so
that mail of every moment has its second signature, and none is told pq-missing.

Where a record of the domain's CA publishes the identity (state by-ca) the next
key is certified by that CA and signs at once: the record stays as it is. The
certificate of the old key stays good until it ends.

An encrypted key is followed by one that is encrypted by the same passphrase.
--renew makes a new certificate for the same key. Where the next key is made
elsewhere (by a supplier, in a token, certified by a CA), put key.pem and
cert.pem into DIR/NAME/next (DIR/NAME/pq/next, DIR/NAME/encrypt/next), and this
command takes them.

Exit status: 0 the new key signs; 1 something is wrong, and was said; 2 wrong
usage, or another dnseal is changing the identity; 3 not done yet: come back
when it says, or use --wait.`,
		Example: `  dnseal identity rollover alice@example.org --identities keys \
    --tsig-key tsig.key --wait
  dnseal identity rollover alice@example.org --which encrypt --identities keys
  dnseal identity rollover --continue --config /etc/dnseal/dnseal.toml`,
	}
	c := newLifeCommand(cmd)
	f.register(cmd)
	cmd.Flags().BoolVar(&c.wait, "wait", false, "wait until the new key signs; with --withdraw-old or --old-for until the record of the old one is withdrawn")
	c.lines.Resume = "dnseal identity rollover --continue"
	c.lines.Say = sayRollover
	hasNext := func(g provision.Generations) bool { return g.Next != nil }
	c.lines.Begun = func(k provision.Keys) string {
		i := slices.IndexFunc(f.of(k), hasNext)
		if i < 0 {
			return ""
		}
		does := "signs"
		if f.of(k)[i].Folder == identity.EncryptFolder {
			does = "is in use"
		}
		return "the next key is made, and the one before it " + does + "; run this again to go on"
	}
	c.pending = func(o *provision.Outcome) bool { return slices.ContainsFunc(f.of(o.Keys), hasNext) }
	c.enough = func(o *provision.Outcome) bool { // nobody waits a week by default
		return !slices.ContainsFunc(f.of(o.Keys), func(g provision.Generations) bool {
			waits := f.opts.OldFor != nil || o.Step.Memory.Rollover(g.Folder).OldFor == 0
			return hasNext(g) || g.RollingOver() && waits
		})
	}
	c.later = func(o *provision.Outcome) string {
		if f.opts.Continue || slices.ContainsFunc(f.of(o.Keys), provision.Generations.RollingOver) {
			return ""
		}
		return fmt.Sprintf("a dry run makes no key: what would be sent is the record of the next key of %s, beside the one that is there", o.Name)
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := f.check(cmd, args); err != nil {
			return err
		}
		f.opts.Loader = flags.Asking(cmd)
		names, err := f.names(c, args)
		if err != nil || len(names) == 0 {
			return err
		}
		return c.run(cmd, names, provision.ToRollOver(f.opts))
	}
	return cmd
}

func (f *rolloverFlags) register(cmd *cobra.Command) {
	set := cmd.Flags()
	set.StringVar(&f.opts.Which, "which", "", "`KEY` of the name: "+flags.OneOf(provision.Which()))
	flags.CompleteWords(cmd, "which", provision.Which()...)
	set.StringVar(&f.opts.Algorithm, "algorithm", identity.DefaultAlgorithm, "`ALGORITHM` of the new key, for pq, encrypt, on a token or in the TPM without it that of the old one; see identity new")
	flags.CompleteWords(cmd, "algorithm", everyAlgorithm()...)
	set.IntVar(&f.opts.Days, "days", 0, "`DAYS` of validity in the new certificate (default ten years)")
	set.BoolVar(&f.opts.Renew, "renew", false, "keep the key and make a new certificate")
	set.BoolVar(&f.keep, "keep-old", false, "keep the record of the old key, so that old mail still verifies")
	set.BoolVar(&f.withdraw, "withdraw-old", false, "withdraw the record of the old key as soon as the new one signs")
	f.oldFor = cli.Span(lifecycle.DefaultOldFor)
	set.Var(&f.oldFor, "old-for", "`TIME` for which the record of the old key stays after the switch, such as 12h or 30d")
	set.BoolVar(&f.opts.Continue, "continue", false, "carry on rollovers that are under way, and begin none; without NAME: all in the directory")
	cmd.MarkFlagsMutuallyExclusive("keep-old", "withdraw-old", "old-for")
}

// check makes options of the flags.
func (f *rolloverFlags) check(cmd *cobra.Command, args []string) error {
	if len(args) == 0 && !f.opts.Continue {
		return cli.Hint(errors.New("no NAME"), "name the identities, or use --continue for all rollovers that are under way")
	}
	if !cmd.Flags().Changed("algorithm") {
		f.opts.Algorithm = "" // where the key is decides
	}
	zero, oldFor := time.Duration(0), time.Duration(f.oldFor)
	switch {
	case f.keep:
		f.opts.Retention = lifecycle.Keep
	case f.withdraw:
		f.opts.Retention, f.opts.OldFor = lifecycle.Withdraw, &zero
	case cmd.Flags().Changed("old-for"):
		f.opts.Retention, f.opts.OldFor = lifecycle.Withdraw, &oldFor
	}
	return nil
}

// names are those given; with --continue, where none is, all that have a rollover under way.
func (f *rolloverFlags) names(c *lifeCommand, args []string) ([]string, error) {
	if len(args) > 0 || !f.opts.Continue {
		return args, nil
	}
	p, runner, err := c.open()
	if err != nil {
		return nil, err
	}
	if err = p.Close(); err != nil {
		return nil, err
	}
	return rollingOver(runner.Dir)
}

// rollingOver are the identities of a directory that have a rollover under way.
func rollingOver(dir string) ([]string, error) {
	var names []string
	all, err := identity.ListAll(dir)
	if err != nil {
		return nil, err
	}
	for _, name := range all {
		var keys provision.Keys
		folder, err := provision.Find(dir, name)
		if err == nil {
			keys, err = folder.Keys()
		}
		if err != nil {
			return nil, err
		}
		if keys.RollingOver() {
			names = append(names, name)
		}
	}
	return names, nil
}

// of are the keys that are rolled over.
func (f *rolloverFlags) of(k provision.Keys) []provision.Generations {
	if f.opts.Continue && f.opts.Which == "" {
		return k.All()
	}
	g, _ := k.Which(f.opts.Which) // an error was told
	return []provision.Generations{g}
}

// sayRollover says what is special about a rollover that has come to the switch.
func sayRollover(o *provision.Outcome) []string {
	var lines []string
	for i, a := range o.Did {
		switch folder := o.DidIn[i]; a {
		case lifecycle.Switch:
			lines = append(lines, switched(o, folder))
		case lifecycle.Remove:
			lines = append(lines, withdrawnOf(folder))
		default: // nothing special
		}
	}
	return lines
}

func switched(o *provision.Outcome, folder string) string {
	active := o.Keys.In(folder).Active
	switch {
	case active == nil: // somebody removed it since
		return ""
	case folder == identity.EncryptFolder:
		return fmt.Sprintf("switched: key %s is the one for encryption from now on; the earlier one still opens mail", active.KeyID())
	case folder == identity.PostQuantumFolder:
		return fmt.Sprintf("switched: the ML-DSA key %s signs beside the other from now on", active.KeyID())
	}
	line := fmt.Sprintf("switched: key %s signs from now on", active.KeyID())
	if _, ok := o.ByCA(); ok {
		line += "; no record changes: that of its CA vouches for it, and for the earlier one until its certificate ends"
	}
	return line
}

func withdrawnOf(folder string) string {
	switch folder {
	case identity.EncryptFolder:
		return "the record of the old key for encryption is withdrawn; mail encrypted to it is still opened"
	case identity.PostQuantumFolder:
		return "the record of the old ML-DSA key is withdrawn: of saved mail that it signed the other signature still verifies"
	}
	return "the record of the old key is withdrawn: saved mail that it signed no longer verifies"
}
