//go:build !submit

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"dnseal/cmd/internal/cli"
	"dnseal/cmd/internal/dnsflags"
	"dnseal/cmd/internal/encrypt"
	"dnseal/cmd/internal/flags"
	"dnseal/sender"
	"dnseal/sender/identity"
	"dnseal/sender/identity/decryption"
	"dnseal/sender/recipient"
	"dnseal/smime"
	"dnseal/smime/message"
)

// encryptFlags are the flags of dnseal encrypt.
type encryptFlags struct {
	to, bcc, certificates []string
	identities            string
	signAs                []string
	noSign, noHeader      bool
	opaque, self          bool
	profile, output       string
	dns                   dnsflags.DNS
}

func newEncrypt() *cobra.Command {
	var f encryptFlags
	cmd := &cobra.Command{
		Use:   "encrypt [FILE]",
		Short: "Sign a message and encrypt it to keys found in the DNS",
		Long: `Reads one message (FILE, "-" or standard input), signs it with the identity of
its From address, and writes it encrypted. The keys are those that the SMIMEA
records of the recipients hold, validated by DNSSEC: a certificate (3 0 0) or a
bare key (3 1 0). Nothing is written unless there is a key for everyone.

Without --to the recipients are those of the To, Cc and Bcc fields. Subject is
replaced by "[...]" outside; Comments, Keywords and Thread-Topic are left out
(RFC 9788). They are inside. A Bcc recipient (--bcc, or the Bcc field) gets an
encryption of his own, and nobody learns of him; so do recipients by ML-KEM,
beside whom some programs cannot read. Where that makes several messages,
--output DIR is needed: it gets a file each, and standard error says for whom
each is.

--profile compatible (the default) writes what every program newer than 2022
reads, AES-CBC, and AES-GCM where the keys say that it is read; modern is RFC
8551, AES-256-GCM and OAEP; pq takes ML-KEM keys (RFC 9936) alone, and refuses
who has none.

Exit status: 0 written; 1 a recipient has no key, proven; 2 wrong usage or
input; 3 a recipient could not be looked up now.`,
		Example: `  dnseal encrypt --identities keys mail.eml >encrypted.eml
  dnseal encrypt --identities keys --to bob@example.net mail.eml >encrypted.eml
  dnseal encrypt --no-sign --certificate bob.pem mail.eml >encrypted.eml
  dnseal encrypt --identities keys --profile pq --output out/ mail.eml`,
		Args: cobra.MaximumNArgs(1),
	}
	f.register(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error { return f.run(cmd, args) }
	return cmd
}

func (f *encryptFlags) register(cmd *cobra.Command) {
	set := cmd.Flags()
	set.StringVar(&f.identities, "identities", os.Getenv("DNSEAL_IDENTITIES"), "`DIR` of the identities (environment: DNSEAL_IDENTITIES)")
	set.StringSliceVar(&f.to, "to", nil, "encrypt to `ADDRESS`, and not to those in the message; repeated or with commas: several")
	set.StringSliceVar(&f.bcc, "bcc", nil, "encrypt apart to `ADDRESS`, of whom nobody learns")
	set.StringArrayVar(&f.certificates, "certificate", nil, "encrypt to the certificate in `FILE` (PEM or DER): its addresses are not looked up; repeated")
	set.StringArrayVar(&f.signAs, "sign-as", nil, "sign as `NAME` instead of the From address; repeated: one signature each")
	flags.CompleteIdentityFlag(cmd, "sign-as", &f.identities)
	set.BoolVar(&f.noSign, "no-sign", false, "encrypt only: the reader cannot tell who wrote it")
	set.BoolVar(&f.opaque, "opaque", false, "sign in the form application/pkcs7-mime")
	set.BoolVar(&f.noHeader, "no-header-protection", false, "leave Subject and the rest of the header as they are, in clear")
	set.BoolVar(&f.self, "self", false, "encrypt to your own key, too, so that you can read what you sent")
	set.StringVar(&f.profile, "profile", string(recipient.Compatible), "`PROFILE` of the reader: compatible, modern or pq")
	set.StringVarP(&f.output, "output", "o", "", "write a file for each encryption to `DIR`")
	flags.CompleteWords(cmd, "profile", "compatible", "modern", "pq")
	f.dns.Register(cmd)
}

func (f *encryptFlags) run(cmd *cobra.Command, args []string) error {
	profile, err := recipient.ParseProfile(f.profile)
	if err != nil {
		return err
	}
	m, err := readOne(cmd, args)
	if err != nil {
		return err
	}
	defer m.Close() //nolint:errcheck // an unlinked file
	ids, err := f.signers(cmd, m)
	if err != nil {
		return err
	}
	groups, err := f.groups(cmd, m, ids, profile)
	if err != nil {
		return err
	}
	if len(groups) > 1 && f.output == "" {
		return cli.Hint(fmt.Errorf("these recipients need %d messages", len(groups)), "--output DIR writes a file for each: a Bcc recipient, and one with an ML-KEM key beside others, gets his own")
	}
	whole, err := completed(m, ids, time.Now())
	if err != nil {
		return err
	}
	defer whole.Close() //nolint:errcheck // an unlinked file
	edits, err := f.each(cmd, whole, ids, groups)
	defer closeAll(edits)
	if err != nil {
		return err
	}
	if f.output != "" {
		files, err := encrypt.WriteEach(f.output, whole, edits)
		for i, file := range files {
			cli.Print(cmd.ErrOrStderr(), "dnseal: %s is for %s", file, strings.Join(groups[i].Addresses, ", "))
		}
		return err
	}
	return encrypt.Write(cmd.OutOrStdout(), whole, edits[0])
}

// signers are the identities that sign; none where the message is only encrypted.
func (f *encryptFlags) signers(cmd *cobra.Command, m *message.Message) ([]*identity.Identity, error) {
	switch {
	case f.noSign && len(f.signAs) > 0:
		return nil, errors.New("--no-sign and --sign-as contradict each other")
	case f.noSign && f.self && f.identities == "":
		return nil, errors.New("--self needs --identities")
	case f.noSign:
		return nil, nil
	case f.identities == "":
		return nil, cli.Hint(errors.New("no identities directory to sign from"), "give --identities DIR or set DNSEAL_IDENTITIES; --no-sign encrypts only")
	}
	return flags.Signers(flags.Asking(cmd), f.identities, f.signAs, m)
}

// groups plans the encryptions.
func (f *encryptFlags) groups(cmd *cobra.Command, m *message.Message, ids []*identity.Identity, profile recipient.Profile) ([]recipient.Group, error) {
	visible, hidden, err := f.recipients(m)
	if err != nil {
		return nil, err
	}
	holders, err := f.certified()
	if err != nil {
		return nil, err
	}
	shown, apart, err := encrypt.Apart(holders, m, f.to, f.bcc)
	if err != nil {
		return nil, err
	}
	known := func(address string) bool {
		return slices.ContainsFunc(holders, func(h encrypt.Holder) bool { return h.In([]string{address}) })
	}
	visible, hidden = slices.DeleteFunc(visible, known), slices.DeleteFunc(hidden, known)
	if len(visible)+len(hidden)+len(holders) == 0 {
		return nil, cli.Hint(errors.New("the message names no recipient"), "give --to ADDRESS or --certificate FILE")
	}
	found, err := f.find(cmd, slices.Concat(visible, hidden), profile)
	if err != nil {
		return nil, err
	}
	self, err := f.own(cmd, m, ids)
	if err != nil {
		return nil, err
	}
	groups, err := recipient.Plan(append(shown, found[:len(visible)]...), append(apart, found[len(visible):]...), recipient.PlanOptions{Profile: profile, Self: self})
	return groups, noKey(err)
}

// find looks the recipients up; without any it needs no resolver.
func (f *encryptFlags) find(cmd *cobra.Command, addresses []string, profile recipient.Profile) ([]*recipient.Found, error) {
	if len(addresses) == 0 {
		return nil, nil
	}
	client, err := f.dns.Client(nil)
	if err != nil {
		return nil, err
	}
	defer client.Close() //nolint:errcheck // nothing is lost
	found := recipient.Find(cmd.Context(), addresses, recipient.Options{Lookup: client, Profile: profile})
	return found, keyless(cmd.ErrOrStderr(), found)
}

// keyless prints why recipients have no key.
func keyless(stderr io.Writer, found []*recipient.Found) error {
	status := cli.ExitOK
	for _, r := range found {
		if r.Err == nil {
			continue
		}
		_ = cli.Report(stderr, noKey(r.Err)) // the status is that of all
		switch {
		case !r.Err.Temporary:
			status = cli.ExitNotPass
		case status == cli.ExitOK:
			status = cli.ExitTempfail
		}
	}
	if status != cli.ExitOK {
		return status
	}
	return nil
}

// noKey is a recipient's error with its advice.
func noKey(err error) error {
	if r, ok := errors.AsType[*recipient.Error](err); ok && r.Hint != "" {
		without := *r
		without.Hint = ""
		return cli.Hint(&without, "%s", r.Hint)
	}
	return err
}

// recipients are the addresses to look up, and those of whom nobody is to learn.
func (f *encryptFlags) recipients(m *message.Message) (visible, hidden []string, err error) {
	visible, hidden = slices.Clone(f.to), slices.Clone(f.bcc)
	if len(visible)+len(f.certificates) > 0 {
		return visible, hidden, nil
	}
	if visible, err = encrypt.Addressed(m, "To", "Cc"); err != nil {
		return nil, nil, err
	}
	named, err := encrypt.Addressed(m, "Bcc")
	return visible, append(hidden, named...), err
}

// certified are the recipients of --certificate.
func (f *encryptFlags) certified() (holders []encrypt.Holder, err error) {
	for _, file := range f.certificates {
		cert, err := encrypt.ReadCertificate(file)
		if err != nil {
			return nil, err
		}
		key, err := recipient.FromCertificate(cert, time.Now())
		if err != nil {
			return nil, fmt.Errorf("%s: nothing can be encrypted to this certificate: %w", file, err)
		}
		name, addresses := file, []string(nil)
		for _, n := range smime.CertificateNames(cert) {
			if n.Kind == smime.NameMail {
				name, addresses = n.Address.String(), append(addresses, n.Address.String())
			}
		}
		found := &recipient.Found{Address: name, Keys: []recipient.Key{key}}
		holders = append(holders, encrypt.Holder{Found: found, Addresses: addresses})
	}
	return holders, nil
}

// own are the keys of who sends it, by which he can read it.
func (f *encryptFlags) own(cmd *cobra.Command, m *message.Message, ids []*identity.Identity) ([]recipient.Key, error) {
	if !f.self {
		return nil, nil
	}
	name := ""
	if len(ids) > 0 {
		name = ids[0].Name
	} else if from, err := m.From(); err == nil && len(from) == 1 {
		name = from[0].String()
	}
	keys, err := decryption.Load(flags.Asking(cmd), f.identities, name)
	if err != nil {
		return nil, err
	}
	for _, k := range keys {
		if k.Certificate == nil {
			continue
		}
		if key, err := recipient.FromCertificate(k.Certificate, time.Now()); err == nil {
			return []recipient.Key{key}, nil // the one in use
		}
	}
	return nil, cli.Hint(fmt.Errorf("%s has no certificate that can be encrypted to", name), "make one: dnseal identity new --use encrypt %s", identity.Quote(name))
}

// completed is the message with Date and Message-ID, the same in every copy, and without Bcc.
func completed(m *message.Message, ids []*identity.Identity, now time.Time) (*message.Message, error) {
	host := "localhost"
	if from, err := m.From(); err == nil && len(from) > 0 {
		host = from[0].Domain
	} else if len(ids) > 0 {
		host = ids[0].Name
	}
	edit := &message.Edit{Changes: message.MissingFields(m, host, now)}
	edit.Changes = append(edit.Changes, message.RemoveAll(m.Header(), func(f message.Field) bool { return f.Is("Bcc") })...)
	spool := message.NewSpool(0)
	if _, err := m.WriteEdited(spool, edit); err != nil {
		return nil, errors.Join(err, spool.Close())
	}
	return message.FromSpool(spool, message.ReadOptions{})
}

// each makes all encryptions before anything is written.
func (f *encryptFlags) each(cmd *cobra.Command, m *message.Message, ids []*identity.Identity, groups []recipient.Group) ([]*message.Edit, error) {
	var edits []*message.Edit
	for _, g := range groups {
		opts := smime.EncryptOptions{Recipients: g.Recipients, Cipher: g.Cipher, NoHeaderProtection: f.noHeader}
		edit, err := f.encryptFor(cmd.Context(), m, ids, opts)
		if errors.Is(err, smime.ErrAlreadySecured) {
			return edits, cli.Hint(err, "what is signed already can be encrypted with --no-sign; what is encrypted is not encrypted again")
		}
		if err != nil {
			return edits, err
		}
		edits = append(edits, edit)
	}
	return edits, nil
}

func (f *encryptFlags) encryptFor(ctx context.Context, m *message.Message, ids []*identity.Identity, opts smime.EncryptOptions) (*message.Edit, error) {
	if f.noSign {
		return smime.Encrypt(ctx, m, opts)
	}
	return sender.SignMessage(ctx, m, ids, smime.SignOptions{Time: time.Now(), Opaque: f.opaque, NoHeaderProtection: f.noHeader, Encrypt: &opts})
}

func closeAll(edits []*message.Edit) {
	for _, e := range edits {
		e.Close() //nolint:errcheck // an unlinked file
	}
}
