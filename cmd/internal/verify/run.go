package verify

import (
	"cmp"
	"context"
	"errors"
	"sync"

	"dnseal/cmd/internal/cli"
	"dnseal/cmd/internal/mailbox"
	"dnseal/receiver"
	"dnseal/sender/identity"
)

// job is one message on its way: its result is sent on done.
type job struct {
	msg  mailbox.Message
	done chan result
}

type result struct {
	report *receiver.Report
	err    error
	notice string // in place of both: what is no message
	faults []error
}

// Run verifies what the arguments hold. The error is one that ended the run: of a sink, or that of
// ctx. What is wrong with a message or an argument goes to Fail.
func (v *Verifier) Run(ctx context.Context, args []string) (Totals, error) {
	t := Totals{Status: cli.ExitOK}
	err := v.run(ctx, args, &t)
	v.Bar.Clear()
	for _, s := range v.Sinks {
		if closed := s.Close(); closed != nil && !errors.Is(err, closed) {
			err = errors.Join(err, closed)
		}
	}
	return t, err
}

// run walks the arguments; workers verify, and the reports come out in the order of the messages.
func (v *Verifier) run(ctx context.Context, args []string, t *Totals) error {
	v.expect(args)
	workers := max(1, v.Workers)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	jobs := make(chan job)
	order := make(chan job, 64*workers)
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for j := range jobs {
				j.done <- v.one(ctx, j.msg)
			}
		})
	}
	var walkErr error
	wg.Go(func() {
		defer close(order)
		defer close(jobs)
		walkErr = v.feed(ctx, args, jobs, order)
	})
	err := v.write(order, t)
	cancel()
	for range order { // let the walker end
	}
	wg.Wait()
	return cmp.Or(err, walkErr)
}

// expect counts the messages first, when there is a progress bar. Errors are reported when the
// messages are read.
func (v *Verifier) expect(args []string) {
	if v.Bar == nil {
		return
	}
	for _, arg := range args {
		if arg == "-" {
			v.Bar.Expect(1)
			continue
		}
		_ = mailbox.Walk(arg, func(mailbox.Message) error { v.Bar.Expect(1); return nil })
	}
}

// feed hands every message to the workers and, in order, to write.
func (v *Verifier) feed(ctx context.Context, args []string, jobs, order chan<- job) error {
	each := func(m mailbox.Message) error {
		j := job{m, make(chan result, 1)}
		select {
		case order <- j:
		case <-ctx.Done():
			return ctx.Err()
		}
		select {
		case jobs <- j:
		case <-ctx.Done():
			j.done <- result{err: ctx.Err()}
			return ctx.Err()
		}
		return nil
	}
	walk := v.Walk
	if walk == nil {
		walk = func(arg string, each func(mailbox.Message) error) error {
			return mailbox.WalkArgument(arg, v.Stdin, each)
		}
	}
	for _, arg := range args {
		err := walk(arg, each)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil { // reported in its place; the arguments after it are verified
			j := job{done: make(chan result, 1)}
			j.done <- result{err: err}
			order <- j
		}
	}
	return nil
}

// write hands the reports to the sinks in order, and counts.
func (v *Verifier) write(order <-chan job, t *Totals) error {
	for j := range order {
		res := <-j.done
		if v.Mixed || res.report == nil || len(res.faults) > 0 {
			v.Bar.Clear()
		}
		if errors.Is(res.err, context.Canceled) {
			return res.err
		}
		if err := v.add(j.msg.Name, res, t); err != nil {
			return err
		}
	}
	return nil
}

// add hands one result on. One message that cannot be read must not hide the others.
func (v *Verifier) add(name string, res result, t *Totals) error {
	switch {
	case res.notice != "":
		v.Notice(name + ": " + res.notice)
		v.Bar.Done(1)
		return nil
	case res.err != nil:
		t.Messages, t.Unread, t.Status = t.Messages+1, t.Unread+1, cli.ExitUsage
		v.Fail(res.err)
		return nil
	}
	t.Messages++
	t.Status = worse(t.Status, res.report.Verdict)
	t.Advice = cmp.Or(t.Advice, lookupAdvice(res.report))
	for _, s := range v.Sinks {
		if err := s.Write(res.report); err != nil {
			return err
		}
	}
	for _, err := range res.faults {
		t.Status = cli.ExitUsage
		v.Fail(err)
	}
	v.Bar.Done(1)
	return nil
}

// lookupAdvice is the advice about a temperror that a lookup caused, else empty.
func lookupAdvice(r *receiver.Report) string {
	for _, s := range r.Signatures {
		if s.Verdict == receiver.TempError && s.Lookup != nil && s.Lookup.Advice() != "" {
			return s.Lookup.Advice() + " See: dnseal lookup --trace " + identity.Quote(s.Identity)
		}
	}
	return ""
}

// worse returns the exit status after one more verdict: unreadable beats not pass beats undecided
// beats pass.
func worse(status cli.Exit, verdict receiver.Verdict) cli.Exit {
	switch {
	case verdict == receiver.Pass, status == cli.ExitUsage:
		return status
	case verdict == receiver.TempError && status != cli.ExitNotPass:
		return cli.ExitTempfail
	case verdict == receiver.TempError:
		return status
	}
	return cli.ExitNotPass
}
