package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"dnseal/cmd/internal/cli"
	"dnseal/cmd/internal/mailbox"
	"dnseal/lookup"
	"dnseal/receiver"
	"dnseal/smime"
)

func newExplain() *cobra.Command {
	var asJSON bool
	var dns dnsFlags
	cmd := &cobra.Command{
		Use:   "explain [FILE|MBOX|MAILDIR|-]...",
		Short: "Say why a signature does not hold, and how the message was changed",
		Long: `Examines every signature whose digest does not match the message, and undoes
changes that mail systems are known to make in transit: transfer encodings, line
ends, trailing space, ">From", footers and more. It names the first change that,
undone, makes the digest match, and between which hops it may have happened.

When the signatures of a message hold it looks up their keys in the DNS, and
explains what it means that a key is not published now or no longer, or that the
header was changed, and what would prove more.

It is a diagnosis only: no message becomes a pass by it.

Exit status: 0 nothing to explain; 1 something is explained; 2 wrong usage, an
argument that cannot be read, or output that cannot be written; 3 the DNS gave
no answer, nothing worse.`,
		Example: "  dnseal explain broken.eml",
		Args:    cobra.ArbitraryArgs,
	}
	dns.register(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object a line and signature")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			args = []string{"-"}
		}
		e := explainer{cmd: cmd, json: asJSON, dns: &dns}
		defer e.close()
		for _, arg := range args {
			if err := walk(arg, cmd.InOrStdin(), e.each); err != nil {
				return err
			}
		}
		return e.end()
	}
	return cmd
}

// explainer explains messages, one after the other.
type explainer struct {
	cmd        *cobra.Command
	json       bool
	dns        *dnsFlags
	client     *lookup.Client     // nil until a message needs it
	receiver   *receiver.Receiver // the same
	found      int
	unreadable bool
	unknown    bool // a key could not be looked up
}

// explanation is what is printed of one signature.
type explanation struct {
	File     string         `json:"file"`
	Part     string         `json:"part"`
	Change   smime.Change   `json:"change"`
	Also     []smime.Change `json:"also,omitempty"`
	Code     string         `json:"code,omitempty"`
	Sentence string         `json:"sentence"`
	After    string         `json:"after,omitempty"`
	Before   string         `json:"before,omitempty"`
}

func (e *explainer) close() {
	if e.client != nil {
		_ = e.client.Close()
	}
}

// each continues after a message that cannot be read: it must not hide the others.
func (e *explainer) each(msg mailbox.Message) error {
	err := e.one(msg)
	if err != nil && e.cmd.Context().Err() == nil {
		e.unreadable = true
		_ = report(e.cmd.ErrOrStderr(), err)
		err = nil
	}
	return err
}

func (e *explainer) one(msg mailbox.Message) error {
	in, err := msg.Open()
	if err != nil {
		return err
	}
	defer in.Close() //nolint:errcheck // only read from
	m, err := readMessage(in, msg.Name)
	if err != nil {
		return err
	}
	defer m.Close() //nolint:errcheck // an unlinked file
	found, err := smime.Explain(e.cmd.Context(), m)
	if err != nil {
		return fmt.Errorf("%s: %w", msg.Name, err)
	}
	for _, x := range found {
		e.found++
		if err := e.write(msg.Name, explanation{Part: x.Part, Change: x.Change, Also: x.Also, Sentence: x.Sentence, After: x.After, Before: x.Before}); err != nil {
			return err
		}
	}
	if len(found) > 0 {
		return nil
	}
	return e.keys(e.cmd.Context(), msg.Name, m)
}

func (e *explainer) write(file string, x explanation) error {
	x.File = file
	out := e.cmd.OutOrStdout()
	if e.json {
		return cli.WriteJSON(out, x)
	}
	_, err := fmt.Fprintf(out, "%s: signature in part %s: %s\n", file, x.Part, x.Sentence)
	return err
}

func (e *explainer) end() error {
	switch {
	case e.unreadable:
		return cli.ExitUsage
	case e.found > 0:
		return cli.ExitNotPass
	case e.unknown:
		return cli.ExitTempfail
	case e.json:
		return nil
	}
	_, err := fmt.Fprintln(e.cmd.OutOrStdout(), "nothing to explain: no signature here whose content or header was changed, or whose key is gone")
	return err
}
