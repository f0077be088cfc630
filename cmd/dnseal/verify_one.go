package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"dnseal/cmd/internal/cli"
	"dnseal/cmd/internal/mailbox"
	"dnseal/receiver"
	"dnseal/smime/message"
)

// walk is mailbox.Walk that knows standard input and explains its errors.
func walk(arg string, stdin io.Reader, each func(mailbox.Message) error) error {
	if arg == "-" {
		return mailbox.WalkReader(stdin, "-", each)
	}
	err := mailbox.Walk(arg, each)
	switch {
	case errors.Is(err, mailbox.ErrNoMail):
		return cli.Hint(fmt.Errorf("%s holds no saved mail: neither a Maildir nor files such as *.eml", arg), "name the messages themselves: %s/*", arg)
	case errors.Is(err, mailbox.ErrNoSuchMessage):
		_, what, _ := strings.Cut(err.Error(), ": ")
		_, what, _ = strings.Cut(what, ": ")
		return fmt.Errorf("there is no %s: %s", arg, what)
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s does not exist", arg)
	}
	return err
}

// one verifies one message.
func (v *verifier) one(ctx context.Context, msg mailbox.Message) result {
	if msg.Open == nil {
		return result{notice: msg.Notice}
	}
	report, err := v.judged(ctx, msg)
	if err != nil {
		if msg.Remark != "" {
			err = fmt.Errorf("%w (%s)", err, msg.Remark)
		}
		return result{err: err}
	}
	report.File = msg.Name
	if msg.Remark != "" {
		report.Remarks = append(report.Remarks, msg.Remark)
	}
	return result{report: report}
}

// judged is the report on a message as it is saved, or, where only the quoting of its mbox breaks a
// signature, on the message without that.
func (v *verifier) judged(ctx context.Context, msg mailbox.Message) (*receiver.Report, error) {
	in, err := msg.Open()
	if err != nil {
		return nil, err
	}
	defer in.Close() //nolint:errcheck // only read from
	report, err := v.read(ctx, in, msg.Name)
	if err != nil || !hasBadDigest(report) {
		return report, err
	}
	return v.unquoted(ctx, msg, report)
}

// read judges the message that in holds.
func (v *verifier) read(ctx context.Context, in io.Reader, name string) (*receiver.Report, error) {
	m, remarks, err := mailbox.Read(in, name)
	if errors.Is(err, message.ErrMalformed) || errors.Is(err, message.ErrTooBig) {
		return receiver.Unreadable(errors.Unwrap(err)), nil // which does not name the file again
	}
	if err != nil {
		return nil, err
	}
	defer m.Close() //nolint:errcheck // an unlinked file
	report, err := v.receiver.Verify(ctx, m)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	report.Remarks = append(report.Remarks, remarks...)
	return report, nil
}

// unquoted judges the message without the ">" that its mbox may have put before "From ", in each
// form of that. The first form in which a digest that was wrong is right decides; else report
// stands. A message that is no part of an mbox or MMDF file stays as it is.
func (v *verifier) unquoted(ctx context.Context, msg mailbox.Message, report *receiver.Report) (*receiver.Report, error) {
	var quotings []mailbox.Quoting
	switch msg.Container {
	case mailbox.Mboxrd:
		quotings = []mailbox.Quoting{mailbox.QuotingMboxrd}
	case mailbox.Mbox, mailbox.MMDF:
		quotings = []mailbox.Quoting{mailbox.QuotingMboxrd, mailbox.QuotingMboxo}
	case mailbox.File, mailbox.Emlx:
	}
	for _, q := range quotings {
		again, deeper, err := v.without(ctx, msg, q)
		switch {
		case err != nil || again == nil:
			return report, err
		case mends(report, again):
			return again, nil
		case deeper == 0: // the other form is the same
			return report, nil
		}
	}
	return report, nil
}

// without judges the message without the quoting q; nil where there is none.
func (v *verifier) without(ctx context.Context, msg mailbox.Message, q mailbox.Quoting) (report *receiver.Report, deeper int, err error) {
	in, err := msg.Open()
	if err != nil {
		return nil, 0, err
	}
	defer in.Close() //nolint:errcheck // only read from
	text := mailbox.Unquote(in, q)
	report, err = v.read(ctx, text, msg.Name)
	if err != nil || text.Lines() == 0 && text.Deeper() == 0 {
		return nil, 0, err
	}
	what := "from 1 line"
	if text.Lines() > 1 {
		what = fmt.Sprintf("from %d lines", text.Lines())
	}
	report.Remarks = append(report.Remarks, "the mbox form's \">\" before \"From \" was removed "+what+": without it the digest of the signature is right")
	return report, text.Deeper(), nil
}

func hasBadDigest(r *receiver.Report) bool {
	for _, s := range r.Signatures {
		if s.Code == receiver.CodeBadDigest {
			return true
		}
	}
	return false
}

// mends reports whether a signature whose digest was wrong is right in the second report, and none
// became wrong.
func mends(before, after *receiver.Report) bool {
	if len(before.Signatures) != len(after.Signatures) {
		return false
	}
	mended := false
	for i, b := range before.Signatures {
		a := after.Signatures[i]
		switch {
		case a.Part != b.Part, b.Integrity == receiver.Good && a.Integrity != receiver.Good:
			return false
		case b.Code == receiver.CodeBadDigest && a.Integrity == receiver.Good:
			mended = true
		}
	}
	return mended
}
