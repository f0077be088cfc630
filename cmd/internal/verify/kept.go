package verify

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/spf13/pflag"

	"dnseal/cmd/internal/cli"
	"dnseal/lookup/dnssec"
	"dnseal/receiver"
	"dnseal/receiver/evidence"
)

// Kept is what a run has to do with evidence: --save-evidence, --evidence and --at, with
// --timestamp and --timestamp-roots.
type Kept struct {
	// Program names who writes evidence; Note is told what a user may want to know.
	Program string
	Note    func(text string)

	stamps   stamps
	save, at string
	from     []string
	archive  *evidence.Archive // nil: the DNS is asked
	file     *evidence.File    // nil: nothing is kept
	sinks    []Sink
	status   cli.Exit
}

// Register adds the flags.
func (k *Kept) Register(flags *pflag.FlagSet) {
	flags.StringVar(&k.save, "save-evidence", "", "keep what the verdicts rest on in a new file in `DIR`: dnseal-evidence(5)")
	flags.StringArrayVar(&k.from, "evidence", nil, "verify by the evidence in `DIR|FILE`, as of when it was made, and without the DNS;\nrepeated: several")
	flags.StringVar(&k.at, "at", "", "with --evidence: verify as of `TIME`, such as 2026-11-29 (its end, UTC) or\n2026-11-29T10:00:00Z")
	k.stamps.register(flags)
}

// Recalls reports whether messages are verified by evidence, and not by the DNS.
func (k *Kept) Recalls() bool { return len(k.from) > 0 }

// Keeps reports whether evidence is kept.
func (k *Kept) Keeps() bool { return k.save != "" }

// Sinks are those that keep evidence.
func (k *Kept) Sinks() []Sink { return k.sinks }

// Status is ExitUsage where some evidence could not be read, or not be stamped.
func (k *Kept) Status() cli.Exit { return k.status }

// Close ends what Open began.
func (k *Kept) Close() {
	if k.archive != nil {
		_ = k.archive.Close() // only read from
	}
	if k.file != nil {
		k.file.Abort() // nothing, where it was completed
	}
}

// Open opens the evidence and has the receiver verify by it, or begins a file of it. anchors are
// the user's; nil: the keys of the DNS root. What could not be read of several files goes to wrong,
// and a time stamp that cannot be had. ctx is for that, also after Open.
func (k *Kept) Open(ctx context.Context, opts *receiver.Options, anchors func() (*dnssec.Anchors, error), wrong func(error)) error {
	at, err := k.time(time.Now())
	if err == nil {
		err = k.stamps.check(k.save != "", k.Recalls())
	}
	if err != nil || !k.Recalls() && k.save == "" {
		return err
	}
	if k.Recalls() && k.save != "" {
		return errors.New("--save-evidence contradicts --evidence, which asks nothing that could be kept")
	}
	trusted, err := anchors()
	if err != nil {
		return err
	}
	if k.save != "" {
		return k.keep(opts, trusted, k.stamps.proof(ctx, func(err error) {
			wrong(err)
			k.status = cli.ExitUsage
		}))
	}
	k.archive = evidence.New(evidence.Options{Anchors: trusted, At: at, Policy: evidence.PolicyOf(opts), Witness: k.stamps.witness(ctx)})
	for _, path := range k.from {
		if err := k.archive.Open(path); err != nil {
			wrong(unopened(path, err))
			k.status = cli.ExitUsage
		}
	}
	if len(k.archive.Files()) == 0 {
		return cli.ExitUsage
	}
	opts.Past = k.archive.Past
	return nil
}

// time is that of --at; zero: none. Of a day that is not over yet it is now.
func (k *Kept) time(now time.Time) (time.Time, error) {
	switch {
	case k.at == "":
		return time.Time{}, nil
	case !k.Recalls():
		return time.Time{}, cli.Hint(errors.New("--at needs --evidence"), "what the DNS said at another time is only in evidence that was kept then: dnseal verify --save-evidence DIR")
	}
	t, err := time.Parse(time.RFC3339, k.at)
	if err != nil {
		var day time.Time
		if day, err = time.Parse(time.DateOnly, k.at); err != nil {
			return time.Time{}, fmt.Errorf("--at %s is no time: write a date such as 2026-11-29, or a time such as 2026-11-29T10:00:00Z", k.at)
		}
		if t = day.AddDate(0, 0, 1).Add(-time.Second); t.After(now) && !day.After(now) {
			t = now
		}
	}
	return t.UTC(), nil
}

func unopened(path string, err error) error {
	switch {
	case errors.Is(err, evidence.ErrNoEvidence):
		return cli.Hint(err, "dnseal verify --save-evidence DIR writes evidence; that of dnseal lookup --evidence is for dnseal explain")
	case errors.Is(err, evidence.ErrEdited):
		return cli.Hint(err, "nothing in an edited file is used: get the original, or a copy of it")
	case errors.Is(err, fs.ErrNotExist):
		return cli.Hint(fmt.Errorf("there is no evidence at %s", path), "dnseal verify --save-evidence DIR keeps it")
	}
	return err
}

// keep begins a file of evidence, and has a sink write it.
func (k *Kept) keep(opts *receiver.Options, anchors *dnssec.Anchors, proof evidence.Proof) (err error) {
	if k.file, err = evidence.Create(k.save, k.Program, time.Now()); err != nil {
		return err
	}
	opts.Digests = true
	k.sinks = []Sink{Evidence(k.file, evidence.JudgedBy(anchors, evidence.PolicyOf(opts)), proof, func(path string) {
		if path == "" {
			k.Note("no evidence was kept: no message had a signature")
		}
	})}
	return nil
}
