package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"io"
	"sync"

	"github.com/spf13/cobra"

	"dnseal/cmd/internal/cli"
	"dnseal/cmd/internal/mailbox"
	"dnseal/cmd/internal/progress"
	"dnseal/receiver"
	"dnseal/sender/identity"
)

// verifier verifies many messages at once and prints their reports in order.
type verifier struct {
	receiver *receiver.Receiver
	bar      *progress.Bar
	json     bool
	mixed    bool // reports go to the same terminal as the bar
	status   cli.Exit
	printed  int    // reports
	total    int    // messages, and arguments that are none
	unread   int    // those of them that could not be read
	advice   string // for the first signature whose key could not be looked up
}

// job is one message on its way: its report is sent on done.
type job struct {
	msg  mailbox.Message
	done chan result
}

type result struct {
	report *receiver.Report
	err    error
	notice string // in place of both: what is no message
}

// all walks the arguments; workers verify, and the reports come out in the order of the messages.
func (v *verifier) all(cmd *cobra.Command, workers int, args []string) error {
	ctx, cancel := context.WithCancel(cmd.Context())
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
		walkErr = v.feed(ctx, cmd.InOrStdin(), args, jobs, order)
	})
	err := v.print(cmd.OutOrStdout(), cmd.ErrOrStderr(), order)
	cancel()
	for range order { // let the walker end
	}
	wg.Wait()
	if err == nil {
		err = walkErr
	}
	return err
}

// expect counts the messages first, when there is a progress bar. Errors are reported when the
// messages are read.
func (v *verifier) expect(args []string) {
	if v.bar == nil {
		return
	}
	for _, arg := range args {
		if arg == "-" {
			v.bar.Expect(1)
			continue
		}
		_ = mailbox.Walk(arg, func(mailbox.Message) error { v.bar.Expect(1); return nil })
	}
}

// feed hands every message to the workers and, in order, to the printer.
func (v *verifier) feed(ctx context.Context, stdin io.Reader, args []string, jobs, order chan<- job) error {
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
	for _, arg := range args {
		err := walk(arg, stdin, each)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil { // printed in its place; the arguments after it are verified
			j := job{done: make(chan result, 1)}
			j.done <- result{err: err}
			order <- j
		}
	}
	return nil
}

// print writes the reports in order and keeps the exit status.
func (v *verifier) print(w, stderr io.Writer, order <-chan job) error {
	out := bufio.NewWriter(w)
	for j := range order {
		res := <-j.done
		if v.mixed || res.err != nil || res.notice != "" {
			v.bar.Clear()
		}
		if errors.Is(res.err, context.Canceled) {
			return res.err
		}
		if res.notice != "" {
			cli.Print(stderr, "dnseal: %s: %s", j.msg.Name, res.notice)
			v.bar.Done(1)
			continue
		}
		if v.total++; res.err != nil { // one message that cannot be read must not hide the others
			v.status = cli.ExitUsage
			v.unread++
			_ = report(stderr, res.err)
			continue
		}
		v.status = worse(v.status, res.report.Verdict)
		v.advice = cmp.Or(v.advice, lookupAdvice(res.report))
		if err := v.write(out, res.report); err != nil {
			return err
		}
		if err := out.Flush(); err != nil {
			return err
		}
		v.bar.Done(1)
	}
	v.bar.Clear()
	if v.unread > 0 && v.total > 1 {
		cli.Print(stderr, "dnseal: %d of %d messages and arguments could not be read", v.unread, v.total)
	}
	if v.advice != "" {
		cli.Print(stderr, "dnseal: hint: %s", v.advice)
	}
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

func (v *verifier) write(w io.Writer, report *receiver.Report) error {
	if v.json {
		return cli.WriteJSON(w, report)
	}
	if v.printed++; v.printed > 1 {
		cli.Print(w, "")
	}
	return report.WriteText(w)
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
