package provision

import (
	"context"
	"time"

	"dnseal/sender/identity/lifecycle"
)

// Wait runs again and again, until nothing has to be waited for or ctx ends: the identities that
// wait, and for which it is not enough (Runner.Enough), are run when their time has come. waiting
// is told what is waited for and until when; nil: nobody.
func (r *Runner) Wait(ctx context.Context, names []string, waiting func([]*Outcome, time.Time)) []*Outcome {
	outcomes := r.Run(ctx, names)
	for {
		var again []string
		var at []int
		var until time.Time
		for i, o := range outcomes {
			if r.waits(o) {
				again, at = append(again, o.Name), append(at, i)
				if until.IsZero() || o.Step.Until.Before(until) {
					until = o.Step.Until
				}
			}
		}
		if len(again) == 0 {
			return outcomes
		}
		if waiting != nil {
			waiting(outcomes, until)
		}
		// Those that are due soon after the first are run with it.
		if !sleep(ctx, max(until.Sub(r.now()), 0)+time.Second) {
			for _, i := range at {
				outcomes[i].Err = ctx.Err()
			}
			return outcomes
		}
		for i, o := range r.Run(ctx, again) {
			o.Did, o.DidIn = append(outcomes[at[i]].Did, o.Did...), append(outcomes[at[i]].DidIn, o.DidIn...)
			outcomes[at[i]] = o
		}
	}
}

// waits reports whether Wait waits for an identity.
func (r *Runner) waits(o *Outcome) bool {
	return o.Err == nil && o.Step.Do == lifecycle.Wait && (r.Enough == nil || !r.Enough(o))
}

// sleep waits; false: ctx has ended.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
