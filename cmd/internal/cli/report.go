package cli

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// Report prints err on w and returns the exit status for it. An error that has a method Hint is
// printed with that advice.
func Report(w io.Writer, err error) Exit {
	if status, ok := errors.AsType[Exit](err); ok {
		return status
	}
	if ReadEnough(err) {
		return reportOthers(w, err)
	}
	if errors.Is(err, context.Canceled) {
		Print(w, "dnseal: error: interrupted")
		return ExitTempfail
	}
	for _, e := range each(err) {
		Print(w, "dnseal: error: %s", Plain(e))
	}
	var h interface{ Hint() string }
	if errors.As(err, &h) {
		Print(w, "dnseal: hint: %s", h.Hint())
	}
	return ExitUsage
}

// ReadEnough reports whether standard output is a pipe whose reader has ended, such as head. That
// is no mistake of anybody, and not said.
func ReadEnough(err error) bool {
	failed, ok := errors.AsType[*fs.PathError](err)
	return ok && failed.Path == os.Stdout.Name() && errors.Is(failed, syscall.EPIPE)
}

// reportOthers prints the errors that are joined with the one of [ReadEnough].
func reportOthers(w io.Writer, err error) Exit {
	if all, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range all.Unwrap() {
			if !ReadEnough(e) {
				_ = Report(w, e) // the status is that of the pipe
			}
		}
	}
	return ExitPipe
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
