package receiver

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"time"

	"dnseal/smime/message"
)

// Handle implements [message.Handler]: it verifies, removes forged results, puts ours on top and
// applies the policy. Outcome.Result is the verdict. Trouble of this machine is class
// internal-error. What Options.Deliver has delivered decrypted is judged with its keys; without it
// nothing is opened.
func (r *Receiver) Handle(ctx context.Context, m *message.Message, env *message.Envelope) *message.Outcome {
	if o := r.openers(m, env); len(o.keys) > 0 {
		return r.handleDecrypted(ctx, m, env, o)
	}
	return r.with(nil).handle(ctx, m, env)
}

// handle is Handle for all recipients alike.
func (r *Receiver) handle(ctx context.Context, m *message.Message, env *message.Envelope) *message.Outcome {
	report, err := r.Verify(ctx, m)
	if err == nil && r.opts.AuthservID == "" && !r.opts.Observe {
		err = errors.New("receiver: no authserv-id is configured")
	}
	if err != nil {
		report = reportOn(m)
		report.conclude(finding{TempError, CodeInternalError, err.Error()})
	}
	if env != nil && !m.NamesAuthor() {
		// MTAs write a From that is missing, and take the envelope sender for it.
		domains, _ := message.DomainsIn(env.MailFrom)
		report.shown.Domains = append(report.shown.Domains, domains...)
	}
	return r.outcome(m, report)
}

// Unfit is Handle for a message that an entry point could not take in: too big
// ([message.ErrTooBig]), unreadable ([message.ErrMalformed]), or, for any other reason, lost by
// trouble of this machine (class internal-error). head is its header, the body does not count, or
// nil when not even that could be read: then forged results cannot be removed, and the message is
// refused where policy would let it pass (RFC 8601, Section 5).
func (r *Receiver) Unfit(head *message.Message, why error) *message.Outcome {
	f := finding{TempError, CodeInternalError, why.Error()}
	switch {
	case errors.Is(why, message.ErrTooBig):
		f = finding{PermError, CodeTooBig, why.Error()}
	case errors.Is(why, message.ErrMalformed):
		f = finding{PermError, CodeMalformed, why.Error()}
	}
	if head == nil {
		report := newReport(nil, nil)
		report.conclude(f)
		return r.uncleaned(report, why)
	}
	report := reportOn(head)
	report.conclude(f)
	return r.outcome(head, report)
}

// uncleaned is the outcome for a message whose header could not be read.
func (r *Receiver) uncleaned(report *Report, why error) *message.Outcome {
	out := r.outcome(nil, report)
	if r.opts.Observe {
		return out
	}
	d := decide(r.on, r.domains, report)
	d.action = withoutHeader(d.action, why)
	out.Action, out.Reply = d.action, r.reply(d)
	if header, ok := errors.AsType[*message.HeaderError](why); ok {
		out.Reply = header.Reply()
		out.Reply.Text = cmp.Or(r.text(d), out.Reply.Text)
	}
	return out
}

// withoutHeader is the action for a message whose header could not be read, so that forged results
// stay in it (RFC 8601, Section 5). It is refused for good where a line of the header is the cause,
// and where policy would accept it.
func withoutHeader(a message.Action, why error) message.Action {
	_, line := errors.AsType[*message.HeaderError](why)
	if line || a == message.Accept || a == message.Quarantine {
		return message.Reject
	}
	return a
}

// Unreadable is the report on a message whose header could not be read, with the error of
// [message.Read].
func Unreadable(why error) *Report {
	f := finding{PermError, CodeMalformed, why.Error()}
	if errors.Is(why, message.ErrTooBig) {
		f.code = CodeTooBig
	}
	report := newReport(nil, nil)
	report.CheckedAt, report.unreadable = time.Now().UTC(), why
	report.conclude(f)
	return report
}

// outcome applies the policy to a report on m, which may be nil.
func (r *Receiver) outcome(m *message.Message, report *Report) *message.Outcome {
	restoring := r.restore(report)
	d := decide(r.on, r.domains, report)
	out := &message.Outcome{Action: d.action, Result: string(report.Verdict), Header: report.header(), Reply: r.reply(d), Attrs: report.attrs(d)}
	if report.Code == CodeInternalError {
		out.Level = slog.LevelError
	}
	switch {
	case r.opts.Observe:
		out.Action, out.Reply = message.Accept, message.Reply{}
		out.Attrs = append(out.Attrs, slog.Bool("observe", true), slog.String("would", d.action.String()))
	// RFC 8601, Section 5: what claims to be ours goes before ours is added.
	case m != nil && r.opts.AuthservID != "":
		forged := message.ForgedResults(m, r.opts.AuthservID)
		changes := append(slices.Concat(forged, restoring), resultField(r.opts.AuthservID, report))
		out.Edit = &message.Edit{Changes: changes}
		out.Attrs = append(out.Attrs, slog.Int("forged_results", len(forged)))
	}
	return out
}

// attrs is what the operator's log line says; no bodies, no subjects.
func (r *Report) attrs(d decision) []slog.Attr {
	out := []slog.Attr{
		slog.String("from", r.From), slog.String("code", string(r.Code)), slog.String("reason", r.Reason),
		slog.String("class", string(d.class)), slog.Int("signatures", len(r.Signatures)), slog.String("header", string(r.header())),
	}
	if len(r.DKIM) > 0 {
		out = append(out, slog.String("dkim", r.DKIMText()))
	}
	if len(r.ResentBy) > 0 {
		out = append(out, slog.String("resent_by", strings.Join(r.ResentBy, ", ")))
	}
	for _, s := range r.Signatures {
		if s.finding() != (finding{r.Verdict, r.Code, r.Reason}) {
			continue
		}
		out = append(out, slog.String("identity", s.Identity), slog.String("binding", string(s.Binding)), slog.String("algorithm", s.Algorithm))
		if s.DNS != nil {
			out = append(out, slog.String("owner", s.DNS.Name), slog.String("dns", s.DNS.Status))
		}
		break
	}
	return out
}
