// Package flags has what the flags of many commands share: the directory of the identities,
// passphrases, and words to choose from. dnsflags has those of the DNS.
package flags

import (
	"errors"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"dnseal/cmd/internal/cli"
	"dnseal/sender/identity"
)

// Identities is the flag of every command that uses identities; without a directory the command
// does not run.
func Identities(cmd *cobra.Command) *string {
	dir := cmd.Flags().String("identities", os.Getenv("DNSEAL_IDENTITIES"), "`DIR` of the identities (environment: DNSEAL_IDENTITIES)")
	_ = cmd.MarkFlagDirname("identities") // the flag is there
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
	return func(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return CompleteAllIdentities(dir)(cmd, args, word)
	}
}

// CompleteAllIdentities completes the names of identities that the command has not got yet.
func CompleteAllIdentities(dir *string) cobra.CompletionFunc {
	return func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		names, _ := identity.List(*dir) // without a directory there is nothing to offer
		names = slices.DeleteFunc(names, func(n string) bool { return slices.Contains(args, n) })
		return names, cobra.ShellCompDirectiveNoFileComp
	}
}

// CompleteIdentityFlag completes the names of identities as the value of a flag.
func CompleteIdentityFlag(cmd *cobra.Command, flag string, dir *string) {
	complete(cmd, flag, func(cmd *cobra.Command, _ []string, word string) ([]string, cobra.ShellCompDirective) {
		return CompleteAllIdentities(dir)(cmd, nil, word)
	})
}
