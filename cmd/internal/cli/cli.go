// Package cli is what the commands of the program share: exit statuses, errors
// with advice, lines for people, and JSON that a terminal can show.
package cli

import (
	"fmt"
	"slices"
	"strings"

	"dnseal/sender/identity"
)

// Exit is the exit status of the program (stable). As an error it ends a command that has printed
// everything.
type Exit int

// Exit statuses.
const (
	ExitOK       Exit = iota // done, or every message passed
	ExitNotPass              // some message neither pass nor temperror
	ExitUsage                // wrong usage or configuration, unreadable argument
	ExitTempfail             // undecided, nothing worse
	// ExitPipe is what a shell shows of a program that SIGPIPE (13) ended: who read the output has
	// read enough.
	ExitPipe Exit = 128 + 13
)

func (e Exit) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

// Hint is [identity.WithHint].
func Hint(err error, format string, args ...any) error {
	return identity.WithHint(err, format, args...)
}

// packages are the names of our packages that errors begin with, for programmers.
var packages = []string{
	"ca", "certificate", "cms", "config", "dane", "demo", "dkim", "dnssec", "enveloped", "evidence", "fleet", "handover", "identity", "keywrap", "lifecycle", "lookup", "lookuptest", "mailbox", "message", "migration", "milter", "page", "pkcs11", "pkcs12", "pkcs8", "powerdns", "provision", "publish", "receiver", "recipient", "relay", "sender", "smime", "staple", "submit", "timestamp", "tpm", "view",
}

// Plain is the text of an error for people, who do not know our packages.
func Plain(err error) string {
	text := err.Error()
	for {
		first, rest, ok := strings.Cut(text, ": ")
		if !ok || !slices.Contains(packages, first) {
			return text
		}
		text = rest
	}
}
