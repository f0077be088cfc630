//go:build !submit

package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"dnseal/cmd/internal/cli"
	"dnseal/cmd/internal/flags"
	"dnseal/sender/identity"
	"dnseal/sender/identity/lint"
	"dnseal/sender/identity/provision"
	"dnseal/sender/identity/request"
)

// maxImport is the most octets of a file that is imported.
const maxImport = 1 << 20

func newIdentityImport() *cobra.Command {
	var opts identity.ImportOptions
	cmd := &cobra.Command{
		Use:   "import NAME FILE...",
		Short: "Make an identity of keys and certificates of others",
		Long: `Reads keys and certificates from files, in PEM or DER, in any order: private
keys in PKCS #8, PKCS #1, SEC1 or PKCS #12, also encrypted; certificates, also
in PKCS #7 or PKCS #12; public keys as PUBLIC KEY or certificate request. The
certificates are sorted, the identity's own first; a root is left out.

What the identity becomes depends on the files:

  private key and certificate   an identity that signs
  private key                   the same, with a self-signed certificate
  certificate of the key of     cert.pem is replaced, and the key stays: how a
  an identity that is there     CA's answer to "identity csr" comes in
  public key, request or        the half of a supplier: the records 3 1 0 and
  certificate alone             3 1 1 can be published, and nothing signed here
  private key of such a half    it is added, and the identity signs

A key that only others encrypt to (X25519, ML-KEM) goes into the subfolder
encrypt, with --use encrypt an RSA or EC key too; an ML-DSA key for a name that
signs by another one goes beside it. ML-DSA and ML-KEM keys are read by their
seed, also where the expanded key is with it, as openssl 3.5 writes them.

A certificate that a published record has whole (3 0 x) is not replaced at once:
the error says how a rollover does it.

A private key is never overwritten. All is written or nothing. A key that comes
encrypted stays so; its passphrase is not kept, and belongs into the file
"password" of the folder (see dnseal identity --help), unless --decrypt is
given.

A manufacturer's certificate (IEEE 802.1AR), which names a serial number and no
address, can be imported and published too: usage 3 ignores the name, but mail
does not pass with it, because receivers take the name from the certificate.

The root of a domain's own CA, as "dnseal identity ca sign --out" adds it, is
kept by --anchor: receivers need it where the CA is published in the DNS.

What is unwise about the certificates is said, in words.

Exit status: 0 done; 1 done, and something is WRONG: what is signed by it does
not pass as it is; 2 wrong usage, or files that cannot be imported.`,
		Example: `  dnseal identity import alice@example.org alice.p12 --identities keys
  dnseal identity import alice@example.org answer.p7b --identities keys
  dnseal identity import sensor7._device.example.net its.pub --identities keys`,
		Args: cobra.MinimumNArgs(2),
	}
	dir := flags.Identities(cmd)
	cmd.ValidArgsFunction = func(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveDefault
		}
		return flags.CompleteIdentities(dir)(cmd, args, word)
	}
	file := cmd.Flags().String("passphrase-file", "", "passphrase of an encrypted key: the first line of `FILE`; -: a line of standard input")
	use := cmd.Flags().String("use", string(identity.UseSign), "`USE` of the key: sign, or encrypt for one that others encrypt to and that does not sign")
	flags.CompleteWords(cmd, "use", string(identity.UseSign), string(identity.UseEncrypt))
	cmd.Flags().BoolVar(&opts.Decrypt, "decrypt", false, "store a key that comes encrypted without encryption")
	cmd.Flags().BoolVar(&opts.Raw, "raw", false, "make no certificate for a private key that comes without one")
	cmd.Flags().BoolVar(&opts.Anchor, "anchor", false, "keep the root of the chain, to publish it with usage 2")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		switch identity.Use(*use) {
		case identity.UseSign:
		case identity.UseEncrypt:
			opts.Encrypt = true
		case identity.UseBoth:
			return cli.Hint(errors.New("--use both is for new keys"), "the keyUsage of the certificate says what a key that is imported is for")
		default:
			return cli.Hint(fmt.Errorf("there is no use %q of a key", *use), "use one of sign, encrypt")
		}
		opts.Passphrase = importPassphrase(cmd, *file)
		return importIdentity(cmd, *dir, args[0], args[1:], opts)
	}
	return cmd
}

// importPassphrase reads the passphrase when a file needs it, and then once.
func importPassphrase(cmd *cobra.Command, file string) func(string) (string, error) {
	switch {
	case file == "" && term.IsTerminal(int(os.Stdin.Fd())):
		return func(name string) (string, error) { return flags.TypePassphrase(cmd, name) }
	case file == "":
		return nil
	}
	passphrase, read := "", false
	return func(name string) (_ string, err error) {
		if read {
			return passphrase, nil
		}
		read = true
		if file == "-" {
			passphrase, err = flags.PassphraseLine(cmd.InOrStdin())
		} else {
			passphrase, err = flags.PassphraseIn(file)
		}
		return passphrase, err
	}
}

func importIdentity(cmd *cobra.Command, dir, name string, paths []string, opts identity.ImportOptions) error {
	files := make([]identity.File, 0, len(paths))
	for _, path := range paths {
		data, err := readImport(cmd.InOrStdin(), path)
		if err != nil {
			return err
		}
		files = append(files, identity.File{Name: path, Data: data})
	}
	release, err := lockIdentity(dir, name)
	if err != nil {
		return err
	}
	defer release()
	opts.HoldsCertificate = provision.HoldsCertificate(dir, name)
	done, err := identity.Import(dir, name, files, opts)
	if err != nil {
		return err
	}
	if wrong := printImported(cmd.ErrOrStderr(), dir, done); wrong {
		return cli.ExitNotPass
	}
	return nil
}

// readImport reads one file of limited size; "-" is standard input.
func readImport(in io.Reader, path string) ([]byte, error) {
	if path != "-" {
		f, err := cli.Open(path)
		if err != nil {
			return nil, fmt.Errorf("%s cannot be read: %w", path, flags.Cause(err))
		}
		defer f.Close() //nolint:errcheck // only read from
		in = f
	}
	data, err := io.ReadAll(io.LimitReader(in, maxImport+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s cannot be read: %w", path, flags.Cause(err))
	case len(data) > maxImport:
		return nil, fmt.Errorf("%s is larger than %d bytes, and no key or certificate", path, maxImport)
	}
	return data, nil
}

// lockIdentity locks the folder of an identity that is there, so that no two commands change it at
// once.
func lockIdentity(dir, name string) (release func(), err error) {
	folder, name, err := identity.Folder(dir, name)
	if err != nil {
		return nil, err
	}
	for _, key := range []string{"key.pem", filepath.Join(identity.EncryptFolder, "key.pem")} {
		if _, err = os.Stat(filepath.Join(folder, key)); err == nil {
			return identity.Lock(folder, name)
		}
	}
	return func() {}, nil // it is made whole or not at all, and needs no lock
}

// printImported says what was done, what is still to do, and what is unwise; wrong says that some
// of it does not pass.
func printImported(w io.Writer, dir string, done *identity.Imported) (wrong bool) {
	id := done.Identity
	for _, sentence := range done.Done {
		cli.Print(w, "dnseal: %s", sentence)
	}
	if len(done.Done) == 0 {
		cli.Print(w, "dnseal: nothing to do: all of it is in %s already", filepath.Dir(id.KeyFile))
	}
	for _, hint := range done.Hints {
		cli.Print(w, "dnseal: hint: %s", hint)
	}
	if done.Encrypted {
		flags.PrintPassphrasePlace(w, id)
	}
	for _, f := range lint.Lint(id, time.Now()) {
		level := f.Level
		if f.Code == lint.NoCertificate && done.Half {
			level = lint.Warning // it can come with the private key
		}
		cli.Print(w, "dnseal: %s: %s", level, f)
		wrong = wrong || level == lint.Wrong
	}
	printPublishHint(w, id, dir)
	return wrong
}

func newIdentityCSR() *cobra.Command {
	var der, next bool
	var which string
	cmd := &cobra.Command{
		Use:   "csr NAME",
		Short: "Print a certificate request for the identity's key, for a CA",
		Long: `Prints a PKCS #10 request, signed by the identity's key, for a certificate for
mail: the name as subjectAltName (rfc822Name, SmtpUTF8Mailbox or dNSName),
keyUsage of what the key is for, extKeyUsage emailProtection. What the CA
answers goes through dnseal identity import, and key and record stay as they
are. The answer for a key for encryption takes the way of a rollover, which
import names, because others encrypt by the certificate. X25519 and ML-KEM keys
cannot sign a request.

A certificate from a CA beside a published key (record 3 1 1) is the recommended
way where recipients have programs that know no DANE, such as Thunderbird:
dnseal goes by the record, the others by the CA. Use P-256 or RSA for them.`,
		Example: `  dnseal identity csr alice@example.org --identities keys >alice.csr
  dnseal identity import alice@example.org answer.p7b --identities keys`,
		Args: cobra.ExactArgs(1),
	}
	dir := flags.Identities(cmd)
	cmd.ValidArgsFunction = flags.CompleteIdentities(dir)
	cmd.Flags().BoolVar(&der, "der", false, "print DER instead of PEM")
	cmd.Flags().BoolVar(&next, "next", false, "for the key that a rollover will switch to")
	cmd.Flags().StringVar(&which, "which", "", "`KEY` of the name: "+flags.OneOf(provision.Which()))
	flags.CompleteWords(cmd, "which", provision.Which()...)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		id, err := loadForRequest(flags.Asking(cmd), *dir, args[0], which, next)
		if err != nil {
			return err
		}
		text, err := request.New(id)
		if err != nil {
			return err
		}
		if !der {
			text = request.PEM(text)
		}
		_, err = cmd.OutOrStdout().Write(text)
		return err
	}
	return cmd
}

// loadForRequest loads the active or the next one of the keys of an identity that which names.
func loadForRequest(l identity.Loader, dir, name, which string, next bool) (*identity.Identity, error) {
	f, err := provision.Find(dir, name)
	if err != nil {
		return nil, err
	}
	keys, err := f.Keys()
	if err != nil {
		return nil, err
	}
	g, err := keys.Which(which)
	if err != nil {
		return nil, err
	}
	folder := filepath.Join(f.Path, g.Folder)
	switch {
	case next && g.Next == nil:
		hint := "dnseal identity rollover " + identity.Quote(f.Name)
		if g.Folder != "" {
			hint += " --which " + g.Folder
		}
		return nil, cli.Hint(fmt.Errorf("%s has no next key", f.Name), "%s makes one", hint)
	case next:
		folder = filepath.Join(folder, identity.NextFolder)
	case g.Folder == "":
		return l.Load(dir, name)
	}
	return l.LoadFolder(folder, f.Name)
}
