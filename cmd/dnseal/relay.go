//go:build !submit

package main

import (
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"dnseal/cmd/internal/service"
)

// configFlag is the flag of every command that reads dnseal.toml.
func configFlag(cmd *cobra.Command) *string {
	file := cmd.Flags().String("config", "/etc/dnseal/dnseal.toml", "configuration `FILE`")
	_ = cmd.MarkFlagFilename("config", "toml") // the flag is there
	return file
}

// runService runs a daemon until SIGTERM or SIGINT.
func runService(cmd *cobra.Command, daemon, file string) error {
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)
	return service.Run(cmd.Context(), daemon, file, cmd.ErrOrStderr(), hup)
}

func newRelay() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "relay",
		Short: "Accept mail by SMTP, sign or verify it, and pass it on",
		Long: `Runs the listeners of [[relay]] in the configuration. Role "submission" signs
mail of clients that may submit; role "inbound" verifies mail for its
recipients. It replies 250 only after the next hop's 250 and has no queue, so a
crash loses no accepted mail.

SIGHUP reads the configuration again; when it has a mistake, the old one stays.
Messages in progress finish with the old one. SIGTERM finishes the messages in
progress, and ends. The log is one line a message, on standard error. See
dnseal.toml(5), and try the configuration with "dnseal check".

Exit status: 0 ended by SIGTERM or SIGINT; 2 the configuration is not usable, or
a listener cannot be opened or fails.`,
		Example: "  dnseal relay --config /etc/dnseal/dnseal.toml",
		Args:    cobra.NoArgs,
	}
	file := configFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return runService(cmd, "relay", *file)
	}
	cmd.AddCommand(newRelayPasswd())
	return cmd
}
