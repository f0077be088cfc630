package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
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
	case errors.Is(err, mailbox.ErrNoMail) && isFile(arg):
		return cli.Hint(fmt.Errorf("%s holds no saved mail: no files such as *.eml", arg), "name the message itself")
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

// isFile reports whether arg is a file, such as an archive, and no folder.
func isFile(arg string) bool {
	info, err := os.Stat(arg)
	return err == nil && !info.IsDir()
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
