// Package check tests a configuration: resolvers, identities, records, keys
// of DKIM, certificates and next hops. It sends no message.
//
// # Limitations
//
//   - A check is true for its moment, from this machine: other resolvers and clients may see other
//     records.
//   - A next hop is tested by commands up to RCPT; what it does with a message is not seen.
//   - The lines for Postfix and Sendmail are printed; their configuration is not read.
package check

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"dnseal/cmd/internal/cli"
	"dnseal/cmd/internal/config"
	"dnseal/lookup"
)

// Options say what [Run] prints.
type Options struct {
	// Quiet prints only what is wrong or undecided.
	Quiet bool
	// Progress shows how far the checks of identities are, on a terminal; nil: nothing is shown.
	Progress io.Writer
}

// Run makes all checks and prints a line for each; what many identities have in common is told
// once. Errors: those of [config.Load]; [cli.ExitNotPass] when something is wrong;
// [cli.ExitTempfail] when something is undecided; those of out.
func Run(ctx context.Context, out io.Writer, file string, opts Options) error {
	c, err := config.Load(file)
	if err != nil {
		return err
	}
	l := &checklist{out: &output{Writer: out}, quiet: opts.Quiet}
	l.note("configuration %s: identities: %d, rules: %d, DKIM keys: %d, relays: %d, milters: %d", file, len(c.IdentityNames()), len(c.Sign.Rules), len(c.DKIMKeys()), len(c.Relays), len(c.Milters))
	if len(c.Relays)+len(c.Milters) == 0 {
		l.wrong(file, "there is no [[relay]] and no [[milter]] in it, so neither dnseal relay nor dnseal milter starts with it; write one (dnseal.toml(5))")
	}
	for _, e := range listeners(c) {
		if e.observe {
			l.note("the %s on %s only observes: it logs what it would do, and changes and refuses nothing", e.kind, e.address)
		}
	}
	if c.SignsWithoutRule("relay") || c.SignsWithoutRule("milter") {
		l.note("there is no [[sign.rule]] in it, so nothing is signed by S/MIME: write who may sign as whom")
	}
	if _, address := c.MetricsListen("milter"); address != "" && address == c.Metrics.Listen && len(c.Relays) > 0 && len(c.Milters) > 0 {
		l.note("relay and milter have one address for metrics, %s: where both run on this machine, write listen-milter in [metrics]", address)
	}
	client, err := c.LookupClient()
	if err != nil {
		l.mistakes++
		l.line("WRONG", "%v", err)
		return l.err()
	}
	defer client.Close() //nolint:errcheck // nothing is lost
	k := checker{checklist: l, config: c, dns: client, now: time.Now()}
	k.resolvers(ctx, client)
	names := c.IdentityNames()
	k.prove(ctx, names, opts.Progress)
	l.counting = len(names) > oneByOne
	for _, name := range names {
		k.identity(ctx, name)
	}
	l.repeated()
	l.counted()
	k.rules(names)
	k.dkim(ctx)
	for i := range c.Relays {
		k.relay(ctx, fmt.Sprintf("relay[%d]", i), &c.Relays[i])
	}
	if !opts.Quiet && len(c.Milters) > 0 {
		printMilters(l.out, c.Milters, len(c.DKIMKeys()) > 0)
	}
	l.sum()
	return l.err()
}

// checker is what the checks need.
type checker struct {
	*checklist
	config *config.Config
	dns    lookup.Resolver
	now    time.Time

	proofs   map[string]proof // by identity
	absences map[string]bool  // parents of names whose absence was looked at
}

// oneByOne is the most identities that get lines of their own where all is right.
const oneByOne = 20

// checklist prints what was found, a line each.
type checklist struct {
	out                    *output
	quiet                  bool
	right, mistakes, doubt int
	causes                 []*sharedCause
	counting               bool           // what is right with identities is counted
	counts                 map[string]int // by what is right
}

// output keeps the last error of its Writer.
type output struct {
	io.Writer
	err error
}

func (o *output) Write(p []byte) (int, error) {
	n, err := o.Writer.Write(p)
	o.err = cmp.Or(err, o.err)
	return n, err
}

func (l *checklist) line(word, format string, args ...any) {
	cli.Print(l.out, "%-5s  %s", word, fmt.Sprintf(format, args...))
}

func (l *checklist) ok(format string, args ...any) {
	l.right++
	if !l.quiet {
		l.line("ok", format, args...)
	}
}

// okFor is ok for an identity; many say in the end how many of them are right in this.
func (l *checklist) okFor(what, format string, args ...any) {
	if !l.counting {
		l.ok(format, args...)
		return
	}
	l.right++
	if l.counts == nil {
		l.counts = map[string]int{}
	}
	l.counts[what]++
}

// counted prints what is right with many identities.
func (l *checklist) counted() {
	for _, what := range slices.Sorted(maps.Keys(l.counts)) {
		if !l.quiet {
			l.line("ok", "identities: %d %s", l.counts[what], what)
		}
	}
}

// note prints what is not wrong, but worth knowing.
func (l *checklist) note(format string, args ...any) {
	if !l.quiet {
		l.line("note", format, args...)
	}
}

// wrong prints what is wrong, at which line of the file, and after a semicolon what to do.
func (l *checklist) wrong(at, format string, args ...any) {
	l.mistakes++
	l.line("WRONG", "%s: %s", at, fmt.Sprintf(format, args...))
}

// unsure prints what is undecided.
func (l *checklist) unsure(at, format string, args ...any) {
	l.doubt++
	l.line("?", "%s: %s", at, fmt.Sprintf(format, args...))
}

// sum ends the list.
func (l *checklist) sum() {
	if !l.quiet {
		cli.Print(l.out, "%d right, %d wrong, %d undecided", l.right, l.mistakes, l.doubt)
	}
}

func (l *checklist) err() error {
	switch {
	case l.out.err != nil:
		return l.out.err
	case l.mistakes > 0:
		return cli.ExitNotPass
	case l.doubt > 0:
		return cli.ExitTempfail
	}
	return nil
}
