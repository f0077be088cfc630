//go:build !submit

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"dnseal/cmd/internal/cli"
	"dnseal/cmd/internal/flags"
	"dnseal/sender/identity"
	"dnseal/sender/identity/lint"
)

func newIdentity() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "identity COMMAND",
		Short: "Make and show keys that are bound to names in the DNS",
		Long: `An identity is a key pair bound to one DNS-published name:

  alice@example.org                a mail address (SMIMEA)
  sensor7._device.example.net      a device (TLSA)
  _smtp-client.relay1.example.net  a service (TLSA)
  device73.example.net             a host (TLSA)

It is a folder DIR/NAME with key.pem (readable by its owner only) and cert.pem.
A key that others encrypt to, where it is not the one that signs, is in the
subfolder encrypt; an ML-DSA key that signs beside another one in pq.
A key is read in PKCS #8, PKCS #1 or SEC1, in PEM or DER; certificates in PEM,
DER or PKCS #7. key.pem can be a PKCS #12 file with both. An RSA key signs by
RSASSA-PSS where it is for nothing else, or where the line "Signature scheme:
RSASSA-PSS" stands above it in key.pem.

The passphrase of a key that is encrypted (PKCS #8 with PBES2, or PKCS #12) is
the first line of the file "password" in the folder (mode 0600). Where that line
is "credential:NAME", it is in the systemd credential NAME of the service
(LoadCredential= or LoadCredentialEncrypted= in its unit). A key.pem of one line
"credential:NAME" says that the key itself is that credential. A person at a
terminal is asked for a passphrase that stands nowhere.

A key.pem of one line "pkcs11:…" (RFC 7512) says that the key is on a PKCS #11
token, which signs with it: its PIN is the first line of "password", or that of
the file that pin-source in the URI names. The URI names the token's library
with ?module-path=FILE, else DNSEAL_PKCS11_MODULE does. A key.pem with TSS2
PRIVATE KEY is a key of the TPM 2.0 (/dev/tpmrm0, or the device or UNIX socket
that DNSEAL_TPM names); its password is in "password" too. dnseal --version says
whether PKCS #11 is in this program.

A key.pem with a public key alone is the half of a supplier: its records can be
printed and published, and nothing can be signed.`,
	}
	cmd.AddCommand(
		newIdentityNew(), newIdentityImport(), newIdentityCSR(), newIdentityShow(), newIdentityRecord(), newIdentityCA(),
		newIdentityPublish(), newIdentityRollover(), newIdentityRevoke(), newIdentityStatus(), newIdentityCheck(),
	)
	return cmd
}

// printRecord prints the record of an identity that was just made, as identity record does.
func printRecord(cmd *cobra.Command, id *identity.Identity, dir string) error {
	record := newIdentityRecord()
	args := []string{id.Name, "--identities", dir}
	if id.Certificate == nil && id.Use() != identity.UseEncrypt {
		args = append(args, "--matching", "0")
	}
	record.SetArgs(args)
	record.SetIn(cmd.InOrStdin())
	record.SetOut(cmd.OutOrStdout())
	record.SetErr(cmd.ErrOrStderr())
	record.SilenceErrors, record.SilenceUsage = true, true
	return record.ExecuteContext(cmd.Context())
}

// printPublishHint says how an identity is published: by an update, or by hand.
func printPublishHint(w io.Writer, id *identity.Identity, dir string) {
	args := identity.Quote(id.Name) + " --identities " + identity.Quote(dir)
	if id.Certificate == nil && id.Use() != identity.UseEncrypt {
		args += " --matching 0"
	}
	cli.Print(w, "dnseal: hint: publish it: dnseal identity publish %s; by hand, with the record of: dnseal identity record %s", args, args)
}

func newIdentityNew() *cobra.Command {
	var opts identity.CreateOptions
	cmd := &cobra.Command{
		Use:   "new NAME",
		Short: "Make a key pair with a self-signed certificate",
		Long: `Makes a key pair, and a certificate of it with the name.

  --use sign     the key signs (default)
  --use encrypt  others encrypt to it; it is in the subfolder encrypt, beside
                 the one that signs or without one
  --use both     one key for both

  algorithm                    sign  encrypt  both
  p256 (default), p384, p521    x      x       x     what most programs know
  rsa2048, rsa3072, rsa4096     x      x       x     what all programs know
  rsa2048-pss, … (RSASSA-PSS)   x              x
  ed25519                       x                    RFC 8419
  ml-dsa-44, -65, -87           x                    RFC 9881, 9882
  x25519                               x             RFC 8418
  ml-kem-768, ml-kem-1024              x             RFC 9936

Where the name has a key of another kind, an ML-DSA key is made beside it, in
the subfolder pq: mail is then signed by both, and programs that do not know
ML-DSA verify the other signature.

A key for encryption is published with its certificate, as "3 0 0". X25519 and
ML-KEM keys cannot sign their own: the key of the name that signs does, where it
is here. Without one the key is raw, and published as "3 1 0": dnseal encrypts
to such a key and names it by its key identifier, which is our own reading of
RFC 8162; other programs need the certificate.`,
		Example: `  dnseal identity new alice@example.org --identities keys
  dnseal identity new alice@example.org --record --identities keys >>zone
  dnseal identity new alice@example.org --use encrypt --identities keys
  dnseal identity new alice@example.org --algorithm ml-dsa-65 --identities keys`,
		Args: cobra.ExactArgs(1),
	}
	dir := flags.Identities(cmd)
	use := cmd.Flags().String("use", string(identity.UseSign), "`USE` of the key: "+flags.OneOf(identity.Uses()))
	flags.CompleteWords(cmd, "use", identity.Uses()...)
	cmd.Flags().StringVar(&opts.Algorithm, "algorithm", identity.DefaultAlgorithm, "`ALGORITHM`; see above")
	flags.CompleteWords(cmd, "algorithm", everyAlgorithm()...)
	cmd.Flags().IntVar(&opts.Days, "days", 0, "`DAYS` of validity in the certificate (default ten years; under DANE-EE only the record counts)")
	passphrase := cmd.Flags().String("passphrase-file", "", "encrypt the key by the first line of `FILE`; -: asked at the terminal, else a line of\nstandard input; for --pkcs11 the PIN, for --tpm the password that the key gets")
	cmd.Flags().StringVar(&opts.PKCS11, "pkcs11", "", "the key is on a PKCS #11 token: `URI` (RFC 7512) names it; where it is not there it is made")
	cmd.Flags().BoolVar(&opts.TPM, "tpm", false, "make the key in the TPM 2.0 (environment: DNSEAL_TPM)")
	record := cmd.Flags().Bool("record", false, "print its DNS record too, as \"dnseal identity record\" does")
	cmd.RunE = func(cmd *cobra.Command, args []string) (err error) {
		if cmd.Flags().Changed("days") && opts.Days == 0 {
			return errors.New("--days needs at least 1; without it the certificate is valid for ten years")
		}
		if cmd.Flags().Changed("passphrase-file") {
			if opts.Passphrase, err = flags.ReadPassphrase(cmd, *passphrase, args[0]); err != nil {
				return err
			}
		}
		opts.Use, opts.Loader = identity.Use(*use), flags.Asking(cmd)
		// A key that is on a token has its algorithm.
		if opts.PKCS11 != "" && !cmd.Flags().Changed("algorithm") {
			opts.Algorithm = ""
		}
		id, err := identity.Create(*dir, args[0], opts)
		switch {
		case errors.Is(err, fs.ErrExist):
			return cli.Hint(err, "a key is never overwritten: choose another --identities directory or move the old one away")
		case errors.Is(err, identity.ErrLocked) && opts.Passphrase == "":
			return cli.Hint(err, "give the PIN with --passphrase-file FILE (-: asked), or name its file in the URI: ?pin-source=FILE")
		case err != nil:
			return err
		}
		printMade(cmd.ErrOrStderr(), id, opts)
		if *record {
			return printRecord(cmd, id, *dir)
		}
		printPublishHint(cmd.ErrOrStderr(), id, *dir)
		return nil
	}
	return cmd
}

// everyAlgorithm lists those for signatures, and those for encryption alone.
func everyAlgorithm() []string {
	names := identity.Algorithms()
	for _, name := range identity.AlgorithmsFor(identity.UseEncrypt) {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// printMade says what was made, and where the key is.
func printMade(w io.Writer, id *identity.Identity, opts identity.CreateOptions) {
	place, _ := id.Place() // of what was written just now
	switch {
	case id.KeyWasThere:
		cli.Print(w, "dnseal: uses the key that is there, %s", place)
	case place != "":
		cli.Print(w, "dnseal: made a key %s", place)
	}
	cli.Print(w, "dnseal: made %s", id.KeyFile)
	if opts.Passphrase == "" {
		return
	}
	if place != "" {
		cli.Print(w, "dnseal: hint: the PIN or password is not kept: a service reads it from %s (mode 0600)", identity.Quote(filepath.Join(filepath.Dir(id.KeyFile), "password")))
		return
	}
	flags.PrintPassphrasePlace(w, id)
}

func newIdentityShow() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "show [NAME]",
		Short: "Show identities: paths, key, certificate, owner name",
		Long: `Shows the identities of the directory, or one. What is wrong with a certificate
is said in words: what it is, why it matters, what to do. WRONG: receivers that
run dnseal do not let its signatures pass (exit status 1); warning: some
receivers do not, or under some records not; note (only with NAME): what other
programs make of it.`,
		Args: cobra.MaximumNArgs(1),
	}
	dir := flags.Identities(cmd)
	cmd.ValidArgsFunction = flags.CompleteIdentities(dir)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		names := args
		if len(names) == 0 {
			var err error
			if names, err = identity.ListAll(*dir); err != nil {
				return err
			}
			if len(names) == 0 {
				return cli.Hint(fmt.Errorf("no identities in %s", *dir), "make one: dnseal identity new NAME --identities %s", identity.Quote(*dir))
			}
		}
		var status error
		for i, name := range names {
			keys, err := flags.LoadAllPublished(*dir, name)
			if err != nil {
				return err
			}
			if i > 0 {
				cli.Print(cmd.OutOrStdout(), "")
			}
			for _, id := range keys {
				err = showIdentity(cmd.OutOrStdout(), id, *dir, len(args) > 0)
				if errors.As(err, new(cli.Exit)) {
					status = err // the others are shown all the same
				} else if err != nil {
					return err
				}
			}
		}
		return status
	}
	return cmd
}

// whyNot says why an identity cannot sign here.
func whyNot(id *identity.Identity, dir string) string {
	_, err := identity.Load(dir, id.Name)
	if err == nil {
		return "the public key alone is here"
	}
	if hint := identity.Hint(err); hint != "" {
		return cli.Plain(err) + "; " + hint
	}
	return cli.Plain(err)
}

// showIdentity prints one identity; notes: what other programs make of its certificate, too.
func showIdentity(w io.Writer, id *identity.Identity, dir string, notes bool) error {
	owner, typ, err := id.OwnerName()
	if err != nil {
		return err
	}
	var b bytes.Buffer
	cli.Print(&b, "%s (%s)", id.Name, id.Kind)
	cli.Print(&b, "  key          %s", id.KeyFile)
	if place, failed := id.Place(); failed == nil && place != "" {
		cli.Print(&b, "  which is     %s", place)
	}
	if id.Use() != identity.UseSign {
		cli.Print(&b, "  use          %s", id.Use())
	}
	if id.Use() != identity.UseEncrypt && id.CanSign() != nil {
		cli.Print(&b, "  cannot sign  %s", whyNot(id, dir))
	}
	cli.Print(&b, "  algorithm    %s", id.KeyType())
	if cert := id.Certificate; cert != nil {
		cli.Print(&b, "  certificate  %s", id.CertFile)
		cli.Print(&b, "  valid        %s to %s", cert.NotBefore.UTC().Format("2006-01-02"), cert.NotAfter.UTC().Format("2006-01-02"))
	}
	cli.Print(&b, "  published at %s (%s)", owner, typ)
	wrong := false
	for _, f := range lint.Lint(id, time.Now()) {
		wrong = wrong || f.Level == lint.Wrong
		if notes || f.Level != lint.Note {
			cli.Print(&b, "  %-12s %s", f.Level, f)
		}
	}
	if _, err = w.Write(b.Bytes()); err == nil && wrong {
		err = cli.ExitNotPass
	}
	return err
}
