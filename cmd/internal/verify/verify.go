// Package verify verifies saved messages, many at once, and hands each with its report to sinks, in
// the order of the messages.
//
// A [Verifier] walks its arguments (package mailbox); workers verify (message.go, unquoted.go), and
// run.go keeps the order and counts. What becomes of a report is the matter of a [Sink]: text.go,
// csv.go and summary.go write it; [Only] chooses what they see.
package verify

import (
	"context"
	"io"

	"dnseal/cmd/internal/cli"
	"dnseal/cmd/internal/mailbox"
	"dnseal/cmd/internal/progress"
	"dnseal/receiver"
	"dnseal/smime/message"
)

// Sink is one output of a run: text, JSON, CSV, pages, evidence.
//
// A verdict does not depend on where it is written to. An error of Read is reported, and the run
// goes on. One of Write ends the run: a sink that is not what the run is for keeps its error for
// Close instead.
type Sink interface {
	// Read is called by the workers, several at once, while the message can be read. r is not to be
	// changed.
	Read(ctx context.Context, m *message.Message, r *receiver.Report) error
	// Write is called in the order of the messages.
	Write(r *receiver.Report) error
	// Close ends the output; it is called once, also where the run ended early.
	Close() error
}

// Verifier verifies the messages of its arguments.
type Verifier struct {
	Receiver *receiver.Receiver
	// Decide has reports say what an entry point does with the message (Report.Action).
	Decide bool
	// Workers is how many messages are verified at the same time; less than 1: one.
	Workers int
	Stdin   io.Reader
	// Walk finds the messages of an argument; nil: mailbox.WalkArgument with Stdin.
	Walk  func(arg string, each func(mailbox.Message) error) error
	Sinks []Sink
	// Bar shows the progress; nil: none is shown. Mixed: a sink writes to the terminal of the bar.
	Bar   *progress.Bar
	Mixed bool
	// Notice is called with what a person has to know about a file that is no message, and Fail
	// with what went wrong with one message or sink. Both are called in the order of the messages,
	// and are required.
	Notice func(text string)
	Fail   func(err error)
}

// Totals are what a run found.
type Totals struct {
	// Status is the exit status for the verdicts and errors.
	Status cli.Exit
	// Messages counts the messages, and the arguments that hold none; Unread those of them that
	// could not be read.
	Messages, Unread int
	// Advice is for the first signature whose key could not be looked up; "" where none is needed.
	Advice string
}
