// Package flags has what the flags of many commands share: the directory of the identities,
// passphrases, and words to choose from. dnsflags has those of the DNS.
package flags

import (
	"errors"
	"os"

	"github.com/spf13/cobra"

	"dnseal/cmd/internal/cli"
	"dnseal/sender/identity"
)

// Identities is the flag of every command that uses identities; without a directory the command
// does not run.
func Identities(cmd *cobra.Command) *string {
	dir := cmd.Flags().String("identities", os.Getenv("DNSEAL_IDENTITIES"), "`DIR` of the identities (environment: DNSEAL_IDENTITIES)")
	cmd.PreRunE = func(*cobra.Command, []string) error {
		if *dir == "" {
			return cli.Hint(errors.New("no identities directory"), "give --identities DIR or set DNSEAL_IDENTITIES")
		}
		return nil
	}
	return dir
}

// CompleteIdentities completes the name of an identity, when the command has none yet.
func CompleteIdentities(dir *string) cobra.CompletionFunc {
	return func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		names, _ := identity.List(*dir) // without a directory there is nothing to offer
		return names, cobra.ShellCompDirectiveNoFileComp
	}
}
