//go:build !submit

package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"dnseal/cmd/internal/cli"
	"dnseal/cmd/internal/flags"
	"dnseal/lookup/dane"
	"dnseal/sender/identity"
)

// recordFormats is the part of help texts about --format.
const recordFormats = `Which server needs which --format:

  zone      OWNER TTL IN SMIMEA 3 1 1 HEX, for the zone files of BIND, Knot,
            NSD, PowerDNS and CoreDNS
  rfc3597   OWNER TTL IN TYPE53 \# LENGTH HEX, for yadifa and gdnsd, which do
            not know SMIMEA; PowerDNS to 4.9 refuses the whole zone with it
  nsupdate  "update add" lines between "server", "zone" and "send", to pipe into
            nsupdate, or into knsupdate, which needs --zone
  json      an object a line: identity, name, type, ttl, usage, selector,
            matching, data in hex, rfc3597

A record is one line with class IN: nsupdate takes no parentheses over the hex,
and Knot and PowerDNS take no CLASS1. tinydns has a form of its own for unknown
types (:NAME:53:\003\001\001...); it cannot sign, as gdnsd cannot.`

// recordFlags are the flags of commands that print records.
type recordFlags struct {
	usage, selector, matching uint8
	format                    string
	ttl                       uint32
	target                    identity.UpdateTarget
}

func (f *recordFlags) register(cmd *cobra.Command) {
	// RFC 6698, Sections 2.1.2 and 2.1.3.
	cmd.Flags().Uint8Var(&f.selector, "selector", 1, "selector `N`: 0 whole certificate, 1 public key")
	cmd.Flags().Uint8Var(&f.matching, "matching", 1, "matching type `N`: 0 as it is, 1 SHA-256, 2 SHA-512")
	cmd.Flags().StringVar(&f.format, "format", "zone", "`FORMAT`: "+flags.OneOf(identity.RecordFormats())+"; see above")
	flags.CompleteWords(cmd, "format", identity.RecordFormats()...)
	cmd.Flags().Uint32Var(&f.ttl, "ttl", 300, "time to live in `SECONDS`: how long a withdrawn key may still count")
	cmd.Flags().StringVar(&f.target.Server, "server", "", "with --format nsupdate: `HOST[:PORT]` of the primary name server\n(default: the one in the zone's SOA record)")
	cmd.Flags().StringVar(&f.target.Zone, "zone", "", "with --format nsupdate: `NAME` of the zone (default: nsupdate finds it)")
}

// write prints records, and says on standard error what their size means.
func (f *recordFlags) write(cmd *cobra.Command, records []identity.ResourceRecord) error {
	// RFC 2181, Section 8.
	if f.ttl > 1<<31-1 {
		return fmt.Errorf("--ttl %d: at most %d seconds", f.ttl, 1<<31-1)
	}
	said := map[string]bool{}
	for i := range records {
		records[i].TTL = time.Duration(f.ttl) * time.Second
		warning := identity.SizeWarning(records[i])
		if warning == nil {
			continue
		}
		// The same cause is told once: records of one CA are all of a size.
		if _, cause, _ := strings.Cut(cli.Plain(warning), ": "); !said[cause] {
			said[cause] = true
			cli.Print(cmd.ErrOrStderr(), "dnseal: warning: %s", cli.Plain(warning))
			cli.Print(cmd.ErrOrStderr(), "dnseal: hint: %s", identity.Hint(warning))
		}
	}
	return identity.WriteRecords(cmd.OutOrStdout(), records, identity.RecordFormat(f.format), f.target)
}

func newIdentityRecord() *cobra.Command {
	var form recordFlags
	var at string
	var above int
	cmd := &cobra.Command{
		Use:   "record NAME...",
		Short: "Print the DNS records that publish an identity",
		Long: `Prints the SMIMEA or TLSA records that bind the keys of an identity to its name,
with an absolute owner name. The default for a key that signs is "3 1 1": the
digest of the key; the certificate travels in the message. A key that others
encrypt to has "3 0 0", the certificate, so has one for both uses unless a CA
issued its certificate (which is replaced now and then: add --selector 0
--matching 0 where others must be able to encrypt to it); without certificate
it has "3 1 0". A key without certificate that signs needs --matching 0.

--usage, --selector and --matching are for the key that signs, where there is
one; the record of a key for encryption is always as above. An ML-DSA key beside
it has "3 1 1", which fits a datagram, and with --matching 0 "3 1 0", by which
receivers notice where its signature is missing.

With usage 0 or 2 the record names the certificate of the CA: the highest that
cert.pem leads to, or the one of --ca. It travels in the message too. A record
of usage 2 can stand for many names: --at wildcard-device (*._device.DOMAIN),
--at wildcard-smimecert (*._smimecert.DOMAIN), --at user (_user.DOMAIN).

Records whose answer is longer than 1232 octets, the most that name servers send
by UDP, get a warning: certificates from about 1000 octets ("3 0 0"), as those
of RSA-4096. It is computed for a zone signed by ECDSA P-256; a zone key of
RSA-2048 adds 192 octets.

` + recordFormats,
		Example: `  dnseal identity record alice@example.org --identities keys >>example.org.zone
  dnseal identity record alice@example.org --format nsupdate | nsupdate -k key`,
		Args: cobra.MinimumNArgs(1),
	}
	dir := flags.Identities(cmd)
	cmd.ValidArgsFunction = flags.CompleteAllIdentities(dir)
	// RFC 6698, Section 2.1.1; the acronyms are those of RFC 7218.
	cmd.Flags().Uint8Var(&form.usage, "usage", 3, "certificate usage `N`: 0 PKIX-TA, 1 PKIX-EE, 2 DANE-TA, 3 DANE-EE")
	form.register(cmd)
	cmd.Flags().StringVar(&at, "at", string(identity.AtName), "with --usage 2: `PLACE` of the record: "+flags.OneOf(identity.Places()))
	flags.CompleteWords(cmd, "at", identity.Places()...)
	cmd.Flags().IntVar(&above, "ca", 0, "with --usage 0 or 2: the `N`th CA certificate above the identity's own\n(1: its issuer; default: the highest)")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		records := make([]identity.ResourceRecord, 0, len(args))
		for _, name := range args {
			keys, err := flags.LoadAllPublished(*dir, name)
			if err != nil {
				return err
			}
			of, err := form.records(cmd, keys, identity.Place(at), above)
			if err != nil {
				return err
			}
			records = append(records, of...)
		}
		return form.write(cmd, records)
	}
	return cmd
}

// records are those of the keys of a name: of the first as the flags have it, of the others in the
// form that fits their use; an ML-DSA key beside the first is published whole where that is. A
// record of a CA is no matter of the others.
func (f *recordFlags) records(cmd *cobra.Command, keys []*identity.Identity, at identity.Place, above int) (all []identity.ResourceRecord, err error) {
	first := *f
	changed := cmd.Flags().Changed
	if id := keys[0]; !changed("usage") && !changed("selector") && !changed("matching") && id.Use() != identity.UseSign {
		first.usage, first.selector, first.matching = id.RecordForm()
	}
	record, err := first.of(cmd, keys[0], above)
	if err != nil {
		return nil, err
	}
	owner, typ, err := keys[0].RecordAt(at, first.usage)
	if err != nil {
		return nil, err
	}
	all = append(all, identity.ResourceRecord{Identity: keys[0].Name, Owner: owner, Type: typ, Record: record, Encrypts: keys[0].Use() != identity.UseSign})
	if first.usage == dane.PKIXTA || first.usage == dane.DANETA {
		return all, nil
	}
	for _, id := range keys[1:] {
		usage, selector, matching := id.RecordForm()
		if id.Use() == identity.UseSign && first.usage == dane.DANEEE && first.selector == dane.PublicKey {
			matching = first.matching
		}
		if record, err = id.Record(usage, selector, matching); err != nil {
			return nil, err
		}
		all = append(all, identity.ResourceRecord{Identity: id.Name, Owner: owner, Type: typ, Record: record, Encrypts: id.Use() == identity.UseEncrypt})
	}
	return all, nil
}

// of is the record of an identity; for usages 0 and 2 that of the CA certificate above, counted
// from its issuer, 0 for the highest.
func (f *recordFlags) of(cmd *cobra.Command, id *identity.Identity, above int) (dane.Record, error) {
	record, err := id.Record(f.usage, f.selector, f.matching)
	if err != nil {
		return dane.Record{}, err
	}
	if f.usage != dane.PKIXTA && f.usage != dane.DANETA {
		if above != 0 {
			return dane.Record{}, cli.Hint(errors.New("--ca is for usages 0 and 2, which name a CA"), "add --usage 2")
		}
		if id.Certificate == nil && f.matching != dane.Exact {
			cli.Print(cmd.ErrOrStderr(), "dnseal: warning: %s has no certificate, so that its messages do not bring the key, and this record is only a digest of it; until it gets a certificate, publish 3 1 0 (--matching 0)", id.Name)
		}
		return record, nil
	}
	cas := id.Authorities()
	if above == 0 {
		above = len(cas)
	}
	if above < 1 || above > len(cas) {
		return dane.Record{}, fmt.Errorf("--ca %d: cert.pem of %s holds %d CA certificates above its own", above, id.Name, len(cas))
	}
	ca := cas[above-1]
	if err = id.CheckAuthority(cmd.Context(), ca, time.Now()); err != nil {
		return dane.Record{}, err
	}
	cli.Print(cmd.ErrOrStderr(), "dnseal: the record names the CA %q, valid to %s", ca.Subject, ca.NotAfter.UTC().Format(time.DateOnly))
	return identity.CertificateRecord(ca, f.usage, f.selector, f.matching)
}
