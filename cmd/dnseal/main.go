// Command dnseal signs mail with keys bound to names in the DNS, and verifies
// such signatures by nothing but the DNS.
//
// One file is one command; this one is wiring: the command tree, how errors are
// told and what the exit status means. "dnseal help" has the manual.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
)

// Exit statuses (stable).
const (
	exitOK       = 0 // done, or every message passed
	exitNotPass  = 1 // some message neither pass nor temperror
	exitUsage    = 2 // wrong usage or configuration, unreadable argument
	exitTempfail = 3 // could not tell, nothing worse
)

func main() {
	os.Exit(run())
}

// run is main without the exit, so that script tests can call it.
func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	cmd := newRoot()
	if err := cmd.ExecuteContext(ctx); err != nil {
		return report(cmd.ErrOrStderr(), err)
	}
	return exitOK
}

// newRoot returns the command tree.
func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "dnseal",
		Short: "Sign mail with DNS-bound keys, verify it by nothing but the DNS",
		Long: `dnseal signs messages (S/MIME) with keys that their owner has bound to a name in
the DNS, and verifies such signatures end to end: the signer's SMIMEA or TLSA
records are fetched and validated by DNSSEC from the root. No certificate
authority has to be asked.

Exit status: 0 done, or every message is "pass"; 1 some message is neither
"pass" nor "temperror"; 2 wrong usage or configuration, or an argument that
cannot be read; 3 could not tell ("temperror"), nothing worse.`,
		Example: `  dnseal demo
  dnseal identity new alice@example.org --identities keys
  dnseal sign --identities keys mail.eml | dnseal verify`,
		Version:           version(),
		SilenceErrors:     true,
		SilenceUsage:      true,
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: true},
	}
	root.SetFlagErrorFunc(flagError)
	root.AddCommand(
		newDemo(), newIdentity(), newSign(), newVerify(), newExplain(), newLookup(), newSandbox(),
		newRelay(), newMilter(), newCheck(), newMan(root),
	)
	markUsage(root)
	return root
}

// markUsage makes every argument error of the tree a usage error, and every word that is no command one, too.
func markUsage(cmd *cobra.Command) {
	if args := cmd.Args; args != nil {
		cmd.Args = func(c *cobra.Command, a []string) error {
			if err := args(c, a); err != nil {
				return hint(usageError{err}, "%s", seeHelp(c))
			}
			return nil
		}
	}
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
		markUsage(c)
	}
}

func unknownCommand(group *cobra.Command, word string) error {
	err := usageError{fmt.Errorf("unknown command %q for %q", word, group.CommandPath())}
	group.SuggestionsMinimumDistance = 2
	if near := group.SuggestionsFor(word); len(near) > 0 {
		return hint(err, "did you mean %s %s?", group.CommandPath(), near[0])
	}
	return hint(err, "%s", seeHelp(group))
}

// flagError explains a flag that a command does not take, or not so. Without a command it is the word before it that is wrong.
func flagError(cmd *cobra.Command, err error) error {
	if words := cmd.Flags().Args(); len(words) > 0 && cmd.HasSubCommands() {
		return unknownCommand(cmd, words[0])
	}
	return hint(usageError{err}, "%s", seeHelp(cmd))
}

func seeHelp(cmd *cobra.Command) string { return "see " + cmd.CommandPath() + " --help" }

// version comes from the build: the module's version or the commit.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return "development, commit " + s.Value
		}
	}
	return "development"
}

// usageError is an error of the caller: exit status 2.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// verdictError ends a command whose output has said everything: only the exit status is left.
type verdictError struct{ status int }

func (e verdictError) Error() string { return fmt.Sprintf("exit status %d", e.status) }

// hintError is an error with advice.
type hintError struct {
	error
	hint string
}

// Hint says what to do about the error.
func (e hintError) Hint() string { return e.hint }

func (e hintError) Unwrap() error { return e.error }

// hint adds advice to err. Advice has no capital and no period.
func hint(err error, format string, args ...any) error {
	return hintError{err, fmt.Sprintf(format, args...)}
}

// packages are names of ours that errors begin with, for programmers.
var packages = []string{"identity", "lookup", "lookuptest", "smime", "message", "sender", "receiver", "relay", "milter", "dnssec", "mailbox"}

// plain is the error for people, who do not know packages.
func plain(err error) string {
	text := err.Error()
	if first, rest, ok := strings.Cut(text, ": "); ok && slices.Contains(packages, first) {
		return rest
	}
	return text
}

// report tells err on w and returns the exit status for it. Advice comes with any error that has a method Hint.
func report(w io.Writer, err error) int {
	if verdict, ok := errors.AsType[verdictError](err); ok {
		return verdict.status
	}
	for _, e := range each(err) {
		tell(w, "dnseal: error: %s", plain(e))
	}
	var h interface{ Hint() string }
	if errors.As(err, &h) {
		tell(w, "dnseal: hint: %s", h.Hint())
	}
	return exitUsage
}
