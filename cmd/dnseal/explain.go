//go:build !submit

package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"dnseal/cmd/internal/cli"
	"dnseal/cmd/internal/columns"
	"dnseal/cmd/internal/mailbox"
	"dnseal/cmd/internal/verify"
	"dnseal/lookup"
	"dnseal/receiver"
	"dnseal/smime"
	"dnseal/smime/message"
)

func newExplain() *cobra.Command {
	var asJSON bool
	var evidence []string
	var flags verifyFlags
	cmd := &cobra.Command{
		Use:   "explain [FILE|MBOX|MAILDIR|FOLDER|ZIP|-]...",
		Short: "Say why a signature does not hold, and how the message was changed",
		Long: `Examines every signature whose digest does not match the message, and undoes
changes that mail systems are known to make in transit, one by one and several
together: transfer encodings, line ends and long lines, ">From", dots, trailing
space, header fields of parts, footers and banners, the links of services that
check them, and more; dnseal-verdicts(7) lists them all. It names the changes
that, undone, make the digest match, and between which hops they may have
happened.

Signature parts that were taken out, renamed or put into another multipart are
named, too, and header fields that are not as they were signed. Where a
signature holds and is not a pass, the key is looked up in the DNS: the output
says what it means that the key is not published now, what --evidence shows, and
what would prove more.

Encrypted messages are named and not opened: "dnseal decrypt" writes what can be
examined.

It is a diagnosis only: no message becomes a pass by it. Messages are judged as
"dnseal verify" does, also with --policy and --offline.

Exit status: 0 nothing to explain; 1 something is explained; 2 wrong usage, an
argument that cannot be read, or output that cannot be written; 3 the DNS gave
no answer, nothing worse.`,
		Example: `  dnseal explain broken.eml
  dnseal explain --policy /etc/dnseal/dnseal.toml alarm.eml`,
		Args: cobra.ArbitraryArgs,
	}
	flags.dns.Register(cmd)
	flags.registerPolicy(cmd)
	flags.registerOffline(cmd)
	cmd.Flags().StringArrayVar(&evidence, "evidence", nil, "`FILE` that \"dnseal lookup --evidence\" or \"verify --save-evidence\" wrote, or folder of\nthese: what the DNS said then; repeated: several")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object a line and signature")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			args = []string{"-"}
		}
		e := explainer{cmd: cmd, json: asJSON, flags: &flags, evidence: kept{files: evidence}}
		defer e.close()
		// The resolver may not be needed; what else they say has to be right.
		if flags.policy != "" || flags.offline || cmd.Flags().Changed("max-age") {
			if _, err := e.openReceiver(); err != nil {
				return err
			}
		}
		if err := e.evidence.read(flags.anchors); err != nil {
			return err
		}
		for _, arg := range args {
			if err := e.argument(arg); err != nil {
				return err
			}
		}
		return e.end()
	}
	return cmd
}

// explainer explains messages, one after the other.
type explainer struct {
	cmd      *cobra.Command
	json     bool
	flags    *verifyFlags
	client   *lookup.Client     // nil until a message needs it, and with --offline
	receiver *receiver.Receiver // nil until a message needs it
	evidence kept
	found    int
	messages int    // and arguments that hold none
	unread   int    // of them
	sealed   int    // messages that are encrypted
	first    string // of them
	unknown  bool   // a key could not be looked up
	failed   error  // of the output, which ends the run
}

// explanation is what is printed of one signature.
type explanation struct {
	File      string         `json:"file"`
	Part      string         `json:"part"`
	Change    smime.Change   `json:"change"`
	Also      []smime.Change `json:"also,omitempty"`
	Suspected smime.Change   `json:"suspected,omitempty"`
	Code      string         `json:"code,omitempty"`
	Sentence  string         `json:"sentence"`
	After     string         `json:"after,omitempty"`
	Before    string         `json:"before,omitempty"`
}

func (e *explainer) close() {
	if e.client != nil {
		_ = e.client.Close()
	}
	if e.evidence.archive != nil {
		_ = e.evidence.archive.Close() // only read from
	}
}

// argument continues after an argument that cannot be read, as each does.
func (e *explainer) argument(arg string) error {
	err := mailbox.WalkArgument(arg, e.cmd.InOrStdin(), e.each)
	if err != nil && e.failed == nil && e.cmd.Context().Err() == nil {
		e.messages, e.unread = e.messages+1, e.unread+1
		_ = cli.Report(e.cmd.ErrOrStderr(), err)
		err = nil
	}
	return err
}

// each continues after a message that cannot be read: it must not hide the others.
func (e *explainer) each(msg mailbox.Message) error {
	err := e.one(msg)
	if err != nil && e.failed == nil && e.cmd.Context().Err() == nil {
		e.unread++
		_ = cli.Report(e.cmd.ErrOrStderr(), err)
		err = nil
	}
	return err
}

func (e *explainer) one(msg mailbox.Message) error {
	if msg.Open == nil {
		cli.Print(e.cmd.ErrOrStderr(), "dnseal: %s: %s", msg.Name, msg.Notice)
		return nil
	}
	e.messages++
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
	e.encrypted(msg.Name, m)
	found, err := smime.Explain(e.cmd.Context(), m)
	if err != nil {
		return fmt.Errorf("%s: %w", msg.Name, err)
	}
	for _, x := range found {
		e.found++
		if err := e.write(msg.Name, explained(x)); err != nil {
			return err
		}
	}
	return e.keys(e.cmd.Context(), msg.Name, m, found)
}

// encrypted notes a message whose content cannot be examined.
func (e *explainer) encrypted(name string, m *message.Message) {
	if smime.Secured(m) != smime.SMIMEEncrypted {
		return
	}
	if e.sealed++; e.sealed == 1 {
		e.first = name
	}
}

// saySealed says which messages were not examined, in one line.
func (e *explainer) saySealed() {
	const why = ": a signature inside cannot be examined before dnseal decrypt has opened it"
	switch {
	case e.sealed == 1:
		cli.Print(e.cmd.ErrOrStderr(), "dnseal: note: %s is encrypted%s", e.first, why)
	case e.sealed > 1:
		cli.Print(e.cmd.ErrOrStderr(), "dnseal: note: %s and %d more are encrypted%s", e.first, e.sealed-1, why)
	}
}

func explained(x smime.Explanation) explanation {
	out := explanation{Part: x.Part, Change: x.Change, Also: x.Also, Suspected: x.Suspected, Sentence: x.Sentence, After: x.After, Before: x.Before}
	if x.Change == smime.ChangeHeader || x.Change == smime.ChangeWordsDecoded {
		out.Code = string(receiver.CodeHeaderChanged)
	}
	return out
}

func (e *explainer) write(file string, x explanation) error {
	x.File = file
	out := e.cmd.OutOrStdout()
	if e.json {
		e.failed = cli.WriteJSON(out, x)
		return e.failed
	}
	text := cli.Printable(fmt.Sprintf("%s: signature in part %s: %s", file, x.Part, x.Sentence))
	_, e.failed = io.WriteString(out, columns.Paragraph(text, "  ", columns.Width(out)))
	return e.failed
}

func (e *explainer) end() error {
	sayUnread(e.cmd.ErrOrStderr(), e.unread, e.messages)
	e.saySealed()
	switch {
	case e.unread > 0:
		return cli.ExitUsage
	case e.found > 0:
		return cli.ExitNotPass
	case e.unknown:
		return cli.ExitTempfail
	case e.json || e.sealed == e.messages && e.sealed > 0:
		return nil
	}
	_, err := fmt.Fprintln(e.cmd.OutOrStdout(), "nothing to explain: no signature here whose content or header was changed, or whose key is gone")
	return err
}

// conclude says what a run came to besides the verdicts, and returns its exit status.
func conclude(stderr io.Writer, t verify.Totals) error {
	sayUnread(stderr, t.Unread, t.Messages)
	if t.Advice != "" {
		cli.Print(stderr, "dnseal: hint: %s", t.Advice)
	}
	if t.Status != cli.ExitOK {
		return t.Status
	}
	return nil
}

// sayUnread says how many could not be read, where there were several.
func sayUnread(stderr io.Writer, unread, all int) {
	if unread > 0 && all > 1 {
		cli.Print(stderr, "dnseal: %d of %d messages and arguments could not be read", unread, all)
	}
}
