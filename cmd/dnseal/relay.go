package main

import (
	"github.com/spf13/cobra"
)

// configFlag is the flag of every command that works by dnseal.toml.
func configFlag(cmd *cobra.Command) *string {
	return cmd.Flags().String("config", "/etc/dnseal/dnseal.toml", "configuration `FILE`")
}

func newRelay() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "relay",
		Short: "Take mail by SMTP, sign or verify it, and pass it on",
		Long: `Runs the listeners of [[relay]] in the configuration. Role "submission" signs
what those hand in who may; role "inbound" verifies what comes for its
recipients. It answers 250 only after the next hop's 250 and has no queue, so a
crash can lose nothing that was accepted.

SIGHUP reads the configuration again, all or nothing; messages under way finish
by the old one. SIGTERM finishes what is under way, and ends. The log is one
line a message, on standard error. See dnseal.toml(5), and "dnseal check" first.`,
		Example: "  dnseal relay --config /etc/dnseal/dnseal.toml",
		Args:    cobra.NoArgs,
	}
	file := configFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return newService("relay", *file, cmd.ErrOrStderr()).serve(cmd.Context())
	}
	cmd.AddCommand(newRelayPasswd())
	return cmd
}
