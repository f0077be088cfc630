package verify

import (
	"context"
	"errors"
	"fmt"
	"io"

	"dnseal/cmd/internal/mailbox"
	"dnseal/receiver"
	"dnseal/smime/message"
)

// verified is a message with its report. The message is nil where its header could not be read.
type verified struct {
	message *message.Message
	report  *receiver.Report
}

func (d *verified) close() {
	if d.message != nil {
		_ = d.message.Close() // an unlinked file
	}
}

// one verifies one message.
func (v *Verifier) one(ctx context.Context, msg mailbox.Message) result {
	if msg.Open == nil {
		return result{notice: msg.Notice}
	}
	d, err := v.verify(ctx, msg)
	if err != nil {
		if msg.Remark != "" {
			err = fmt.Errorf("%w (%s)", err, msg.Remark)
		}
		return result{err: err}
	}
	defer d.close()
	d.report.File = msg.Name
	if msg.Remark != "" {
		d.report.Remarks = append(d.report.Remarks, msg.Remark)
	}
	if v.Decide {
		v.Receiver.Decide(d.report)
	}
	return result{report: d.report, faults: v.hand(ctx, d)}
}

// hand lets the sinks read the message.
func (v *Verifier) hand(ctx context.Context, d *verified) (faults []error) {
	for _, s := range v.Sinks {
		if err := s.Read(ctx, d.message, d.report); err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", d.report.File, err))
		}
	}
	return faults
}

// verify verifies a message as it is saved, or, where only the quoting of its mbox breaks a
// signature, the message without that.
func (v *Verifier) verify(ctx context.Context, msg mailbox.Message) (*verified, error) {
	in, err := msg.Open()
	if err != nil {
		return nil, err
	}
	defer in.Close() //nolint:errcheck // only read from
	d, err := v.read(ctx, in, msg.Name)
	if err != nil || !hasBadDigest(d.report) {
		return d, err
	}
	return v.unquoted(ctx, msg, d)
}

// read verifies the message that in holds.
func (v *Verifier) read(ctx context.Context, in io.Reader, name string) (*verified, error) {
	m, remarks, err := mailbox.Read(in, name)
	if errors.Is(err, message.ErrMalformed) || errors.Is(err, message.ErrTooBig) {
		// The cause does not name the file again.
		return &verified{report: receiver.Unreadable(errors.Unwrap(err))}, nil
	}
	if err != nil {
		return nil, err
	}
	d := &verified{message: m}
	if d.report, err = v.Receiver.Verify(ctx, m); err != nil {
		d.close()
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	d.report.Remarks = append(d.report.Remarks, remarks...)
	return d, nil
}
