package main

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"syscall"

	"dnseal/cmd/internal/cli"
)

// report prints err on w and returns the exit status for it. An error that has a method Hint is
// printed with that advice.
func report(w io.Writer, err error) cli.Exit {
	if status, ok := errors.AsType[cli.Exit](err); ok {
		return status
	}
	if readEnough(err) {
		return reportOthers(w, err)
	}
	if errors.Is(err, context.Canceled) {
		cli.Print(w, "dnseal: error: interrupted")
		return cli.ExitTempfail
	}
	for _, e := range each(err) {
		cli.Print(w, "dnseal: error: %s", cli.Plain(e))
	}
	var h interface{ Hint() string }
	if errors.As(err, &h) {
		cli.Print(w, "dnseal: hint: %s", h.Hint())
	}
	return cli.ExitUsage
}

// readEnough reports whether standard output is a pipe whose reader has ended, such as head. That
// is no mistake of anybody, and not said.
func readEnough(err error) bool {
	failed, ok := errors.AsType[*fs.PathError](err)
	return ok && failed.Path == os.Stdout.Name() && errors.Is(failed, syscall.EPIPE)
}

// reportOthers prints the errors that are joined with the one of [readEnough].
func reportOthers(w io.Writer, err error) cli.Exit {
	if all, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range all.Unwrap() {
			if !readEnough(e) {
				_ = report(w, e) // the status is that of the pipe
			}
		}
	}
	return cli.ExitPipe
}

// each returns the parts of an error that lists several, such as the mistakes of a configuration.
func each(err error) []error {
	if l, ok := errors.AsType[interface {
		error
		Each() []error
	}](err); ok {
		return l.Each()
	}
	return []error{err}
}
