//go:build !submit

package main

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"dnseal/cmd/internal/cli"
	"dnseal/cmd/internal/dnsflags"
	"dnseal/cmd/internal/flags"
	made "dnseal/cmd/internal/handover"
	"dnseal/sender/fleet"
	"dnseal/sender/fleet/handover"
)

func newFleetHandover() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "handover COMMAND",
		Short: "Give names and public keys to the next party, and take them",
		Long: `A hand-over is what a hardware supplier gives an integrator, and an integrator a
consumer: names, public keys or certificates, and which hands they went through,
signed by the giver's own DNS-bound name. No private key is ever in it.

The file is CMS SignedData (RFC 5652); inside is JSON, one object a line:

  openssl cms -verify -binary -inform DER -in FILE -noverify

It is not encrypted: who has it reads the names.`,
	}
	cmd.AddCommand(newFleetHandoverMake(), newFleetHandoverTake())
	return cmd
}

func newFleetHandoverMake() *cobra.Command {
	m := &made.Making{}
	var giver, inventory string
	table := &made.Table{}
	cmd := &cobra.Command{
		Use:   "make --giver NAME --to FILE",
		Short: "Sign the names and public keys of identities, for the next party",
		Long: `Signs the identities of the inventory that are not retired, with the public keys
or certificates of their folders, as the identity --giver, which needs its
private key and a certificate in --identities. With --from it is the rows of a
table in CSV instead: those who only make keys need nothing else. Its column
--public-key-column has a key or certificate (base64 of DER, or PEM), the column
--name-column the name where there is one already; all others go along, and
"provenance" says through which hands a row went before. A table that "take"
wrote is given on as it is. No two rows have the same key.

More identities than one file can have (100,000) go into several, such as
devices-01.p7m for --to devices.p7m. A file that is there already with the same
identities is left as it is: after an interruption run the same again. Where a
row is wrong, each such row is told by its line, and nothing is signed.

Exit status: 0 all files are there; 1 something was wrong, and was told; 2 wrong
usage, or a file that cannot be read or written.`,
		Example: `  dnseal fleet handover make --giver fleet@maker.example --identities keys \
    --from serials.csv --public-key-column public_key \
    --taker integrator.example --to batch7.p7m`,
		Args: cobra.NoArgs,
	}
	dir := flags.Identities(cmd)
	set := cmd.Flags()
	set.StringVar(&giver, "giver", "", "`NAME` of the identity that signs")
	flags.CompleteIdentityFlag(cmd, "giver", dir)
	set.StringVar(&m.Taker, "taker", "", "`NAME` of who may take it (default: anybody)")
	set.StringVar(&m.To, "to", "", "`FILE` that is made")
	set.StringVar(&inventory, "inventory", "", "`FILE` with the inventory (default: "+fleet.DefaultInventory+" in --identities)")
	set.StringVar(&table.File, "from", "", "take the rows of this table in CSV, `FILE`, in place of the inventory")
	set.StringVar(&table.Key, "public-key-column", made.KeyColumn, "with --from: `COLUMN` with the public key or certificate")
	set.StringVar(&table.Name, "name-column", "", "with --from: `COLUMN` with the name (default: name in a table of take, else the rows have none)")
	set.IntVar(&m.PerFile, "per-file", handover.MaxEntries, "most `IDENTITIES` of one file")
	cmd.RunE = func(cmd *cobra.Command, _ []string) (err error) {
		switch {
		case giver == "" || m.To == "":
			return cli.Hint(errors.New("--giver NAME and --to FILE are needed"), "see %s --help", cmd.CommandPath())
		case m.PerFile < 1 || m.PerFile > handover.MaxEntries:
			return fmt.Errorf("--per-file is %d; it must be 1 to %d", m.PerFile, handover.MaxEntries)
		case table.File != "" && inventory != "":
			return errors.New("--from excludes --inventory")
		}
		if m.Giver, err = flags.Asking(cmd).Load(*dir, giver); err != nil {
			return err
		}
		m.Out, m.Err = cmd.OutOrStdout(), cmd.ErrOrStderr()
		if table.File != "" {
			m.Source, err = table, table.Open()
		} else {
			if inventory == "" {
				inventory = filepath.Join(*dir, fleet.DefaultInventory)
			}
			m.Source, err = made.NewFolders(inventory, *dir)
		}
		if err != nil {
			return err
		}
		return m.Run(cmd.Context())
	}
	return cmd
}

func newFleetHandoverTake() *cobra.Command {
	t := &made.Taking{}
	dns := &dnsflags.DNS{}
	cmd := &cobra.Command{
		Use:   "take --giver NAME --to TABLE FILE…",
		Short: "Verify a hand-over, and write its identities as a table",
		Long: `Verifies that the giver signed each FILE, by the records that he has in the DNS,
and writes a table in CSV with a row for each identity: the columns name, those
of the giver, public_key (a key or certificate) and provenance. The table is
there only when all files are proven, belong together and none is missing.
dnseal fleet enroll reads it: --from TABLE --public-key-column public_key.

A hand-over that names a taker is for that one: say who you are with --taker.
That the devices have their private keys is the giver's word, and not proven.

Exit status: 0 the table is written; 1 a file is not proven: changed, not by the
giver, or for another; 2 wrong usage, no hand-over or one that was cut, or a
part is missing; 3 the DNS did not tell, so try again.`,
		Example: `  dnseal fleet handover take --giver fleet@maker.example \
    --taker integrator.example --to devices.csv batch7-*.p7m`,
		Args: cobra.MinimumNArgs(1),
	}
	dns.Register(cmd)
	set := cmd.Flags()
	set.StringVar(&t.Options.Giver, "giver", "", "`NAME` that has to have signed")
	set.StringVar(&t.Options.Taker, "taker", "", "your `NAME`, as the giver wrote it")
	set.StringVar(&t.To, "to", "", "`FILE` of the table that is written")
	set.BoolVar(&t.Partial, "partial", false, "write the table although parts of the hand-over are missing")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if t.Options.Giver == "" || t.To == "" {
			return cli.Hint(errors.New("--giver NAME and --to FILE are needed"), "see %s --help", cmd.CommandPath())
		}
		client, err := dns.Client(nil)
		if err != nil {
			return err
		}
		defer client.Close() //nolint:errcheck // nothing is left to do
		t.Files, t.Options.Lookup, t.Out = args, client, cmd.OutOrStdout()
		err = t.Run(cmd.Context())
		switch {
		case errors.Is(err, handover.ErrNotProven):
			return told(cmd, err, cli.ExitNotPass)
		case errors.Is(err, handover.ErrUndecided):
			return told(cmd, err, cli.ExitTempfail)
		}
		return err
	}
	return cmd
}

// told prints an error that is a result, and returns its exit status.
func told(cmd *cobra.Command, err error, status cli.Exit) error {
	cli.Print(cmd.ErrOrStderr(), "dnseal: %s", cli.Plain(err))
	return status
}
