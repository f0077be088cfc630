package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"dnseal/cmd/internal/mailbox"
	"dnseal/smime"
)

func newExplain() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "explain [FILE|MBOX|MAILDIR|-]...",
		Short: "Say why a signature does not hold, and how the message was changed",
		Long: `Looks at every signature whose digest does not fit the message, and undoes what
mail systems are known to do on the way: transfer encodings, line ends, trailing
space, ">From", footers and more. It names the first change that, undone, makes
the digest fit, and between which hops it may have happened.

It is a diagnosis only: the signature does not hold, whatever the reason. It
asks no DNS.

Exit status: 0 nothing to explain; 1 some signature does not hold; 2 wrong
usage, unreadable argument.`,
		Example: "  dnseal explain broken.eml",
		Args:    cobra.ArbitraryArgs,
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object a line and signature")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			args = []string{"-"}
		}
		e := explainer{cmd: cmd, json: asJSON}
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
	found      int
	unreadable bool
}

// each goes on after a message that cannot be read: it must not hide the others.
func (e *explainer) each(msg mailbox.Message) error {
	err := e.one(msg)
	if err != nil && e.cmd.Context().Err() == nil {
		e.unreadable = true
		report(e.cmd.ErrOrStderr(), err)
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
		if err := e.write(msg.Name, x); err != nil {
			return err
		}
	}
	return nil
}

func (e *explainer) write(file string, x smime.Explanation) error {
	out := e.cmd.OutOrStdout()
	if !e.json {
		_, err := fmt.Fprintf(out, "%s: signature in part %s: %s\n", file, x.Part, x.Sentence)
		return err
	}
	return writeJSON(out, struct {
		File     string   `json:"file"`
		Part     string   `json:"part"`
		Change   string   `json:"change"`
		Also     []string `json:"also,omitempty"`
		Sentence string   `json:"sentence"`
		After    string   `json:"after,omitempty"`
		Before   string   `json:"before,omitempty"`
	}{file, x.Part, x.Change, x.Also, x.Sentence, x.After, x.Before})
}

func (e *explainer) end() error {
	switch {
	case e.unreadable:
		return verdictError{exitUsage}
	case e.found > 0:
		return verdictError{exitNotPass}
	case e.json:
		return nil
	}
	_, err := fmt.Fprintln(e.cmd.OutOrStdout(), "nothing to explain: no signature here whose digest does not fit the content")
	return err
}
