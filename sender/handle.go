package sender

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"dnseal/sender/identity"
	"dnseal/sender/internal/edits"
	"dnseal/sender/recipient"
	"dnseal/smime"
	"dnseal/smime/message"
)

// Explanation is what an outcome rests on.
type Explanation struct {
	// Rule is the place in Options.Rules, counted from 1, of the rule that permits the From; 0:
	// none does.
	Rule int
	// From is the author's address; empty where From cannot be read.
	From string
	// Identity is the name of the one that signs, or would.
	Identity string
	// Class, Code and Reason say what keeps the message from being signed. All are empty where
	// nothing does.
	Class        Class
	Code, Reason string
	// Action is what is done, and would be done without Options.Observe.
	Action message.Action
	// Reply is given with Reject and Defer.
	Reply message.Reply
	// Record is what the DNS says about the identity; nil where it was not looked up.
	Record *Record
	// Forms are those of the message, with their recipients. A message without recipients has one.
	Forms []Recipients
	// InClear says for each recipient who gets the message in clear, although the route would
	// encrypt, why.
	InClear []*recipient.Error
}

// Handle implements [message.Handler]. Result is one of the words above, or the class that kept the
// message from being signed; Attrs say why.
func (s *Sender) Handle(ctx context.Context, m *message.Message, env *message.Envelope) *message.Outcome {
	out, _ := s.Explain(ctx, m, env)
	return out
}

// Explain is Handle that also says what the outcome rests on.
func (s *Sender) Explain(ctx context.Context, m *message.Message, env *message.Envelope) (*message.Outcome, *Explanation) {
	h := &handling{Sender: s, m: m, env: env}
	h.pass, h.attrs = s.clean(m)
	out := h.handle(ctx)
	if out.Action == message.Accept && !h.routed {
		out = h.encryptUnsigned(ctx, out)
	}
	h.why.Action, h.why.Reply = out.Action, out.Reply
	return s.observed(out), &h.why
}

// observed is the outcome where Options.Observe is set.
func (s *Sender) observed(out *message.Outcome) *message.Outcome {
	if !s.opts.Observe {
		return out
	}
	attrs := append(out.Attrs, slog.Bool("observe", true), slog.String("would", out.Action.String()))
	_ = out.Close() // it was only made to see that it can be
	return &message.Outcome{Action: message.Accept, Result: ResultObserved + out.Result, Level: out.Level, Attrs: attrs}
}

// handling is the handling of one message.
type handling struct {
	*Sender
	m     *message.Message
	env   *message.Envelope
	pass  *message.Edit // what every message gets
	attrs []slog.Attr
	rule  *rule
	from  message.Address // that the rule permits
	why   Explanation
	// routed says that the outcome has the form or encryption of every recipient.
	routed bool
	// routing is what the log line says of encryptions.
	routing []slog.Attr
}

// decide sets what the rules say to the message; it returns an outcome where they do not say that
// it is signed.
func (h *handling) decide() *message.Outcome {
	req := originators(h.m, h.env)
	d := decide(h.rules, req)
	h.why.From = req.fromText()
	h.attrs = append(h.attrs, slog.String("from", h.why.From))
	if d.class != "" {
		return h.stop(d.class, d.code, d.reason)
	}
	h.rule, h.from = d.rule, d.from
	h.why.Rule, h.why.Identity = d.rule.number, d.identity
	return nil
}

func (h *handling) handle(ctx context.Context) *message.Outcome {
	if out := h.decide(); out != nil {
		return out
	}
	h.attrs = append(h.attrs, slog.String("identity", h.why.Identity), slog.Int("rule", h.why.Rule))
	if h.opts.MaxBytes > 0 && h.m.Size() > h.opts.MaxBytes {
		return h.stop(ClassTooBig, "too-big", fmt.Sprintf("%d bytes, at most %d are signed", h.m.Size(), h.opts.MaxBytes))
	}
	if kind := h.leaveAlone(); kind != "" {
		return h.leave(kind)
	}
	gs, refused := h.split(ctx, h.mainForm())
	if refused != nil {
		return refused
	}
	h.why.Forms = gs
	if !slices.ContainsFunc(gs, func(g Recipients) bool { return g.Form != FormPlain }) {
		h.attrs = append(h.attrs, slog.String("code", "opted-out"))
		return &message.Outcome{Action: message.Accept, Edit: h.pass, Result: ResultUnsigned, Attrs: h.attrs}
	}
	return h.sign(ctx, gs)
}

// leaveAlone says as what a message is left alone, or "".
func (h *handling) leaveAlone() string {
	if kind := smime.Secured(h.m); kind != smime.NotSecured && !h.rule.again {
		return string(kind)
	}
	if !h.opts.SignReports && isReport(h.m, h.env) {
		return "report"
	}
	return ""
}

// leave is the outcome for a message that is left alone.
func (h *handling) leave(kind string) *message.Outcome {
	return &message.Outcome{Action: message.Accept, Edit: h.pass, Result: ResultLeftAlone, Attrs: append(h.attrs, slog.String("kind", kind))}
}

// mainForm is the form for recipients nothing else is said about.
func (h *handling) mainForm() Form {
	if h.control.match(h.env.Submitter) {
		if f := controlForm(h.m); f != FormDefault {
			return f
		}
	}
	switch {
	case h.rule.form != FormDefault:
		return h.rule.form
	case h.opts.Opaque:
		return FormOpaque
	}
	return FormClear
}

// sign loads the identity, checks that it is published, and signs one form after the other.
func (h *handling) sign(ctx context.Context, gs []Recipients) *message.Outcome {
	id, err := h.opts.Identities(h.why.Identity)
	if err != nil {
		if reason := h.inAnotherCase(h.why.Identity, err); reason != "" {
			return h.stop(ClassNotAllowed, codeLocalPartCase, reason)
		}
		return h.stop(ClassSignFailed, "no-identity", err.Error())
	}
	now := h.opts.Now()
	if h.opts.Lookup != nil {
		id, h.why.Record = h.published(ctx, id, now)
		if r := h.why.Record; r.Code != "" {
			return h.stop(ClassKeyNotPublished, r.Code, r.Reason)
		}
	}
	fs, err := h.prepare(now)
	if err != nil {
		return h.stop(ClassInternalError, "prepare", err.Error())
	}
	defer fs.close()
	fs.id, fs.unsigned = id, h.staple(ctx, id, now)
	out, err := fs.all(ctx, gs)
	if err != nil {
		return h.failed(err)
	}
	h.routed = true
	out.Result, out.Attrs = ResultSigned, slices.Concat(h.attrs, h.routing, formAttrs(fs.results))
	return out
}

// prepare adds the fields that the message lacks. The caller closes what it gets.
func (h *handling) prepare(now time.Time) (*forms, error) {
	pre := &message.Edit{Changes: h.pass.Changes}
	// RFC 6409, Sections 8.2 and 8.3.
	if host := cmp.Or(h.opts.Hostname, h.from.Domain); host != "" {
		pre.Changes = slices.Concat(pre.Changes, message.MissingFields(h.m, host, now))
	}
	prepared, err := edits.Apply(h.m, pre)
	if err != nil {
		return nil, err
	}
	return &forms{opts: &h.opts, m: h.m, prepared: prepared, pre: pre, rule: h.rule, now: now}, nil
}

// published checks the record of id. Where none matches, a rollover may just have made another key
// the active one: the identity is read again.
func (h *handling) published(ctx context.Context, id *identity.Identity, now time.Time) (*identity.Identity, *Record) {
	r := CheckRecord(ctx, h.opts.Lookup, id, h.opts.Limits, now)
	if h.opts.Fresh == nil || r.Code != codeAbsent && r.Code != codeMismatch {
		return id, r
	}
	fresh, err := h.opts.Fresh(h.why.Identity)
	if err != nil || fresh == id {
		return id, r
	}
	return fresh, CheckRecord(ctx, h.opts.Lookup, fresh, h.opts.Limits, now)
}

// failed is the outcome when signing returned err.
func (h *handling) failed(err error) *message.Outcome {
	if out := h.malformed(err); out != nil {
		return out
	}
	switch {
	case errors.Is(err, message.ErrTooBig):
		return h.stop(ClassTooBig, "too-big", err.Error())
	case errors.Is(err, smime.ErrAlreadySecured):
		return h.leave("secured")
	case errors.Is(err, smime.ErrSelfCheck):
		return h.stop(ClassInternalError, "self-check", err.Error())
	}
	return h.stop(ClassSignFailed, "sign-failed", err.Error())
}

// stop is the outcome for a message that is not signed because of a class.
func (h *handling) stop(class Class, code, reason string) *message.Outcome {
	h.why.Class, h.why.Code, h.why.Reason = class, code, reason
	out := &message.Outcome{Action: h.on[class], Edit: h.pass, Result: string(class), Reply: h.reply(class, code, h.on[class]), Level: level(class)}
	if class == ClassNoRule && out.Action == message.Accept {
		out.Result = ResultUnsigned
		if kind := smime.Secured(h.m); kind != smime.NotSecured { // by a device of its own key
			out.Result, h.attrs = ResultLeftAlone, append(h.attrs, slog.String("kind", string(kind)))
		}
	}
	out.Attrs = append(h.attrs, slog.String("class", string(class)), slog.String("code", code), slog.String("reason", reason))
	return out
}
