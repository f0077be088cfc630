//go:build !submit

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/spf13/cobra"

	"dnseal/cmd/internal/cli"
	"dnseal/cmd/internal/dnsflags"
	"dnseal/cmd/internal/flags"
	"dnseal/cmd/internal/mailbox"
	"dnseal/lookup/dnssec"
	"dnseal/sender"
	"dnseal/sender/identity"
	"dnseal/smime"
	"dnseal/smime/cms"
	"dnseal/smime/message"
)

// signFlags are the flags of dnseal sign.
type signFlags struct {
	identities []string
	opaque     bool
	noCerts    bool
	noHeader   bool
	selfCheck  string
	staple     bool
	dns        dnsflags.DNS
}

func newSign() *cobra.Command {
	var f signFlags
	cmd := &cobra.Command{
		Use:   "sign [FILE]",
		Short: "Sign a message with the identity of its From address",
		Long: `Reads one message (FILE, "-" or standard input) and writes it signed to standard
output, with CRLF line ends. The content is made transit-proof first, so that
relays and lists do not break the signature; header fields are protected
(RFC 9788). Date and Message-ID are added where they are missing. A message that
is signed or encrypted already is refused. The result is read back and checked
before it is written.

With --staple the DNSSEC chain of the signer's own records goes with the
signature, in an unsigned attribute that other programs ignore: receivers
without DNS can verify it with "dnseal verify --offline". It is for mail that is
carried by ships, files or radio, and holds for days, as the signatures of the
zone do. Nothing is signed where the records are missing, are not signed by
DNSSEC or do not match the key.`,
		Example: `  dnseal sign --identities keys mail.eml >signed.eml
  dnseal sign --identities keys --identity sensor7._device.example.net mail.eml
  dnseal sign --identities keys --staple mail.eml >for-the-ship.eml`,
		Args: cobra.MaximumNArgs(1),
	}
	dir := flags.Identities(cmd)
	set := cmd.Flags()
	set.StringArrayVar(&f.identities, "identity", nil, "sign as `NAME` instead of the From address; repeated: one signature each")
	flags.CompleteIdentityFlag(cmd, "identity", dir)
	set.BoolVar(&f.opaque, "opaque", false, "make application/pkcs7-mime: survives every relay, unreadable without S/MIME")
	set.BoolVar(&f.noCerts, "no-certs", false, "leave certificates out (needs a record with the whole key or certificate: 3 1 0, 3 0 0)")
	set.BoolVar(&f.noHeader, "no-header-protection", false, "do not protect header fields")
	set.StringVar(&f.selfCheck, "self-check", "digest", "`LEVEL` of checking what was made: digest, or full (verifies the signature value too)")
	flags.CompleteWords(cmd, "self-check", "digest", "full")
	set.BoolVar(&f.staple, "staple", false, "send the DNSSEC chain of the signer's records along, for receivers without DNS")
	f.dns.Register(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if f.selfCheck != "digest" && f.selfCheck != "full" {
			return fmt.Errorf("--self-check is digest or full, not %q", f.selfCheck)
		}
		if name := f.dns.Changed(cmd); name != "" && !f.staple {
			return fmt.Errorf("--%s needs --staple: only that reads the DNS", name)
		}
		return sign(cmd, *dir, &f, args)
	}
	return cmd
}

func sign(cmd *cobra.Command, dir string, f *signFlags, args []string) error {
	m, err := readOne(cmd, args)
	if err != nil {
		return err
	}
	defer m.Close() //nolint:errcheck // an unlinked file
	ids, err := flags.Signers(flags.Asking(cmd), dir, f.identities, m)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if wrong := id.CheckName(); wrong != nil {
			cli.Print(cmd.ErrOrStderr(), "dnseal: %s; %s", cli.Plain(wrong), identity.Hint(wrong))
		}
	}
	staples, err := f.staples(cmd.Context(), ids)
	if err != nil {
		return err
	}
	var result smime.SignResult
	edit, err := sender.SignMessage(cmd.Context(), m, ids, smime.SignOptions{
		Result:             &result,
		Time:               time.Now(),
		Unsigned:           staples,
		Opaque:             f.opaque,
		NoCertificates:     f.noCerts,
		NoHeaderProtection: f.noHeader,
		FullSelfCheck:      f.selfCheck == "full",
	})
	if errors.Is(err, smime.ErrAlreadySecured) {
		return cli.Hint(err, "a message that is signed or encrypted is not signed again; sign it before other programs do")
	}
	if err != nil {
		return err
	}
	defer edit.Close() //nolint:errcheck // an unlinked file
	printForm(cmd.ErrOrStderr(), &result)
	out := bufio.NewWriter(cmd.OutOrStdout())
	if _, err := m.WriteEdited(out, edit); err != nil {
		return fmt.Errorf("writing the signed message: %w", err)
	}
	return out.Flush()
}

// staples are the unsigned attributes of the identities, in their order.
func (f *signFlags) staples(ctx context.Context, ids []*identity.Identity) ([][]cms.Attribute, error) {
	if !f.staple {
		return nil, nil
	}
	client, err := f.dns.Client(nil)
	if err != nil {
		return nil, err
	}
	defer client.Close() //nolint:errcheck // nothing is lost
	var out [][]cms.Attribute
	for _, id := range ids {
		attribute, err := sender.Staple(ctx, client, id, dnssec.Limits{}, time.Now())
		if err != nil {
			return nil, cli.Hint(err, `"dnseal identity check %s" says what is published; without --staple it is not looked up`, identity.Quote(id.Name))
		}
		out = append(out, []cms.Attribute{attribute})
	}
	return out, nil
}

// printForm prints how the form differs from what the user chose.
func printForm(w io.Writer, r *smime.SignResult) {
	if r.Cause != nil {
		cli.Print(w, "dnseal: signed in opaque form, unreadable without S/MIME: %s: %s", r.Cause.Place, r.Cause.Reason)
	}
	for _, name := range r.Unprotected {
		cli.Print(w, "dnseal: the field %s is left unprotected: a copy of it would not survive transit", name)
	}
	for _, f := range r.Fragile {
		cli.Print(w, "dnseal: %s does not survive systems that take a message apart and write it again: %s", f.Place, f.Reason)
	}
	if r.NoSigningTime {
		cli.Print(w, "dnseal: the signing time is left out, because Date is more than an hour from it or cannot be read")
	}
}

// readOne spools the one message to sign.
func readOne(cmd *cobra.Command, args []string) (*message.Message, error) {
	in, name := cmd.InOrStdin(), "standard input"
	if len(args) == 1 && args[0] != "-" {
		file, err := openMessage(args[0])
		if err != nil {
			return nil, err
		}
		defer file.Close() //nolint:errcheck // only read from
		in, name = file, args[0]
	}
	return readMessage(in, name)
}

// openMessage opens the file of one message.
func openMessage(name string) (*os.File, error) {
	info, err := os.Stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%s does not exist", name)
	case err != nil:
		return nil, err
	case info.IsDir():
		return nil, cli.Hint(fmt.Errorf("%s is a folder", name), "name the file of one message; verify and explain read Maildir folders")
	}
	if mbox, err := mailbox.IsMbox(name); err != nil || mbox {
		if err == nil {
			err = cli.Hint(fmt.Errorf("%s is an mbox, not one message: its first line begins with \"From \"", name), "name the file of one message; verify and explain read mbox files")
		}
		return nil, err
	}
	return os.Open(name)
}

// readMessage reads a saved message and names it in errors.
func readMessage(in io.Reader, name string) (*message.Message, error) {
	m, _, err := mailbox.Read(in, name)
	return m, err
}
