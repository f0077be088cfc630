package main

import (
	"github.com/spf13/cobra"

	"dnseal/cmd/internal/check"
)

func newCheck() *cobra.Command {
	var quiet bool
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Prove that a configuration works: keys, records, next hops",
		Long: `Reads the configuration as the relay and the milter do, and tests it: each
resolver, whether it returns the records of DNSSEC; each identity's certificate,
its record in the DNS against its key, and the signing of a test message; each
relay's server certificate against its TLSA records and the roots; each next
hop, and for inbound relays that it is no open relay; and prints the lines for
Postfix and Sendmail. No message is sent.

Exit status: 0 all is right; 1 something is wrong; 2 the configuration cannot be
read, or output cannot be written; 3 something is undecided, nothing is wrong.`,
		Example: "  dnseal check --config /etc/dnseal/dnseal.toml",
		Args:    cobra.NoArgs,
	}
	file := configFlag(cmd)
	cmd.Flags().BoolVarP(&quiet, "quiet", "q", false, "print only what is wrong or undecided")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return check.Run(cmd.Context(), cmd.OutOrStdout(), *file, quiet)
	}
	return cmd
}
