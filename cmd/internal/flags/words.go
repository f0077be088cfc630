package flags

import (
	"strings"

	"github.com/spf13/cobra"
)

// CompleteWords completes a flag whose value is one of a few words.
func CompleteWords(cmd *cobra.Command, flag string, words ...string) {
	complete(cmd, flag, func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return words, cobra.ShellCompDirectiveNoFileComp
	})
}

// CompletePrefixes completes the beginning of a flag's value, which something has to follow.
func CompletePrefixes(cmd *cobra.Command, flag string, prefixes ...string) {
	complete(cmd, flag, func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return prefixes, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	})
}

func complete(cmd *cobra.Command, flag string, by cobra.CompletionFunc) {
	if err := cmd.RegisterFlagCompletionFunc(flag, by); err != nil {
		panic(err) // the command has no such flag: a mistake of ours, seen at the first start
	}
}

// OneOf writes words as a flag's usage has them: "a, b or c".
func OneOf(words []string) string {
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}
