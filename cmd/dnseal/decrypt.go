//go:build !submit

package main

import (
	"errors"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"dnseal/cmd/internal/cli"
	"dnseal/cmd/internal/encrypt"
	"dnseal/cmd/internal/flags"
	"dnseal/sender/identity"
	"dnseal/sender/identity/decryption"
	"dnseal/smime"
	"dnseal/smime/cms/enveloped"
	"dnseal/smime/message"
)

func newDecrypt() *cobra.Command {
	var names []string
	cmd := &cobra.Command{
		Use:   "decrypt [FILE]",
		Short: "Decrypt a message with a key of an identity",
		Long: `Reads one message (FILE, "-" or standard input) that is encrypted by S/MIME,
opens all layers of encryption around its content with the keys of the
identities, and writes it to standard output. What was signed inside is as it
was signed: "dnseal verify" judges it; "dnseal verify --identities DIR" does so
without decrypting first. Subject and other fields that the sender hid are put
back (RFC 9788).

Content under a cipher that authenticates (AES-GCM, ChaCha20-Poly1305) is
written only when its tag holds. Content under CBC can have been changed on the
way, which is said where no signature inside would show it. Parts that are
encrypted beside others in clear stay as they are: together, a reader could be
made to send the one away by the other.

Exit status: 0 decrypted; 1 there is no key for it here, or it is damaged; 2
wrong usage, or input that is no encrypted message, is malformed or over a
limit, or is encrypted by an algorithm that is not supported.`,
		Example: `  dnseal decrypt --identities keys encrypted.eml >mail.eml
  dnseal decrypt --identities keys encrypted.eml | dnseal verify`,
		Args: cobra.MaximumNArgs(1),
	}
	dir := flags.Identities(cmd)
	cmd.Flags().StringArrayVar(&names, "identity", nil, "use the keys of `NAME` alone; repeated")
	flags.CompleteIdentityFlag(cmd, "identity", dir)
	cmd.RunE = func(cmd *cobra.Command, args []string) error { return decrypt(cmd, *dir, names, args) }
	return cmd
}

func decrypt(cmd *cobra.Command, dir string, names, args []string) error {
	m, err := readOne(cmd, args)
	if err != nil {
		return err
	}
	defer m.Close() //nolint:errcheck // an unlinked file
	keys, locked := decryptionKeys(flags.Asking(cmd), dir, names)
	if len(keys) == 0 && locked != nil {
		return locked
	}
	decrypted, err := smime.Decrypt(cmd.Context(), m, smime.DecryptOptions{Keys: decryption.Enveloped(keys)})
	if err != nil {
		return undecrypted(cmd, dir, err, locked)
	}
	defer decrypted.Edit.Close() //nolint:errcheck // an unlinked file
	for _, e := range decrypted.Encryptions {
		if !e.Content.Authenticated && !decrypted.Signed {
			cli.Print(cmd.ErrOrStderr(), "dnseal: note: %s does not authenticate, and the message is not signed: nothing shows that it was not changed", e.Content.Cipher)
		}
		if e.Changed != "" {
			cli.Print(cmd.ErrOrStderr(), "dnseal: warning: %s: it may have been changed on the way", e.Changed)
		}
	}
	return encrypt.Write(cmd.OutOrStdout(), m, decrypted.Edit)
}

// decryptionKeys are the keys of the named identities, else of all; the error is about those that
// could not be loaded.
func decryptionKeys(l identity.Loader, dir string, names []string) ([]decryption.Key, error) {
	if len(names) == 0 {
		return decryption.LoadAll(l, dir)
	}
	var keys []decryption.Key
	var failed error
	for _, name := range names {
		of, err := decryption.Load(l, dir, name)
		if keys = append(keys, of...); failed == nil {
			failed = err // one is enough to begin with
		}
	}
	return keys, failed
}

// undecrypted is why a message was not decrypted, with advice. A key that is locked may be the one.
func undecrypted(cmd *cobra.Command, dir string, err, locked error) error {
	switch {
	case errors.Is(err, smime.ErrNotEncrypted):
		return cli.Hint(err, "parts of it may be; \"dnseal verify\" says what it is")
	case errors.Is(err, enveloped.ErrNoKey) && locked != nil:
		_ = cli.Report(cmd.ErrOrStderr(), named(err)) // the status is that of both
		err = locked
	case errors.Is(err, enveloped.ErrNoKey):
		err = cli.Hint(named(err), "the keys are those of the identities in %s that decrypt; \"dnseal identity show\" lists them", identity.Quote(dir))
	case errors.Is(err, enveloped.ErrDecrypt):
		err = named(err)
	default:
		return err
	}
	_ = cli.Report(cmd.ErrOrStderr(), err) // the status says that nothing is wrong with the call
	return cli.ExitNotPass
}

// named is an error about encrypted content that names the message.
func named(err error) error {
	return errors.New("the message " + strings.TrimPrefix(cli.Plain(err), "it "))
}

// verifyKeys are the keys that verify opens mail with. Those that are locked are only asked for
// where the folder was named on the command line.
func verifyKeys(cmd *cobra.Command, dir string) (smime.DecryptOptions, error) {
	if dir == "" {
		return smime.DecryptOptions{}, nil
	}
	loader, named := identity.Loader{}, cmd.Flags().Changed("identities")
	if named {
		loader = flags.Asking(cmd)
	}
	keys, err := decryption.LoadAll(loader, dir)
	switch {
	case err == nil:
	case named && len(keys) == 0:
		return smime.DecryptOptions{}, err
	case named:
		cli.Print(cmd.ErrOrStderr(), "dnseal: note: %s", cli.Plain(err))
	}
	if named && len(keys) == 0 {
		cli.Print(cmd.ErrOrStderr(), "dnseal: note: no identity in %s has a key that decrypts", identity.Quote(dir))
	}
	return smime.DecryptOptions{Keys: ready(keys), Memory: message.NewMemory(message.DefaultMemory)}, nil
}

// ready are the keys, for many messages.
func ready(keys []decryption.Key) []enveloped.Key {
	all := decryption.Enveloped(keys)
	for i, k := range all {
		if made, err := k.Ready(); err == nil { // what cannot decrypt is told where it is used
			all[i] = made
		}
	}
	return all
}

// registerKeys adds the flag for the keys that open encrypted mail.
func (f *verifyFlags) registerKeys(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.keys, "identities", os.Getenv("DNSEAL_IDENTITIES"), "`DIR` of the identities whose keys open encrypted mail (environment: DNSEAL_IDENTITIES)")
}
