// Package keeper looks at the identities of a directory again and again, as long as a daemon or
// "identity status --watch" runs: it carries rollovers and withdrawals on, and notices what is
// wrong with the records of our own names.
//
// keeper.go has the rounds, log.go what of them is logged. What is decided and done is in package
// provision, and what is wrong in package lifecycle.
//
// # Limitations
//
// It publishes no name that nobody asked it to, and it begins no rollover. What happens between two
// rounds is seen by the next one.
package keeper

import (
	"context"
	"time"

	"dnseal/sender/identity"
	"dnseal/sender/identity/lifecycle"
	"dnseal/sender/identity/provision"
)

// Every is the time between two rounds where no step is due earlier.
const Every = 5 * time.Minute

// soonest is the least time between two rounds: name servers that are behind are asked no more
// often.
const soonest = time.Second

// Options of a Keeper. Dir and Publisher are required.
type Options struct {
	// Dir is the directory of the identities.
	Dir string
	// Names are the identities; empty: all in Dir at each round.
	Names []string
	// Publisher changes the zones and reads them.
	Publisher provision.Publisher
	// LookOnly makes no step: it only looks.
	LookOnly bool
	// Every is the time between two rounds; 0: [Every].
	Every time.Duration
	// Report is told where all identities stand after each round, and the error of a directory that
	// cannot be read. It is called by one goroutine.
	Report func([]*provision.Outcome, error)
	// Done is told of each action that was taken; nil: nobody.
	Done func(name string, s lifecycle.Step)
	// Now is the clock; nil: time.Now.
	Now func() time.Time
}

// Run makes rounds until ctx ends, the first one at once.
func Run(ctx context.Context, opts Options) {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Every <= 0 {
		opts.Every = Every
	}
	for {
		began := time.Now()
		outcomes, err := round(ctx, opts)
		took := time.Since(began)
		if ctx.Err() != nil {
			return
		}
		if opts.Report != nil {
			opts.Report(outcomes, err)
		}
		timer := time.NewTimer(max(pause(outcomes, opts.Now(), opts.Every), rest(took, opts.Every)))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return
		}
	}
}

// rest is the least time after a round that took so long: with thousands of identities and a name
// server that does not answer, which is asked again soon, rounds take a fifth of the time. Half of
// it no folder is locked in any case, for the commands of people.
func rest(took, every time.Duration) time.Duration { return max(min(4*took, every), took) }

// round looks at all identities once, and makes the steps that are due.
func round(ctx context.Context, opts Options) ([]*provision.Outcome, error) {
	names := opts.Names
	if len(names) == 0 {
		var err error
		if names, err = identity.ListAll(opts.Dir); err != nil {
			return nil, err
		}
	}
	r := provision.Runner{Dir: opts.Dir, Publisher: opts.Publisher, Done: opts.Done, Now: opts.Now}
	if opts.LookOnly {
		return r.Look(ctx, names), nil
	}
	return r.Run(ctx, names), nil
}

// pause is the time until the next round: that until the first step that can be due.
func pause(outcomes []*provision.Outcome, now time.Time, every time.Duration) time.Duration {
	wait := every
	for _, o := range outcomes {
		if until := o.Step.Until; o.Err == nil && !until.IsZero() {
			wait = min(wait, until.Sub(now))
		}
	}
	return max(wait, soonest)
}
