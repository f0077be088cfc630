// Package sender decides which mail gets whose signature, and signs it.
//
// [Sender] is a [message.Handler]: submitter and From are looked up in its
// rules (who may use a From, and which identity then signs), Date and
// Message-ID are added when missing, and the message is signed by package
// smime. Who may sign as whom is always decided by an authenticated fact,
// never by the header alone.
//
// Where readers do not understand From alike (several addresses, or a value that breaks the grammar
// and in which not all find the same one, [message.ParseFrom]) nothing is signed, and the message
// is refused if a rule names any address that some of them may be shown as the author
// ([message.Shown]). So it is where a display name or comment in From, which many readers show
// alone, holds an address that a rule names and does not permit to the submitter.
//
// The rules for other addresses than From: an address in Sender, Resent-From or
// Resent-Sender never chooses the identity, but where a rule names it the submitter must be one who
// may use it as From; so with the envelope sender of a message without From, for which MTAs write
// one. The null sender may sign like any other envelope sender (Rule.MailFrom can exclude it),
// except that delivery reports are left alone. What is signed or encrypted already is left alone,
// unless the rule says Again. [Sender] always removes header fields X-Dnseal-*, and obeys them only
// from Options.Control. So are results of Options.AuthservID: a submitter could forge them (RFC
// 8601, Section 5).
//
// What prevents a signature is of a class (the Class constants), and Options.On says what is done
// then. A fault of the message itself ([ClassMalformed]) is refused for good, with its
// place; what can pass by itself, as a key that is not available, is deferred. The attributes of an
// Outcome say in which form a message was signed, why it is opaque where that was not asked for,
// which header fields have no protected copy, which part some systems change on the way (fragile),
// and that the signing time was left out, because Date is another (signing-time).
//
// [SignMessage] signs without rules, for programs whose user owns the keys, and removes no field.
//
// Standards: RFC 6409 (submission), RFC 5322 (originator fields), RFC 8551 (S/MIME), RFC 9788
// (header protection).
//
// The decision is in policy.go, a rule in rule.go, who a submitter is in submitters.go; the
// signature in sign.go, the forms of a message in form.go and compose.go; classes in actions.go.
//
// # Limitations
//
// It authenticates no submitter: the caller must fill [message.Submitter] with proven facts alone.
// It does not encrypt, and it does not sign with DKIM. That a record is published when the message
// is signed does not mean that it still is when the message is read. An address that no rule names
// is not protected: any submitter may write as it.
package sender

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"dnseal/lookup"
	"dnseal/lookup/dnssec"
	"dnseal/sender/identity"
	"dnseal/smime"
	"dnseal/smime/message"
)

// Options configure a Sender. Identities is required; the zero value of all others is safe.
type Options struct {
	// Identities returns an identity by canonical name. Required.
	Identities func(name string) (*identity.Identity, error)
	// Rules in the order they are tried; without any no mail is signed.
	Rules []Rule
	// Opaque makes application/pkcs7-mime (RFC 8551, Section 3.5.2) where neither rule, recipient
	// nor control field says otherwise.
	Opaque bool
	// OpaqueFor and PlainFor are recipients (addresses, stars) who get the opaque form, or no
	// signature at all. Where the envelope allows but one form (message.Envelope.OneForm),
	// recipients of different ones all get the clear one.
	OpaqueFor, PlainFor []string
	// NoHeaderProtection leaves out RFC 9788 header protection.
	NoHeaderProtection bool
	// FullSelfCheck also verifies the signature values of what was made.
	FullSelfCheck bool
	// SignReports signs delivery reports (multipart/report, RFC 6522, from the null sender) too.
	SignReports bool
	// Control lists submitters ("user:", "tls:", "net:", as in Rule.Who) whose X-Dnseal-Sign field
	// is listened to: "no", "clear" or "opaque".
	Control []string
	// MaxBytes is the largest message that is signed; 0: no limit.
	MaxBytes int64
	// On maps classes to actions (accept, reject, defer); missing: DefaultActions.
	On map[Class]message.Action
	// Lookup checks that our own record is published before signing; nil: not checked.
	Lookup lookup.Resolver
	// Limits of the DNS work for that check.
	Limits dnssec.Limits
	// AuthservID is the name by which verifiers of this security domain sign their
	// Authentication-Results: fields that claim to be by it are removed from what is handed in,
	// signed or not (RFC 8601, Section 5). Empty: none is.
	AuthservID string
	// Hostname for Message-ID (RFC 5322, Section 3.6.4); empty: the From domain.
	Hostname string
	// Now is the clock; nil: time.Now.
	Now func() time.Time
}

// Sender signs by rule. Safe for concurrent use.
type Sender struct {
	opts                Options
	rules               []*rule
	on                  map[Class]message.Action
	control             submitters
	opaqueFor, plainFor []message.Pattern
}

var _ message.Handler = (*Sender)(nil)

// New checks the options and returns a Sender. Errors name the rule (counted from 1) or option that
// makes no sense.
func New(opts Options) (*Sender, error) {
	if opts.Identities == nil {
		return nil, errors.New("sender: no source of identities")
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	s := &Sender{opts: opts}
	for i, r := range opts.Rules {
		parsed, err := parseRule(r)
		if err != nil {
			return nil, fmt.Errorf("sender: rule %d: %w", i+1, err)
		}
		s.rules = append(s.rules, parsed)
	}
	if !message.IsAuthservID(opts.AuthservID) {
		return nil, fmt.Errorf("sender: authserv-id %q: it may hold letters, digits, dots, hyphens and underscores only", opts.AuthservID)
	}
	var err error
	if s.on, err = actions(opts.On); err != nil {
		return nil, err
	}
	if s.control, err = parseSubmitters(opts.Control); err != nil {
		return nil, fmt.Errorf("sender: control: %w", err)
	}
	if s.opaqueFor, err = parseAddresses(opts.OpaqueFor); err != nil {
		return nil, fmt.Errorf("sender: opaque recipients: %w", err)
	}
	if s.plainFor, err = parseAddresses(opts.PlainFor); err != nil {
		return nil, fmt.Errorf("sender: plain recipients: %w", err)
	}
	return s, nil
}

// Words of Outcome.Result that are no class.
const (
	ResultSigned = "signed"
	// ResultUnsigned: no rule asks for a signature, or recipient or control field for none
	ResultUnsigned  = "unsigned"
	ResultLeftAlone = "left-alone" // signed, encrypted or a delivery report
)

// Handle implements [message.Handler]. Result is one of the words above, or the class that kept the
// message from being signed; Attrs say why.
func (s *Sender) Handle(ctx context.Context, m *message.Message, env *message.Envelope) *message.Outcome {
	pass, attrs := s.clean(m)
	req := originators(m, env)
	d := decide(s.rules, req)
	attrs = append(attrs, slog.String("from", req.fromText()))
	if d.class != "" {
		return s.stop(d.class, d.code, d.reason, pass, attrs)
	}
	attrs = append(attrs, slog.String("identity", d.identity))
	if s.opts.MaxBytes > 0 && m.Size() > s.opts.MaxBytes {
		return s.stop(ClassTooBig, "too-big", fmt.Sprintf("%d bytes, at most %d are signed", m.Size(), s.opts.MaxBytes), pass, attrs)
	}
	if kind := s.leaveAlone(m, env, d.rule); kind != "" {
		return &message.Outcome{Action: message.Accept, Edit: pass, Result: ResultLeftAlone, Attrs: append(attrs, slog.String("kind", kind))}
	}
	gs := groups(env.Rcpt, s.mainForm(m, env, d.rule), s.opaqueFor, s.plainFor)
	if len(gs) > 1 && env.OneForm {
		// RFC 8551, Section 3.5.1: the one that every reader shows.
		gs = []group{{form: FormClear, rcpt: env.Rcpt}}
	}
	if len(gs) == 1 && gs[0].form == unsigned {
		return &message.Outcome{Action: message.Accept, Edit: pass, Result: ResultUnsigned, Attrs: append(attrs, slog.String("code", "opted-out"))}
	}
	return s.sign(ctx, m, pass, d, gs, attrs)
}

// leaveAlone says as what a message is left alone, or "".
func (s *Sender) leaveAlone(m *message.Message, env *message.Envelope, r *rule) string {
	if kind := smime.Secured(m); kind != smime.NotSecured && !r.again {
		return string(kind)
	}
	if !s.opts.SignReports && isReport(m, env) {
		return "report"
	}
	return ""
}

// mainForm is the form for recipients nothing else is said about.
func (s *Sender) mainForm(m *message.Message, env *message.Envelope, r *rule) Form {
	if s.control.match(env.Submitter) {
		if f := controlForm(m); f != FormDefault {
			return f
		}
	}
	switch {
	case r.form != FormDefault:
		return r.form
	case s.opts.Opaque:
		return FormOpaque
	}
	return FormClear
}

// sign loads the identity, checks that it is published, and signs one form after the other.
func (s *Sender) sign(ctx context.Context, m *message.Message, pass *message.Edit, d decision, gs []group, attrs []slog.Attr) *message.Outcome {
	id, err := s.opts.Identities(d.identity)
	if err != nil {
		if reason := s.inAnotherCase(d.identity, err); reason != "" {
			return s.stop(ClassNotAllowed, codeLocalPartCase, reason, pass, attrs)
		}
		return s.stop(ClassSignFailed, "no-identity", err.Error(), pass, attrs)
	}
	if code, reason := s.unpublished(ctx, id); code != "" {
		return s.stop(ClassKeyNotPublished, code, reason, pass, attrs)
	}
	now := s.opts.Now()
	host := cmp.Or(s.opts.Hostname, d.from.Domain)
	// RFC 6409, Sections 8.2 and 8.3.
	pre := &message.Edit{Changes: slices.Concat(pass.Changes, message.MissingFields(m, host, now))}
	prepared, err := apply(m, pre)
	if err != nil {
		return s.stop(ClassInternalError, "prepare", err.Error(), pass, attrs)
	}
	if prepared != m {
		defer release(prepared)
	}
	out := &message.Outcome{Action: message.Accept, Result: ResultSigned}
	fs := &forms{opts: &s.opts, m: m, prepared: prepared, pre: pre, id: id, rule: d.rule, now: now}
	for i, g := range gs {
		edit, err := fs.edit(ctx, g.form)
		if err != nil {
			return s.failed(errors.Join(err, out.Close()), pass, attrs)
		}
		if i == 0 {
			out.Edit = edit
		} else {
			out.Forms = append(out.Forms, message.Form{Rcpt: g.rcpt, Edit: edit})
		}
	}
	out.Attrs = append(attrs, formAttrs(fs.results)...)
	return out
}

// inAnotherCase says that there is an identity whose local part is that of name in another case, by
// the error for name, or by looking for the one in lower case; "" where there is none.
// RFC 5321, Section 2.4: the case counts, and many users do not know it.
func (s *Sender) inAnotherCase(name string, err error) string {
	const text = "the identity is %s, From says %s, and local parts are compared letter by letter"
	if other, ok := errors.AsType[*identity.OtherCaseError](err); ok {
		return fmt.Sprintf(text, other.Other, name)
	}
	a, err := message.ParseAddress(name)
	lower := message.Address{Local: strings.ToLower(a.Local), Domain: a.Domain}
	if err != nil || lower == a {
		return ""
	}
	if _, err := s.opts.Identities(lower.String()); err != nil {
		return ""
	}
	return fmt.Sprintf(text, lower, name)
}

// forms makes the forms of one message.
type forms struct {
	opts        *Options
	m, prepared *message.Message // as it came, and with all its fields
	pre         *message.Edit    // what makes the one of the other
	id          *identity.Identity
	rule        *rule
	now         time.Time
	results     []smime.SignResult // of those that are signed
}

// edit returns the edit of m that gives one form.
func (fs *forms) edit(ctx context.Context, f Form) (*message.Edit, error) {
	if f == unsigned {
		return fs.pre, nil
	}
	var result smime.SignResult
	edit, err := signPrepared(ctx, fs.prepared, []*identity.Identity{fs.id}, smime.SignOptions{
		Time: fs.now, Opaque: f == FormOpaque, NoHeaderProtection: fs.opts.NoHeaderProtection, FullSelfCheck: fs.opts.FullSelfCheck,
		RefuseOpaque: fs.rule.refuseOpaque && f != FormOpaque, Again: fs.rule.again, Result: &result,
	})
	if err != nil {
		return nil, err
	}
	fs.results = append(fs.results, result)
	return compose(fs.m, fs.pre, edit), nil
}

// failed is the outcome when signing returned err.
func (s *Sender) failed(err error, pass *message.Edit, attrs []slog.Attr) *message.Outcome {
	if out := s.malformed(err, pass, attrs); out != nil {
		return out
	}
	switch {
	case errors.Is(err, message.ErrTooBig):
		return s.stop(ClassTooBig, "too-big", err.Error(), pass, attrs)
	case errors.Is(err, smime.ErrAlreadySecured):
		return &message.Outcome{Action: message.Accept, Edit: pass, Result: ResultLeftAlone, Attrs: append(attrs, slog.String("kind", "secured"))}
	case errors.Is(err, smime.ErrSelfCheck):
		return s.stop(ClassInternalError, "self-check", err.Error(), pass, attrs)
	}
	return s.stop(ClassSignFailed, "sign-failed", err.Error(), pass, attrs)
}

// stop is the outcome for a message that is not signed because of a class.
func (s *Sender) stop(class Class, code, reason string, pass *message.Edit, attrs []slog.Attr) *message.Outcome {
	out := &message.Outcome{Action: s.on[class], Edit: pass, Result: string(class), Reply: replyTo(class, code, s.on[class]), Level: level(class)}
	if class == ClassNoRule && out.Action == message.Accept {
		out.Result = ResultUnsigned
	}
	out.Attrs = append(attrs, slog.String("class", string(class)), slog.String("code", code), slog.String("reason", reason))
	return out
}
