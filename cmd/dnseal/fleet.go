//go:build !submit

package main

import (
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"dnseal/cmd/internal/cli"
	"dnseal/cmd/internal/flags"
	"dnseal/cmd/internal/fleet"
	"dnseal/sender/identity"
)

func newFleet() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "fleet COMMAND",
		Short: "Enroll, publish and retire many identities: a million devices",
		Long: `Makes identities of the rows of a table, brings their records into the DNS, and
retires them. Each is a folder DIR/NAME as "dnseal identity new" makes it, and
all of "dnseal identity" works on it; or its key is in one file of keys, on a
token, or with the supplier.

The inventory, DIR/fleet.jsonl, is a file of JSON lines that is only ever
appended to; a person can read it. Each line has time and event:

  enrolled   name, line and row of the table, key (its ID), record, ttl,
             not_after (the end of the certificate), at and size (of the key in
             the file of keys, in octets)
  template   names below are made by this template, name_key: a digest of it
  key-file   from here on keys are in this file
  zone-file  the zone file below, with the mark in its first line, is ours
  written    the zone file has all that is enrolled above, and none retired
  published  the server or database has accepted the record of the name; zone
  served     every name server shows a sample of what is published or withdrawn
             above: of each zone and message one name
  retired    the key of the name signs no more; others: records of other keys
  vouched    as retired, but others accept it still: the record of its CA is
             there
  withdrawn  its records are removed
  run        a table was enrolled to its end: count are new, failed were told

Each line ends with sum, the CRC-32C of what stands before it: a line that was
damaged stops every command, with its number. Who changes a line by hand takes
its sum out. An identity counts from its line on. A run that ended early, for
whatever reason, goes on when it is run again. One command changes an inventory
at a time.`,
	}
	cmd.AddCommand(newFleetEnroll(), newFleetRetire(), newFleetSweep(), newFleetStatus(), newFleetHandover())
	return cmd
}

// fleetFlags are those that the commands which change a fleet share.
type fleetFlags struct {
	inventory fleet.Inventory
	output    fleet.Output
	failures  string
}

func (f *fleetFlags) registerInventory(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.inventory.Dir, "identities", os.Getenv("DNSEAL_IDENTITIES"), "`DIR` of the identities (environment: DNSEAL_IDENTITIES)")
	cmd.Flags().StringVar(&f.inventory.File, "inventory", "", "the inventory is this `FILE` (default: fleet.jsonl in the directory of the identities)")
}

func (f *fleetFlags) register(cmd *cobra.Command) {
	f.registerInventory(cmd)
	set := cmd.Flags()
	set.StringVar(&f.failures, "failures", "", "write all failures into `FILE` (CSV: line, name, code, cause)")
	set.StringVar(&f.output.ZoneFile, "zone-file", "", "write the records of the whole fleet into this zone `FILE`, which is replaced")
	set.StringVar(&f.output.ZoneHeader, "zone-header", "", "what stands before the records: `FILE` with SOA and NS, in which {serial} is the serial\n(default: nothing; the zone has the file by $INCLUDE)")
	set.BoolVar(&f.output.Publish, "publish", false, "publish by dynamic updates (RFC 2136)")
	set.StringVar(&f.output.Postgres, "postgres", "", "publish into the PostgreSQL database of PowerDNS at `URL`; a password is in PGPASSFILE")
	f.output.Updates.RegisterUpdates(cmd)
}

const outputHelp = `Records go one way:

  --zone-file FILE  all records of the fleet, one a line, whatever this table
                    has; written whole beside the old file, which it replaces.
                    With --zone-header it is a zone file, else for $INCLUDE. It
                    has one key of a name, the one in the folder now: rollovers
                    need updates. A file that this inventory did not write stays
                    as it is, and so does one that has records of identities
                    which the inventory does not know. A fleet has one zone
                    file: another FILE is refused until the first is moved away.
                    A symbolic link is followed; mode and owner stay.
  --publish         dynamic updates, 500 names each, then read back, as
                    "dnseal identity publish" does; --server, --tsig-key, …
  --postgres URL    PowerDNS's own tables, 10,000 names a transaction, by COPY

What was published is read back from all name servers by sample: of each zone
the first name, the last, and one of each message. The first of them that a
server does not show is waited for, two minutes at most. Where none shows one
that was published by an earlier run, all names of its zone are asked for, and
what is missing is sent again; other records at a name (a rollover) stay.

A key that its folder says is revoked ("dnseal identity revoke") stays out, and
a key that a rollover made takes the place of the one that was enrolled.`

func newFleetEnroll() *cobra.Command {
	var f fleetFlags
	var e fleet.Enroll
	var form formFlags
	var passphrase string
	cmd := &cobra.Command{
		Use:   "enroll --from FILE --template TEMPLATE",
		Short: "Make identities of the rows of a table, and publish them",
		Long: `Makes an identity of each row of a table in CSV, whose first row names the
columns. The template makes names of them:

  {serial}._device.example.net      the value of a column, in lower case:
                                    letters, digits, hyphens, an underscore
                                    at the beginning
  {serial}@dev.example              mail addresses too, with any underscores
  {serial[0:4]}                     a part of the value
  {random}                          26 random characters, 130 bits; the
                                    inventory says which row has which name
  {hash(serial)}                    a pseudonym that only who has --name-key can
                                    make: HMAC-SHA-256, 26 characters of base32
  {hash(serial)[0:2]}.{hash(serial)[2:4]}.{hash(serial)[4:26]}.{site}.example
                                    a tree, with one zone cut a site; all parts
                                    of the pseudonym, so that no two are equal
  {enum(number)}                    digits, the last first, with dots (RFC 6116)

Keys are made here, into folders (--identities) or one file (--key-file: for
each "# NAME", key and certificate in PEM, mode 0600); on a token (--pkcs11 with
a template of the URI, where {name} is the name) or in the TPM; or they are the
supplier's: --public-key-column names the column that has PEM, base64 of DER, or
the path of a file below that of the table. Certificates are self-signed, of the
organisation's CA (--ca), or none (--no-certificate: mail addresses alone).

` + outputHelp + `

A line that is wrong is told with its number, and the others go on: two rows
with one name or one key, a name that is too long, a value that is none; a row
that is enrolled with another key, or otherwise than --ttl, --days, --algorithm
or the form of the record ask for. A name that was retired is not enrolled
again. Names by another template or name key than before are refused, unless
--other-names says that they are meant.

A folder that is there and in no line of the inventory is taken over with its
key. To use a key of the file elsewhere:

  awk '/^# /{on=$2=="NAME"} on' keys.pem >one.pem
  dnseal identity import NAME one.pem --identities DIR

Exit status: 0 all rows are enrolled and their records are where they belong; 1
some lines failed, and were told; 2 wrong usage, or another run is under way; 3
a name server does not answer or does not show the records yet, or interrupted:
run it again.`,
		Example: `  dnseal fleet enroll --from devices.csv --identities keys \
    --template '{serial}._device.example.net' --zone-file fleet.zone
  dnseal fleet enroll --from devices.csv --identities keys --new-name-key nk \
    --template '{hash(serial)}._device.example.net' --publish --tsig-key key`,
		Args: cobra.NoArgs,
	}
	f.register(cmd)
	form.register(cmd)
	set := cmd.Flags()
	set.StringVar(&e.From, "from", "", "the table, a CSV `FILE`; -: standard input")
	set.StringVar(&e.Template, "template", "", "`TEMPLATE` of the names; see above")
	set.StringVar(&e.NameKey, "name-key", "", "`FILE` of the key of {hash(…)}")
	set.StringVar(&e.NewNameKey, "new-name-key", "", "make the key of {hash(…)} in this new `FILE`")
	set.BoolVar(&e.Options.OtherNames, "other-names", false, "names by another template or name key than before are meant")
	set.StringVar(&e.KeyFile, "key-file", "", "append keys and certificates to one `FILE` instead of making folders")
	set.StringVar(&e.Options.PublicKeyColumn, "public-key-column", "", "keys are the supplier's, in the column `NAME`")
	set.StringVar(&e.Options.Create.Algorithm, "algorithm", identity.DefaultAlgorithm, "`ALGORITHM` of the keys: "+flags.OneOf(identity.Algorithms()))
	flags.CompleteWords(cmd, "algorithm", identity.Algorithms()...)
	set.IntVar(&e.Options.Create.Days, "days", 0, "`DAYS` of validity in certificates (default ten years; of a CA one year)")
	set.StringVar(&e.CA, "ca", "", "the CA of `DOMAIN` certifies; see identity ca")
	set.BoolVar(&e.Options.Raw, "no-certificate", false, "make no certificates; records then carry the key (3 1 0)")
	set.StringVar(&e.PKCS11, "pkcs11", "", "keys are on a PKCS #11 token: `TEMPLATE` of their URIs (RFC 7512)")
	set.BoolVar(&e.Options.Create.TPM, "tpm", false, "make the keys in the TPM 2.0")
	set.StringVar(&passphrase, "passphrase-file", "", "encrypt the keys by the first line of `FILE`; of a token it is the PIN, -: asked")
	cmd.RunE = func(cmd *cobra.Command, _ []string) (err error) {
		if e.From == "" || e.Template == "" {
			return cli.Hint(errors.New("no table, or no template"), "give --from FILE and --template TEMPLATE")
		}
		if cmd.Flags().Changed("days") && (e.Options.Create.Days < 1 || e.Options.Create.Days > 36500) {
			return fmt.Errorf("--days is %d; it must be 1 to 36500", e.Options.Create.Days)
		}
		if err = fleetForm(cmd, &form, &e); err != nil {
			return err
		}
		if passphrase != "" {
			if e.Options.Create.Passphrase, err = flags.ReadPassphrase(cmd, passphrase, "the keys"); err != nil {
				return err
			}
		}
		e.Inventory, e.Output, e.Failures, e.Keys = f.inventory, f.output, f.failures, flags.Asking(cmd)
		e.Stdin, e.Stderr, e.Output.Stderr = cmd.InOrStdin(), cmd.ErrOrStderr(), cmd.ErrOrStderr()
		return e.Run(cmd.Context())
	}
	return cmd
}

// fleetForm sets the form of the records.
func fleetForm(cmd *cobra.Command, form *formFlags, e *fleet.Enroll) error {
	const most = 1<<31 - 1 // RFC 2181, Section 8
	if form.ttl == 0 || form.ttl > most {
		return fmt.Errorf("--ttl is %d; it must be 1 to %d seconds", form.ttl, most)
	}
	e.Options.Form, e.Options.TTL = form.form, time.Duration(form.ttl)*time.Second
	set := cmd.Flags()
	e.Options.Asked.TTL, e.Options.Asked.Days, e.Options.Asked.Algorithm = set.Changed("ttl"), set.Changed("days"), set.Changed("algorithm")
	e.Options.Asked.Form = set.Changed("usage") || set.Changed("selector") || set.Changed("matching")
	if e.Options.Raw && !cmd.Flags().Changed("matching") {
		e.Options.Form.Matching = 0
	}
	_, err := identity.CertificateRecord(new(x509.Certificate), e.Options.Form.Usage, e.Options.Form.Selector, e.Options.Form.Matching)
	return err // a number that is not defined
}

func newFleetRetire() *cobra.Command {
	var f fleetFlags
	var r fleet.Retire
	cmd := &cobra.Command{
		Use:   "retire --from FILE",
		Short: "Stop many identities from signing, and withdraw their records",
		Long: `Retires the identities of a list, one name a line, or of a table: --name-column
names its column of names, or --template makes them, as when they were enrolled.
Their folders say that all their keys are revoked, as "dnseal identity revoke"
does: they sign no more. Then their records go.

` + outputHelp + `

Names that are not enrolled are told with their line, and the others go on; so
are rows of a table that make the name of another row's device. A name that was
retired never becomes that of another device. Retired once more, what is missing
is done: keys that were not in --identities then are revoked, and with --publish
or --postgres a record that is there again is withdrawn.

Records go the way they came: those that another way than that of this run
brought to where they are stay there, are told, and the status is 1.

A mail address that a CA certified is accepted by others as long as the CA has a
record at _user of the domain or at a wildcard, whatever was withdrawn. With
--publish or --postgres that is asked for, told, and status 1, as of "dnseal
identity revoke"; it counts as retired when that record has gone.

Exit status: as of fleet enroll.`,
		Example: `  dnseal fleet retire --from gone.txt --identities keys --zone-file fleet.zone
  dnseal fleet retire --from gone.csv --identities keys --publish \
    --tsig-key key --template '{serial}._device.example.net'`,
		Args: cobra.NoArgs,
	}
	f.register(cmd)
	cmd.Flags().StringVar(&r.From, "from", "", "the list, or with --name-column or --template the table: `FILE`; -: standard input")
	cmd.Flags().StringVar(&r.Column, "name-column", "", "the names are in this `COLUMN` of the table")
	cmd.Flags().StringVar(&r.Template, "template", "", "`TEMPLATE` of the names")
	cmd.Flags().StringVar(&r.NameKey, "name-key", "", "`FILE` of the key of {hash(…)}")
	cmd.MarkFlagsMutuallyExclusive("name-column", "template")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if r.From == "" {
			return cli.Hint(errors.New("no list of names"), "give --from FILE; identities of some age are retired by fleet sweep")
		}
		return runRetire(cmd, &f, &r)
	}
	return cmd
}

func runRetire(cmd *cobra.Command, f *fleetFlags, r *fleet.Retire) error {
	r.Inventory, r.Output, r.Failures = f.inventory, f.output, f.failures
	r.Stdin, r.Stdout, r.Stderr, r.Output.Stderr = cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr(), cmd.ErrOrStderr()
	return r.Run(cmd.Context())
}

func newFleetSweep() *cobra.Command {
	var f fleetFlags
	var r fleet.Retire
	var lifetime cli.Span
	cmd := &cobra.Command{
		Use:   "sweep --lifetime TIME",
		Short: "Retire identities that are older than their lifetime",
		Long: `Retires all identities that were enrolled longer ago than --lifetime, as "dnseal
fleet retire" does: for short-lived identities, from cron. With --dry-run it
prints when each was enrolled, and its name, and changes nothing.

` + outputHelp + `

Exit status: as of fleet enroll.`,
		Example: "  dnseal fleet sweep --lifetime 24h --identities keys --publish --tsig-key key",
		Args:    cobra.NoArgs,
	}
	f.register(cmd)
	cmd.Flags().Var(&lifetime, "lifetime", "`TIME` after which an identity is retired, such as 24h or 30d")
	cmd.Flags().BoolVar(&r.DryRun, "dry-run", false, "change nothing: print what would be retired")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if lifetime == 0 {
			return cli.Hint(errors.New("no lifetime"), "give --lifetime 24h, or as long as an identity may sign")
		}
		r.Lifetime = time.Duration(lifetime)
		return runRetire(cmd, &f, &r)
	}
	return cmd
}

func newFleetStatus() *cobra.Command {
	var f fleetFlags
	var s fleet.Status
	var days uint16
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Count a fleet: active, published, retired, expiring",
		Long: `Counts what the inventory says: it asks no name server ("dnseal identity status"
does). active are enrolled and not retired; published are in the zone file that
was written last, or accepted by the server or database, and the line says how
many each way; unpublished are in neither. A fleet that uses both ways needs
both: "fleet enroll --publish" sends what is in a zone file alone, and every
zone file has all that are active. expiring are certificates that end within
--days; under usage 3 their dates do not count (RFC 7671, Section 5.1).

JSON, one object: active, published, updated (by server or database), listed
(in the zone file), unpublished, unseen (updated, and not yet seen on every name
server), retired, waiting (to be withdrawn), vouched (of the retired, accepted
by others by the record of a CA), expired, expiring, oldest, oldest_enrolled,
next_to_expire, next_expires, last_run,
last_failed (lines of the last table), zone_file, zone_file_written.

Exit status: 0; 2 the inventory cannot be read, or a line of it is damaged.`,
		Example: "  dnseal fleet status --identities keys",
		Args:    cobra.NoArgs,
	}
	f.registerInventory(cmd)
	cmd.Flags().Uint16Var(&days, "days", 30, "tell certificates that end within `DAYS`")
	cmd.Flags().BoolVar(&s.JSON, "json", false, "print JSON")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		s.Inventory, s.Out, s.Stderr, s.Soon = f.inventory, cmd.OutOrStdout(), cmd.ErrOrStderr(), time.Duration(days)*24*time.Hour
		return s.Run()
	}
	return cmd
}
