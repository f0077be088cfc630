// Command dnseal signs mail with keys bound to names in the DNS, and verifies
// such signatures by nothing but the DNS.
//
// One file is one command; this one is wiring: the command tree, how errors are
// told and what the exit status means. usage.go is what all commands say of how
// they are called. "dnseal help" has the manual.
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
		Use:   "dnseal COMMAND",
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
		Version:       version(),
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.AddCommand(
		newDemo(), newIdentity(), newSign(), newVerify(), newExplain(), newLookup(), newSandbox(),
		newRelay(), newMilter(), newCheck(), newMan(root),
	)
	setUsage(root)
	return root
}

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

// report tells err on w and returns the exit status for it. Advice comes with any error that has a
// method Hint.
func report(w io.Writer, err error) int {
	if verdict, ok := errors.AsType[verdictError](err); ok {
		return verdict.status
	}
	if errors.Is(err, context.Canceled) {
		tell(w, "dnseal: error: interrupted")
		return exitTempfail
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
