//go:build !submit

package main

import (
	"errors"
	"io"

	"github.com/spf13/cobra"

	"dnseal/cmd/internal/check"
	"dnseal/cmd/internal/cli"
	"dnseal/cmd/internal/flags"
	"dnseal/cmd/internal/migration"
)

func newCheck() *cobra.Command {
	var table, object bool
	var opts check.Options
	var ask check.Question
	var list check.TableOptions
	var others migrating
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Prove that a configuration works: keys, records, next hops",
		Long: `Reads the configuration as the relay and the milter do, and tests it: each
resolver, whether it returns the records of DNSSEC; each identity's certificate,
its record in the DNS against its key, and the signing of a test message; each
rule, whether there are identities for it; each DKIM key, its record against the
key; each relay's server certificate against its TLSA records and the roots;
each next hop, and for inbound relays that it is no open relay; and prints the
lines for Postfix and Sendmail. No message is sent.

With --as it says what the relay and the milter would do with a message of that
submitter: by which rule, with which identity, whose record is in which state,
and in which form (clear, opaque, plain; by recipient) they would sign it, or
which class and action keep it from being signed, and why. --as is "user:NAME"
(SASL), "tls:NAME" (TLSA client) or "net:ADDRESS"; given twice, both are true of
the client. The same code decides; it signs in memory.

With --table it prints who can write as whom, with which identity, and the state
of that identity's record (published, absent, another key, insecure, bogus,
unknown), for each rule; then the identities that no rule uses. Of the
identities of a rule it lists ten, those in trouble first, and counts the rest;
--all and --json give all.

With --opendkim it reads an opendkim.conf and its tables, with --signing-milter
the table of a signing-milter in its text form, and prints what means the same
in dnseal.toml: rules, DKIM keys, and the commands for the identities. What has
no counterpart is in comments, by file and line. No configuration is read.

Exit status: 0 all is right, with --as: it would be signed; 1 something is
wrong, with --as: it would not be signed, with --opendkim or --signing-milter:
not all could be taken over; 2 the configuration cannot be read, or output
cannot be written; 3 something is undecided, nothing is wrong.`,
		Example: `  dnseal check --config /etc/dnseal/dnseal.toml
  dnseal check --as user:billing --from info@example.org --to bob@example.com
  dnseal check --as tls:sensor7._device.example.net --from alerts@example.net
  dnseal check --table
  dnseal check --opendkim /etc/opendkim.conf`,
		Args: cobra.NoArgs,
	}
	file := configFlag(cmd)
	set := cmd.Flags()
	set.BoolVarP(&opts.Quiet, "quiet", "q", false, "print only what is wrong or undecided")
	set.StringArrayVar(&ask.As, "as", nil, "say what would happen to mail of `SUBMITTER`: user:NAME, tls:NAME or net:ADDRESS; repeatable")
	flags.CompletePrefixes(cmd, "as", "user:", "tls:", "net:")
	set.StringVar(&ask.From, "from", "", "with --as: the value of From, an `ADDRESS` with or without a display name")
	set.StringArrayVar(&ask.To, "to", nil, "with --as: a recipient's `ADDRESS`; repeatable")
	set.StringVar(&ask.MailFrom, "mail-from", "", "with --as: the envelope sender, an `ADDRESS`, or <> for none (default that of --from)")
	set.BoolVar(&table, "table", false, "print the rules with their identities and the state of each record")
	set.BoolVar(&list.All, "all", false, "with --table: list all identities")
	set.BoolVar(&object, "json", false, "with --as and --table: print JSON, one object a line")
	others.register(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		out := cmd.OutOrStdout()
		switch {
		case others.asked():
			return others.run(out)
		case len(ask.As) == 0 && (ask.From != "" || len(ask.To) > 0 || ask.MailFrom != ""):
			return errors.New("--from, --to and --mail-from are for --as")
		case len(ask.As) > 0 && ask.From == "":
			return errors.New("--as needs --from")
		case len(ask.As) > 0 && (table || opts.Quiet), list.All && !table, table && opts.Quiet:
			return errors.New("--as, --table and --quiet are for different checks, and --all is for --table")
		case object && len(ask.As) == 0 && !table:
			return errors.New("--json is for --as and --table")
		case len(ask.As) > 0:
			ask.JSON = object
			return check.As(cmd.Context(), out, *file, ask)
		case table:
			list.JSON, list.Progress = object, cmd.ErrOrStderr()
			return check.Table(cmd.Context(), out, *file, list)
		}
		opts.Progress = cmd.ErrOrStderr()
		return check.Run(cmd.Context(), out, *file, opts)
	}
	return cmd
}

// migrating is what is read of another signer.
type migrating struct {
	openDKIM string
	milter   migration.Tables
}

func (m *migrating) register(cmd *cobra.Command) {
	set := cmd.Flags()
	set.StringVar(&m.openDKIM, "opendkim", "", "print the rules of an opendkim.conf, `FILE`, and of its tables")
	set.StringVar(&m.milter.Signing, "signing-milter", "", "print the rules of the signing table, `FILE`, of a signing-milter")
	set.StringVar(&m.milter.Auth, "auth-table", "", "with --signing-milter: its table of users, `FILE`")
	set.StringVar(&m.milter.Mode, "mode-table", "", "with --signing-milter: its table of recipients, `FILE`")
	cmd.MarkFlagsMutuallyExclusive("opendkim", "signing-milter", "as", "table", "quiet")
}

func (m *migrating) asked() bool { return m.openDKIM != "" || m.milter != migration.Tables{} }

// run prints the rules.
func (m *migrating) run(out io.Writer) (err error) {
	var rules *migration.Rules
	switch {
	case m.openDKIM != "":
		rules, err = migration.OpenDKIM(m.openDKIM)
	case m.milter.Signing != "":
		rules, err = migration.SigningMilter(m.milter)
	default:
		err = errors.New("--auth-table and --mode-table are for --signing-milter")
	}
	if err == nil {
		err = rules.Write(out)
	}
	if err == nil && len(rules.Left) > 0 {
		err = cli.ExitNotPass
	}
	return err
}
