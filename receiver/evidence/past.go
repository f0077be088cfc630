package evidence

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"dnseal/lookup"
	"dnseal/lookup/dane"
	"dnseal/lookup/dnssec"
	"dnseal/receiver"
)

// Past finds what was kept about a message, for receiver.Options.Past. Where there is nothing, no
// lookup is answered, and the message is a temperror, no-evidence.
func (a *Archive) Past(_ context.Context, d receiver.Digests) *receiver.Past {
	f, line, m, err := a.find(d)
	switch {
	case err != nil:
		return &receiver.Past{Lookup: nothing{codeUnreadable, err.Error()}}
	case m == nil && len(a.lacking) > 0:
		return &receiver.Past{Lookup: nothing{codeUnreadable, "evidence that came with the message cannot be used: " + a.lacked()}}
	case m == nil:
		return &receiver.Past{Lookup: nothing{codeNone, "there is no evidence about this message: " + a.searched() + " holds none of its signatures"}}
	}
	p := &past{archive: a, file: f, message: m, at: m.CheckedAt}
	if !a.opts.At.IsZero() {
		p.at, p.other = a.opts.At, true
	}
	policy := p.policy()
	e := &receiver.EvidenceReport{
		File: f.name, Line: int(line), CheckedAt: m.CheckedAt, Verdict: receiver.Verdict(m.Verdict), Code: receiver.Code(m.Code),
		Sealed: f.seal != nil, Identical: m.SHA256 != "" && d.Message == m.SHA256 && d.Size == m.Size,
	}
	a.witness(f, e)
	return &receiver.Past{
		Lookup: p, At: p.at, Saved: policy.Saved, Evidence: e,
		Conclude: func(r *receiver.Report) { e.Notes = append(e.Notes, p.differs(r, e, policy)...) },
	}
}

// searched names what was searched.
func (a *Archive) searched() string {
	if len(a.files) == 1 {
		return a.files[0].name
	}
	return fmt.Sprintf("none of %d files", len(a.files))
}

// Lack tells an archive of evidence that it should hold, and that cannot be used for the reason
// given: a message of which it holds nothing may have been in that, and is evidence-unreadable
// instead of no-evidence. Past must not be called meanwhile.
func (a *Archive) Lack(why string) { a.lacking = append(a.lacking, why) }

func (a *Archive) lacked() string {
	if n := len(a.lacking) - 1; n > 0 {
		return fmt.Sprintf("%s; and %d more", a.lacking[0], n)
	}
	return a.lacking[0]
}

// Codes of lookups that the evidence does not answer.
const (
	codeNone       = dnssec.Code(receiver.CodeNoEvidence)
	codeTime       = dnssec.Code(receiver.CodeEvidenceTime)
	codeAnchor     = dnssec.Code(receiver.CodeEvidenceAnchor)
	codeUnreadable = dnssec.Code(receiver.CodeEvidenceUnreadable)
)

// nothing answers no lookup.
type nothing struct {
	code   dnssec.Code
	reason string
}

func (n nothing) Lookup(_ context.Context, name string, t dane.Type) *lookup.Result {
	return unknown(name, t, n.code, n.reason)
}

func (n nothing) LookupFresh(ctx context.Context, name string, t dane.Type) *lookup.Result {
	return n.Lookup(ctx, name, t)
}

func unknown(name string, t dane.Type, code dnssec.Code, reason string) *lookup.Result {
	return &lookup.Result{Name: name, Type: t, Code: code, Reason: reason, Answer: new(dnssec.Answer)}
}

// past answers the lookups of one message by what was kept. It is safe for concurrent use.
type past struct {
	archive *Archive
	file    *file
	message *Message
	at      time.Time
	other   bool // at is not when the message was checked
}

// LookupFresh implements lookup.Resolver: nothing is fresher than what was kept.
func (p *past) LookupFresh(ctx context.Context, name string, t dane.Type) *lookup.Result {
	return p.Lookup(ctx, name, t)
}

// Lookup implements lookup.Resolver.
func (p *past) Lookup(_ context.Context, name string, t dane.Type) *lookup.Result {
	for _, ref := range p.message.Lookups {
		l, err := p.archive.answers.lookup(p.file, ref)
		if err != nil {
			return unknown(name, t, codeUnreadable, err.Error())
		}
		if l.Name == name && l.Type == t.String() {
			return p.answer(ref, l, name, t)
		}
	}
	return unknown(name, t, codeNone, fmt.Sprintf("the evidence about this message has no answer about %s %s", name, t))
}

// strangeAnchors says that a result is no better because the evidence rests on trust anchors of
// others, or "".
func (p *past) strangeAnchors(res *lookup.Result) string {
	if res.Status == dnssec.Secure || res.Status == dnssec.Insecure {
		return ""
	}
	r, err := p.archive.answers.record(p.file, p.message.Anchors)
	if err != nil || r.Anchors == nil {
		return "the evidence does not say on which trust anchors it rests"
	}
	ours := p.archive.opts.Anchors.At(p.at).Records()
	for _, theirs := range r.Anchors {
		if slices.Contains(ours, theirs) {
			return ""
		}
	}
	return fmt.Sprintf("the evidence rests on other trust anchors (%s) than were valid here on %s (%s)", short3(r.Anchors), p.at.UTC().Format(time.DateOnly), short3(ours))
}

// short3 names the first anchors by their first fields.
func short3(anchors []string) string {
	var out []string
	for _, a := range anchors {
		fields := strings.Fields(a)
		out = append(out, strings.Join(fields[:min(len(fields), 4)], " "))
		if len(out) == 3 {
			break
		}
	}
	if len(out) == 0 {
		return "none"
	}
	return strings.Join(out, ", ")
}

// How far before the check of a message a lookup may have been made that was used for it, and how
// far clocks may differ. Answers are cached for an hour by default.
const (
	maxCached = 25 * time.Hour
	maxSkew   = 5 * time.Minute
)

// answer validates one lookup as of the time of p. Where that is when the message was checked it is
// validated as of when it was made, as it was then.
func (p *past) answer(ref string, l *Lookup, name string, t dane.Type) *lookup.Result {
	at := l.At
	switch {
	case p.other:
		at = p.at
	case l.At.Before(p.at.Add(-maxCached)), l.At.After(p.at.Add(maxSkew)):
		return unknown(name, t, codeTime, fmt.Sprintf("the evidence about %s is of %s, and the message was checked on %s", name, stamp(l.At), stamp(p.at)))
	case len(l.Sets) == 0:
		return unanswered(l, name, t)
	}
	if len(l.Sets) == 0 {
		return unanswered(l, name, t)
	}
	r := p.archive.answers.validate(p.archive, p.file, ref, l, at)
	if why := p.strangeAnchors(r); why != "" {
		return unknown(name, t, codeAnchor, why)
	}
	if !outOfTime(r) && !p.tooLate(r) {
		return r
	}
	then := r
	if p.other {
		then = p.archive.answers.validate(p.archive, p.file, ref, l, l.At)
	}
	switch {
	case then.Status == dnssec.Secure || then.Status == dnssec.Insecure:
	case string(r.Code) == l.Code: // it was so then
		return r
	default:
		return unknown(name, t, codeTime, fmt.Sprintf("the evidence about %s is of another time: its signatures do not hold on %s", name, stamp(p.at)))
	}
	return unknown(name, t, codeTime, fmt.Sprintf("the evidence about %s is of another time: its signatures hold from %s to %s, and not on %s",
		name, stamp(then.Answer.Inception), stamp(then.Answer.Expiration), stamp(p.at)))
}

func outOfTime(r *lookup.Result) bool {
	return r.Code == dnssec.CodeExpired || r.Code == dnssec.CodeNotYetValid || r.Code == dnssec.CodeClock
}

// tooLate reports whether signatures that held when the lookup was made no longer did when the
// message was checked.
func (p *past) tooLate(r *lookup.Result) bool {
	if p.other || r.Status != dnssec.Secure && r.Status != dnssec.Insecure || r.Answer.Expiration.IsZero() {
		return false
	}
	return p.at.After(r.Answer.Expiration.Add(maxSkew)) || p.at.Before(r.Answer.Inception.Add(-maxSkew))
}

// unanswered is a lookup that was not answered then, or whose answer was only believed.
func unanswered(l *Lookup, name string, t dane.Type) *lookup.Result {
	if l.Status == dnssec.Indeterminate.String() {
		return unknown(name, t, codeOf(l.Code), fmt.Sprintf("%s was not answered on %s either", name, stamp(l.At)))
	}
	return unknown(name, t, codeNone, fmt.Sprintf("the answer about %s on %s was the resolver's word: nothing of it was kept that proves it", name, stamp(l.At)))
}

// codeOf is a code that a file holds, where it looks like one.
func codeOf(text string) dnssec.Code {
	if text == "" || len(text) > 40 || strings.Trim(text, "abcdefghijklmnopqrstuvwxyz0123456789-:") != "" {
		return codeNone
	}
	return dnssec.Code(text)
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
