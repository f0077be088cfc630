package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"dnseal/sender/identity"
)

func newIdentityRecord() *cobra.Command {
	var usage, selector, matching uint8
	var format string
	var ttl uint32
	cmd := &cobra.Command{
		Use:   "record NAME",
		Short: "Print the DNS record that publishes an identity",
		Long: `Prints the SMIMEA or TLSA record that binds the identity's key to its name, with
an absolute owner name, ready for a zone file. The default is "3 1 1": the
digest of the key; the certificate travels in the message. Use "3 0 0" where
others must be able to encrypt to the key.`,
		Example: "  dnseal identity record alice@example.org --identities keys >>example.org.zone",
		Args:    cobra.ExactArgs(1),
	}
	dir := identityDir(cmd)
	cmd.ValidArgsFunction = completeIdentities(dir)
	// RFC 6698, Sections 2.1.1 to 2.1.3; the acronyms are those of RFC 7218.
	cmd.Flags().Uint8Var(&usage, "usage", 3, "certificate usage `N`: 0 PKIX-TA, 1 PKIX-EE, 2 DANE-TA, 3 DANE-EE")
	cmd.Flags().Uint8Var(&selector, "selector", 1, "selector `N`: 0 whole certificate, 1 public key")
	cmd.Flags().Uint8Var(&matching, "matching", 1, "matching type `N`: 0 as it is, 1 SHA-256, 2 SHA-512")
	// RFC 3597, Section 5.
	cmd.Flags().StringVar(&format, "format", "zone", "`FORMAT`: zone, or rfc3597 (TYPE53 \\# …) for servers that do not know the type:\nyadifa and gdnsd need it, PowerDNS refuses the whole zone with it")
	completeWords(cmd, "format", "zone", "rfc3597")
	cmd.Flags().Uint32Var(&ttl, "ttl", 300, "time to live in `SECONDS`: how long a withdrawn key may still count")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		id, err := identity.Load(*dir, args[0])
		if err != nil {
			return err
		}
		record, err := id.Record(usage, selector, matching)
		if err != nil {
			return err
		}
		owner, typ, err := id.OwnerName()
		if err != nil {
			return err
		}
		text, err := identity.FormatRecord(owner, typ, record, time.Duration(ttl)*time.Second, identity.RecordFormat(format))
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(cmd.OutOrStdout(), text)
		return err
	}
	return cmd
}
