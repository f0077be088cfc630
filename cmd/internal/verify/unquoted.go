package verify

import (
	"context"
	"fmt"
	"io"

	"dnseal/cmd/internal/mailbox"
	"dnseal/receiver"
)

// unquoted verifies the message without the ">" that its mbox may have put before "From ", in each
// form of that. The first form in which a digest that was wrong is right decides; else d stands.
// A message that is no part of an mbox or MMDF file stays as it is. It closes what it does not
// return.
func (v *Verifier) unquoted(ctx context.Context, msg mailbox.Message, d *verified) (*verified, error) {
	again, err := v.mended(ctx, msg, d.report)
	if err == nil && again == nil {
		return d, nil
	}
	d.close()
	return again, err
}

// mended is nil where no form mends the report before.
func (v *Verifier) mended(ctx context.Context, msg mailbox.Message, before *receiver.Report) (*verified, error) {
	if msg.Container != mailbox.Mbox && msg.Container != mailbox.Mboxrd && msg.Container != mailbox.MMDF {
		return nil, nil //nolint:nilnil // as documented
	}
	again, text, err := v.without(ctx, msg, before, func(r io.Reader) *mailbox.Unquoted { return mailbox.Unquote(r, mailbox.QuotingMboxrd) })
	if err != nil || again != nil || msg.Container == mailbox.Mboxrd || text.Lines() == 0 {
		return again, err
	}
	some := 0
	if text.Size() <= maxUnquoted {
		some = min(text.Single(), maxQuoted)
	}
	for keep := range max(1, uint64(1)<<some-1) {
		if keep == 0 && text.Deeper() == 0 {
			continue // the same as above
		}
		again, _, err = v.without(ctx, msg, before, func(r io.Reader) *mailbox.Unquoted { return mailbox.UnquoteSome(r, keep) })
		if err != nil || again != nil {
			return again, err
		}
	}
	return nil, nil //nolint:nilnil // as documented
}

// Writers of mboxo leave a line ">From " as it is, so that any of these lines may have been written
// so by the author. All combinations of the first maxQuoted are tried, in messages of at most
// maxUnquoted octets.
const (
	maxQuoted   = 6
	maxUnquoted = 1 << 20
)

// without verifies the message as unquote reads it: nil where that does not mend the report before.
func (v *Verifier) without(ctx context.Context, msg mailbox.Message, before *receiver.Report, unquote func(io.Reader) *mailbox.Unquoted) (*verified, *mailbox.Unquoted, error) {
	in, err := msg.Open()
	if err != nil {
		return nil, nil, err
	}
	defer in.Close() //nolint:errcheck // only read from
	text := unquote(in)
	d, err := v.read(ctx, text, msg.Name)
	if err != nil {
		return nil, text, err
	}
	if text.Lines() == 0 || !mends(before, d.report) {
		d.close()
		return nil, text, nil
	}
	what := "1 line"
	if text.Lines() > 1 {
		what = fmt.Sprintf("%d lines", text.Lines())
	}
	d.report.Remarks = append(d.report.Remarks, "the mbox form's \">\" before \"From \" was removed from "+what+": without it the digest of the signature is right")
	return d, text, nil
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
