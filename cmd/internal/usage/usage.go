// Package usage makes the usage text of all commands, and tells of wrong calls with advice.
package usage

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"dnseal/cmd/internal/cli"
	"dnseal/sender/identity"

	"github.com/spf13/cobra"
)

// text prints what --help has after the text of a command. No line is wider than a terminal of 80
// columns. It is no template: the engine for those keeps the linker from leaving out methods, and
// would be a part of the build for devices.
func text(cmd *cobra.Command) error {
	var b strings.Builder
	part := func(name, text string) { fmt.Fprintf(&b, "\n\n%s:\n%s", name, text) }
	b.WriteString("Usage:\n  " + cmd.UseLine())
	if cmd.HasExample() {
		part("Examples", cmd.Example)
	}
	if cmd.HasAvailableSubCommands() {
		var lines []string
		for _, c := range cmd.Commands() {
			if c.IsAvailableCommand() {
				lines = append(lines, fmt.Sprintf("  %-*s %s", c.NamePadding(), c.Name(), c.Short))
			}
		}
		part("Commands", strings.Join(lines, "\n"))
	}
	if cmd.HasAvailableLocalFlags() {
		part("Flags", strings.TrimRightFunc(cmd.LocalFlags().FlagUsagesWrapped(80), unicode.IsSpace))
	}
	if cmd.HasAvailableSubCommands() {
		fmt.Fprintf(&b, "\n\n\"%s COMMAND --help\" describes a command.", cmd.CommandPath())
	}
	b.WriteString("\n")
	_, err := io.WriteString(cmd.OutOrStderr(), b.String())
	return err
}

// Set gives the tree its usage text, and makes each wrong call of a command a usage error with
// advice.
func Set(root *cobra.Command) {
	root.SetUsageFunc(text)
	root.SetFlagErrorFunc(FlagError)
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	checkArgs(root)
}

// checkArgs wraps the checks of arguments in all commands below cmd.
func checkArgs(cmd *cobra.Command) {
	if args := cmd.Args; args != nil {
		cmd.Args = func(c *cobra.Command, a []string) error {
			if err := args(c, a); err != nil {
				oneMore := args(c, append(slices.Clone(a), "x")) == nil
				return argsError(c, a, oneMore)
			}
			return nil
		}
	}
	// a group: any word that is no command of it is a mistake
	if cmd.HasSubCommands() && !cmd.Runnable() {
		cmd.Args, cmd.DisableFlagsInUseLine = cobra.ArbitraryArgs, true
		cmd.RunE = func(c *cobra.Command, a []string) error {
			if len(a) == 0 {
				return c.Help()
			}
			return unknownCommand(c, a[0])
		}
	}
	for _, c := range cmd.Commands() {
		checkArgs(c)
	}
}

// argsError explains arguments that are too few or too many; with one more they would be right.
func argsError(c *cobra.Command, args []string, oneMore bool) error {
	switch {
	case len(args) > 0 && oneMore:
		return cli.Hint(fmt.Errorf("%s needs an argument after %q", c.CommandPath(), args[len(args)-1]), "usage: %s", c.UseLine())
	case len(args) == 0:
		return cli.Hint(fmt.Errorf("%s needs an argument", c.CommandPath()), "usage: %s", c.UseLine())
	case c.HasSubCommands():
		return unknownCommand(c, args[0])
	}
	return cli.Hint(fmt.Errorf("%s does not accept the argument %q", c.CommandPath(), args[len(args)-1]), "usage: %s", c.UseLine())
}

func unknownCommand(group *cobra.Command, word string) error {
	err := fmt.Errorf("unknown command %q for %q", word, group.CommandPath())
	group.SuggestionsMinimumDistance = 2
	if near := group.SuggestionsFor(word); len(near) > 0 {
		return cli.Hint(err, "did you mean %s %s?", group.CommandPath(), near[0])
	}
	return cli.Hint(err, "see %s --help", group.CommandPath())
}

// parserWords are what Go's parsers put before the reason.
var parserWords = regexp.MustCompile(`strconv\.Parse\w+: parsing "[^"]*": |time: `)

// FlagError explains a flag that a command does not know, or whose value is wrong. When the word
// before the flag is no command, that word is the error.
func FlagError(cmd *cobra.Command, err error) error {
	if words := cmd.Flags().Args(); len(words) > 0 && cmd.HasSubCommands() {
		return unknownCommand(cmd, words[0])
	}
	text := errors.New(parserWords.ReplaceAllString(err.Error(), ""))
	if hint := identity.Hint(err); hint != "" { // of the value
		return cli.Hint(text, "%s", hint)
	}
	return cli.Hint(text, "see %s --help", cmd.CommandPath())
}
