package main

import (
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"dnseal/cmd/internal/service"
)

// configFlag is the flag of every command that works by dnseal.toml.
func configFlag(cmd *cobra.Command) *string {
	return cmd.Flags().String("config", "/etc/dnseal/dnseal.toml", "configuration `FILE`")
}

// runService runs a daemon until the program is told to end.
func runService(cmd *cobra.Command, daemon, file string) error {
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)
	return service.Run(cmd.Context(), daemon, file, cmd.ErrOrStderr(), hup)
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
line a message, on standard error. See dnseal.toml(5), and "dnseal check" first.

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
