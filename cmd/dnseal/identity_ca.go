//go:build !submit

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"dnseal/cmd/internal/certify"
	"dnseal/cmd/internal/cli"
	"dnseal/cmd/internal/flags"
	"dnseal/lookup/dane"
	"dnseal/sender/identity"
	"dnseal/sender/identity/ca"
	"dnseal/sender/identity/provision"
)

func newIdentityCA() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "ca COMMAND",
		Short: "Certify the names of a domain by its own CA, published in the DNS",
		Long: `A domain can have a CA of its own, whose certificate is published in the DNS as
a trust anchor (DANE-TA, usage 2). Nobody has to install it, and one record can
stand for all names of the domain:

  dnseal identity ca new example.org
  dnseal identity ca publish example.org --at user     or print it: ca record
  dnseal identity ca sign alice.csr                 for a key that is elsewhere
  dnseal identity ca sign alice@example.org            for one in the directory

The CA is the folder DIR/ca/DOMAIN: key.pem, cert.pem, issued/ with a copy of
every certificate, and lock. It certifies names in its domain and below it. Its
certificate travels in every message, after the signer's, from cert.pem of the
identity. Its dates and the certificate's count, unlike with usage 3: old mail
passes no longer when they are over.`,
	}
	cmd.AddCommand(newCANew(), newCARenew(), newCASign(), newCARecord(), newCAPublish(), newCARevoke(), newCAShow())
	return cmd
}

// completeCAs completes the domain of a CA, when the command has none yet.
func completeCAs(dir *string) cobra.CompletionFunc {
	return func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		domains, _ := ca.List(*dir) // without a directory there is nothing to offer
		return domains, cobra.ShellCompDirectiveNoFileComp
	}
}

func newCANew() *cobra.Command {
	var opts ca.Options
	var constraints string
	cmd := &cobra.Command{
		Use:   "new DOMAIN",
		Short: "Make the CA of a domain: a key and a self-signed certificate",
		Long: `Makes the CA of a domain, which can certify no other CA. Its certificate permits
names in the domain and below it alone (name constraints): receivers hold it to
that, also where the key is stolen. RFC 5280 has them critical, and gpgsm
refuses certificates with what is critical and unknown to it: for recipients
with GnuPG choose --name-constraints not-critical, which Go, OpenSSL, GnuTLS and
NSS respect all the same.`,
		Example: "  dnseal identity ca new example.org --identities keys",
		Args:    cobra.ExactArgs(1),
	}
	dir := flags.Identities(cmd)
	cmd.Flags().StringVar(&opts.Algorithm, "algorithm", identity.DefaultAlgorithm, "`ALGORITHM`: "+flags.OneOf(identity.Algorithms()))
	flags.CompleteWords(cmd, "algorithm", identity.Algorithms()...)
	cmd.Flags().IntVar(&opts.Days, "days", 0, "`DAYS` of validity of the CA certificate (default ten years)")
	cmd.Flags().StringVar(&constraints, "name-constraints", string(ca.Critical), "`KIND`: "+flags.OneOf(ca.AllConstraints()))
	flags.CompleteWords(cmd, "name-constraints", ca.AllConstraints()...)
	passphrase := cmd.Flags().String("passphrase-file", "", "encrypt the key by the first line of `FILE`; -: asked at the terminal, else a line of\nstandard input")
	cmd.RunE = func(cmd *cobra.Command, args []string) (err error) {
		if err = daysGiven(cmd, opts.Days); err != nil {
			return err
		}
		if cmd.Flags().Changed("passphrase-file") {
			if opts.Passphrase, err = flags.ReadPassphrase(cmd, *passphrase, "the CA of "+args[0]); err != nil {
				return err
			}
		}
		opts.Constraints = ca.Constraints(constraints)
		a, err := ca.New(*dir, args[0], opts)
		if err != nil {
			return err
		}
		cli.Print(cmd.ErrOrStderr(), "dnseal: made the CA of %s in %s", a.Domain, a.Folder)
		cli.Print(cmd.ErrOrStderr(), "dnseal: hint: publish it: dnseal identity ca publish %s --at user --identities %s", a.Domain, identity.Quote(*dir))
		return nil
	}
	return cmd
}

// daysGiven refuses --days 0, which is not the default.
func daysGiven(cmd *cobra.Command, days int) error {
	if cmd.Flags().Changed("days") && days == 0 {
		return errors.New("--days needs at least 1; without it the default holds")
	}
	return nil
}

func newCARenew() *cobra.Command {
	var opts ca.Options
	cmd := &cobra.Command{
		Use:   "renew DOMAIN",
		Short: "Give the CA a new certificate of the same key",
		Long: `Replaces the certificate of the CA by one of the same key, name and constraints
with new dates. Records "2 1 1" (and 2 1 0, 2 1 2) stay right. What the CA has
issued stays valid for its own dates. The certificate of the CA is replaced in
all identities of the directory that have it; elsewhere it is handed out again.

Where a published record has the whole certificate ("2 0 1"), messages would
fail until the new one is published (identity ca publish), and caches have it:
nothing is done then without --now.`,
		Args: cobra.ExactArgs(1),
	}
	dir := flags.Identities(cmd)
	cmd.ValidArgsFunction = completeCAs(dir)
	cmd.Flags().IntVar(&opts.Days, "days", 0, "`DAYS` of validity of the CA certificate (default ten years)")
	now := cmd.Flags().Bool("now", false, "renew also where a published record has the whole certificate")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := daysGiven(cmd, opts.Days); err != nil {
			return err
		}
		a, err := ca.Loader{Keys: flags.Asking(cmd)}.Load(*dir, args[0])
		if err == nil && !*now && a.CheckDates(time.Now()) == nil {
			err = checkWhole(*dir, a)
		}
		if err != nil {
			return err
		}
		if err = a.Renew(opts); err != nil {
			return err
		}
		cli.Print(cmd.ErrOrStderr(), "dnseal: the CA of %s has a certificate until %s", a.Domain, day(a.Certificate.NotAfter))
		changed, err := a.Refresh(*dir)
		if len(changed) > 0 {
			cli.Print(cmd.ErrOrStderr(), "dnseal: replaced it in %d identities", len(changed))
		}
		if err != nil {
			return cli.Hint(err, "run this again: all others are done")
		}
		cli.Print(cmd.ErrOrStderr(), "dnseal: hint: records 2 1 1 stay, and nothing is to be done; those of the whole certificate (2 0 1, 2 0 0) change: dnseal identity ca publish; who has keys elsewhere needs %s", identity.Quote(filepath.Join(a.Folder, "cert.pem")))
		return nil
	}
	return cmd
}

// checkWhole refuses where a published record has the whole certificate of the CA.
func checkWhole(dir string, a *ca.Authority) error {
	where, err := provision.HoldsAuthority(dir, a)
	if err != nil || len(where) == 0 {
		return err
	}
	return cli.Hint(fmt.Errorf("the record of the CA of %s has its whole certificate (at: %s), and a new one would make messages fail until it is published; nothing was changed", a.Domain, strings.Join(where, ", ")),
		"publish its key, which stays, and renew it then: dnseal identity ca publish %s --at PLACE --selector 1 --wait (of a name: dnseal identity publish NAME --usage 2 --selector 1 --wait); or renew it --now, and publish it at once", a.Domain)
}

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }

func newCASign() *cobra.Command {
	var opts ca.IssueOptions
	var out, name, domain string
	cmd := &cobra.Command{
		Use:   "sign CSR-FILE|NAME...",
		Short: "Certify requests or identities by their domain's CA",
		Long: `Answers certificate requests (PKCS #10, in PEM or DER; "-" is standard input):
the certificate for the name in the subjectAltName of the request, and after it
that of the CA, is printed, or written to --out. Nothing else that the request
states gets into the certificate but the key usage of its kind of key.

For an identity of the directory the certificate is replaced, and its key stays:
the first time, and again each time its end is near. A new key is the work of
"dnseal identity rollover". Where the published record has the whole certificate
(3 0 x), the new one waits for that command, which publishes it first.

The CA is that of the name's domain, or the nearest above it. A certificate ends
with its CA's at the latest.`,
		Example: `  dnseal identity ca sign alice.csr --out alice.pem
  dnseal identity ca sign alice@example.org sensor7._device.example.org`,
		Args: cobra.MinimumNArgs(1),
	}
	dir := flags.Identities(cmd)
	cmd.ValidArgsFunction = func(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
		names, _ := flags.CompleteAllIdentities(dir)(cmd, args, word)
		return names, cobra.ShellCompDirectiveDefault // or the file of a request
	}
	cmd.Flags().IntVar(&opts.Days, "days", ca.DefaultDays, "`DAYS` of validity")
	cmd.Flags().StringVar(&out, "out", "", "write the certificates of a request to `FILE`; of several: to DIR/NAME.pem of an existing directory")
	cmd.Flags().StringVar(&name, "name", "", "`NAME` for a request that states none")
	cmd.Flags().StringVar(&domain, "ca", "", "`DOMAIN` of the CA (default: the nearest)")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := daysGiven(cmd, opts.Days); err != nil {
			return err
		}
		s := certify.Signer{
			Dir: *dir, Keys: flags.Asking(cmd), Options: opts, Domain: domain, Name: name, Out: out, Several: len(args) > 1,
			Write: replaceFile, Stdin: cmd.InOrStdin(), Stdout: cmd.OutOrStdout(), Stderr: cmd.ErrOrStderr(),
		}
		for _, arg := range args {
			if err := s.Sign(cmd.Context(), arg); err != nil {
				return err
			}
		}
		return nil
	}
	return cmd
}

func newCARecord() *cobra.Command {
	form := recordFlags{usage: dane.DANETA}
	var at string
	cmd := &cobra.Command{
		Use:   "record DOMAIN [NAME...]",
		Short: "Print the DNS records that publish the CA of a domain",
		Long: `Prints the records of usage 2 (DANE-TA) that publish the CA, "2 1 1" by default:
the digest of its key, which stays when its certificate is renewed.

  --at each                 at every NAME; without one at all names that have a
                            certificate of the CA now
  --at user                 _user.DOMAIN TLSA: for mail addresses in DOMAIN that
                            have no SMIMEA record
  --at wildcard-smimecert   *._smimecert.DOMAIN SMIMEA: the same for all who
                            up SMIMEA alone
  --at wildcard-device      *._device.DOMAIN TLSA: for devices without a record

A name with a record of its own is judged by that alone.

` + recordFormats,
		Example: `  dnseal identity ca record example.org --at user
  dnseal identity ca record example.org --at each alice@example.org`,
		Args: cobra.MinimumNArgs(1),
	}
	dir := flags.Identities(cmd)
	cmd.ValidArgsFunction = completeCAs(dir)
	form.register(cmd)
	places := append([]string{"each"}, identity.Places()[1:]...)
	cmd.Flags().StringVar(&at, "at", "each", "`PLACE`: "+flags.OneOf(places))
	flags.CompleteWords(cmd, "at", places...)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		a, err := ca.LoadPublic(*dir, args[0])
		if err != nil {
			return err
		}
		if err = a.CheckDates(time.Now()); err != nil {
			return err
		}
		record, err := a.Record(form.selector, form.matching)
		if err != nil {
			return err
		}
		if at != "each" {
			if len(args) > 1 {
				return cli.Hint(fmt.Errorf("--at %s is one record for the whole domain, and has no names", at), "give the names with --at each")
			}
			rr := identity.ResourceRecord{Record: record}
			if rr.Owner, rr.Type, err = identity.Place(at).DomainOwner(a.Domain); err != nil {
				return err
			}
			return form.write(cmd, []identity.ResourceRecord{rr})
		}
		records, err := a.RecordsAt(args[1:], record, time.Now())
		if err != nil {
			return err
		}
		return form.write(cmd, records)
	}
	return cmd
}

func newCAShow() *cobra.Command {
	var issued bool
	cmd := &cobra.Command{
		Use:   "show [DOMAIN]",
		Short: "Show CAs: paths, key, dates, and what they issued",
		Args:  cobra.MaximumNArgs(1),
	}
	dir := flags.Identities(cmd)
	cmd.ValidArgsFunction = completeCAs(dir)
	cmd.Flags().BoolVar(&issued, "issued", false, "list the certificates that it issued")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			var err error
			if args, err = ca.List(*dir); err != nil {
				return err
			}
			if len(args) == 0 {
				return cli.Hint(fmt.Errorf("no CA in %s", *dir), "make one: dnseal identity ca new DOMAIN --identities %s", identity.Quote(*dir))
			}
		}
		var status error
		for _, domain := range args {
			a, err := ca.LoadPublic(*dir, domain)
			if err != nil {
				return err
			}
			if err = showCA(cmd.OutOrStdout(), a, issued); errors.As(err, new(cli.Exit)) {
				status = err // the others are shown all the same
			} else if err != nil {
				return err
			}
		}
		return status
	}
	return cmd
}

func showCA(w io.Writer, a *ca.Authority, list bool) error {
	issued, err := a.Issued()
	if err != nil {
		return err
	}
	now := time.Now()
	valid := 0
	for _, i := range issued {
		if now.Before(i.Certificate.NotAfter) {
			valid++
		}
	}
	var b bytes.Buffer
	cli.Print(&b, "%s (CA)", a.Domain)
	cli.Print(&b, "  folder       %s", a.Folder)
	cli.Print(&b, "  algorithm    %s", a.KeyType())
	cli.Print(&b, "  subject      %s", a.Certificate.Subject)
	cli.Print(&b, "  valid        %s to %s", day(a.Certificate.NotBefore), day(a.Certificate.NotAfter))
	cli.Print(&b, "  constraints  %s", a.Constraints())
	cli.Print(&b, "  issued       %d in all, %d of them valid", len(issued), valid)
	wrong := a.CheckDates(now)
	if wrong != nil {
		cli.Print(&b, "  WRONG        %s; %s", cli.Plain(wrong), identity.Hint(wrong))
	}
	for _, i := range issued {
		if list {
			cli.Print(&b, "    %s to %s  %032x  %s", day(i.Certificate.NotBefore), day(i.Certificate.NotAfter), i.Certificate.SerialNumber, i.Name)
		}
	}
	if _, err = w.Write(b.Bytes()); err == nil && wrong != nil {
		err = cli.ExitNotPass
	}
	return err
}
