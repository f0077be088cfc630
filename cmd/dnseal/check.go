package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"dnseal/cmd/internal/config"
	"dnseal/lookup"
)

func newCheck() *cobra.Command {
	var quiet bool
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Prove that a configuration works: keys, records, next hops",
		Long: `Reads the configuration as the relay and the milter do, and then tries what it
says: each resolver, whether it passes on what DNSSEC needs; each identity's
certificate, its record in the DNS against its key, and the signing of a test
message; each relay's server certificate against its TLSA records and the roots;
each next hop, and for inbound relays that it does not take a stranger's mail
for elsewhere; and prints the lines for Postfix and Sendmail. No message is
sent.

Exit status: 0 all is right; 1 something is wrong; 2 the configuration cannot be
read; 3 something could not be told, nothing is wrong.`,
		Example: "  dnseal check --config /etc/dnseal/dnseal.toml",
		Args:    cobra.NoArgs,
	}
	file := configFlag(cmd)
	cmd.Flags().BoolVarP(&quiet, "quiet", "q", false, "tell only what is wrong or could not be told")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return check(cmd.Context(), cmd.OutOrStdout(), *file, quiet)
	}
	return cmd
}

// check runs all checks in the order a message would meet them.
func check(ctx context.Context, out io.Writer, file string, quiet bool) error {
	c, err := config.Load(file)
	if err != nil {
		return err
	}
	l := &checklist{out: out, quiet: quiet}
	l.note("configuration %s: %d identities, %d rules, %d relays, %d milters", file, len(c.IdentityNames()), len(c.Sign.Rules), len(c.Relays), len(c.Milters))
	if len(c.Relays)+len(c.Milters) == 0 {
		l.note("there is no [[relay]] and no [[milter]] in it: neither dnseal relay nor dnseal milter starts with it")
	}
	client, err := lookup.New(c.LookupOptions())
	if err != nil {
		l.wrong(c.At("dns.mode"), "%s", explainMode(err))
		return l.err()
	}
	defer client.Close() //nolint:errcheck // nothing is lost
	k := checker{checklist: l, config: c, dns: client, now: time.Now()}
	k.resolvers(ctx, client)
	for _, name := range c.IdentityNames() {
		k.identity(ctx, name)
	}
	l.repeated()
	for i := range c.Relays {
		k.relay(ctx, fmt.Sprintf("relay[%d]", i), &c.Relays[i])
	}
	if !quiet && len(c.Milters) > 0 {
		printMilters(out, c.Milters)
	}
	l.sum()
	return l.err()
}

// checker is what the checks work with.
type checker struct {
	*checklist
	config *config.Config
	dns    lookup.Resolver
	now    time.Time

	absences map[string]bool // parents of names whose absence was looked at
}

// checklist tells what was found, a line each.
type checklist struct {
	out                    io.Writer
	quiet                  bool
	right, mistakes, doubt int
	causes                 []*sharedCause
}

func (l *checklist) line(word, format string, args ...any) {
	tell(l.out, "%-5s  %s", word, fmt.Sprintf(format, args...))
}

func (l *checklist) ok(format string, args ...any) {
	l.right++
	if !l.quiet {
		l.line("ok", format, args...)
	}
}

// note is nothing wrong, but worth knowing.
func (l *checklist) note(format string, args ...any) {
	if !l.quiet {
		l.line("note", format, args...)
	}
}

// wrong says what is wrong, by which line of the file, and behind a semicolon what to do.
func (l *checklist) wrong(at, format string, args ...any) {
	l.mistakes++
	l.line("WRONG", "%s: %s", at, fmt.Sprintf(format, args...))
}

// unsure says what could not be told.
func (l *checklist) unsure(at, format string, args ...any) {
	l.doubt++
	l.line("?", "%s: %s", at, fmt.Sprintf(format, args...))
}

// sum ends the list.
func (l *checklist) sum() {
	if !l.quiet {
		tell(l.out, "%d right, %d wrong, %d could not be told", l.right, l.mistakes, l.doubt)
	}
}

func (l *checklist) err() error {
	switch {
	case l.mistakes > 0:
		return verdictError{exitNotPass}
	case l.doubt > 0:
		return verdictError{exitTempfail}
	}
	return nil
}
