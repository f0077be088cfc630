//go:build !submit

package main

import (
	"github.com/spf13/cobra"
)

func newMilter() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "milter",
		Short: "Sign or verify mail inside Postfix or Sendmail",
		Long: `Runs the listeners of [[milter]] in the configuration. Role "sign" signs
submitted mail, by the rules of who may sign as whom ([[sign.rule]]); role
"verify" verifies incoming mail and adds the result in Authentication-Results.
"dnseal check" prints the lines for main.cf and sendmail.mc.

SIGHUP reads the configuration again; when it has a mistake, the old one stays.
Messages in progress finish with the old one, and connections of the MTA stay
open. SIGTERM finishes the messages in progress, and ends. The log is one line a
message, on standard error.

Exit status: 0 ended by SIGTERM or SIGINT; 2 the configuration is not usable, or
a listener cannot be opened or fails.`,
		Example: "  dnseal milter --config /etc/dnseal/dnseal.toml",
		Args:    cobra.NoArgs,
	}
	file := configFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return runService(cmd, "milter", *file)
	}
	return cmd
}
