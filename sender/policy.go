package sender

import (
	"fmt"
	"slices"
	"strings"

	"dnseal/smime/message"
)

// request is what a decision rests on.
type request struct {
	who      message.Submitter
	mailFrom string // RFC 5321, Section 4.1.1.2
	from     []message.Address
	fromErr  error
	// fields is the number of From fields, and shown are the authors that readers may show by
	// them.
	fields int
	shown  message.Shown
	// named are all addresses in From, those in display names and comments too: many readers
	// show nothing else.
	named []message.Address
	// also are the addresses of Sender, Resent-From and Resent-Sender (RFC 5322, Sections 3.6.2 and
	// 3.6.6), and without a From the envelope sender. They choose no identity, but a protected one
	// may only be used by a submitter that a rule permits to use it as From. alsoCut says that
	// not all of them could be looked at.
	also    []message.Address
	alsoCut bool
}

// decision is what the rules say to a request: sign, or a class of Options.On.
type decision struct {
	rule     *rule
	from     message.Address // that the rule permits
	identity string
	class    Class // ClassNoRule or ClassNotAllowed; empty: sign by rule
	code     string
	reason   string
}

// Codes of decisions whose cause the submitter learns.
const (
	codeBadFrom       = "bad-from"
	codeSeveralFrom   = "several-from"
	codeLocalPartCase = "local-part-case"
)

// decide is the table of who may sign as whom (RFC 6409, Sections 6 and 8.1): a pure function.
func decide(rules []*rule, req *request) decision {
	if code, reason := refused(rules, req); code != "" {
		return decision{class: ClassNotAllowed, code: code, reason: reason}
	}
	if code, reason := req.unclear(); code != "" {
		d := undecided(rules, req, code, reason)
		d.code = code
		return d
	}
	if len(req.from) == 0 {
		return undecided(rules, req, "no-from", "the message has no From")
	}
	from := req.from[0]
	for _, r := range rules {
		if r.permits(req, from) {
			return decision{rule: r, from: from, identity: r.identity.name(r.values(req.who), from)}
		}
	}
	if code, reason := protected(rules, req, from); code != "" {
		return decision{class: ClassNotAllowed, code: code, reason: reason}
	}
	return undecided(rules, req, "no-rule", fmt.Sprintf("no rule names %s", from))
}

// protected says why the From address may not be used by a submitter to whom no rule permits it,
// where some rule names it.
func protected(rules []*rule, req *request, from message.Address) (code, reason string) {
	for _, r := range rules {
		if !r.protects(from) {
			continue
		}
		// RFC 5321, Section 2.4.
		if r.permitsInAnotherCase(req, from) {
			return codeLocalPartCase, fmt.Sprintf("a rule names %s in another case, and local parts are compared letter by letter", from)
		}
		code, reason = "from-not-allowed", fmt.Sprintf("a rule names %s, and no rule lets this submitter use it", from)
	}
	return code, reason
}

// undecided is not-allowed for a submitter whom some rule names, else no-rule.
func undecided(rules []*rule, req *request, code, reason string) decision {
	for _, r := range rules {
		if r.who.named(req.who) {
			return decision{class: ClassNotAllowed, code: "submitter-not-allowed", reason: reason + ", and a rule names this submitter"}
		}
	}
	return decision{class: ClassNoRule, code: code, reason: reason}
}

// unclear says why there is not exactly one author, or "".
func (r *request) unclear() (code, reason string) {
	switch {
	case r.fromErr != nil:
		return codeBadFrom, fmt.Sprintf("the From cannot be read: %v", r.fromErr)
	// RFC 5322, Section 3.6.2 allows several, of which readers show any.
	case len(r.from) > 1:
		return codeSeveralFrom, fmt.Sprintf("the message has %d From addresses", len(r.from))
	// RFC 5322, Section 3.6.
	case r.fields > 1:
		return codeSeveralFrom, fmt.Sprintf("the message has %d From fields", r.fields)
	}
	return "", ""
}

// refused finds what no rule can allow: a protected address in a From that readers do not
// understand alike, or in another field.
// RFC 5322, Sections 3.6.2 and 3.6.6.
func refused(rules []*rule, req *request) (code, reason string) {
	if code, reason := req.unclear(); code != "" {
		if shown := ruled(rules, req.shown); shown != "" {
			return code, reason + ", and readers may see " + shown + ", which a rule names"
		}
	} else if a, ok := req.another(rules); ok {
		return codeBadFrom, fmt.Sprintf("readers may see %s as the author: a rule names it, and no rule lets this submitter use it", a)
	}
	if req.alsoCut {
		return "bad-sender", "the Sender or a Resent field is too long to be read"
	}
	for _, a := range req.also {
		if protectedFrom(rules, req, a) {
			return "sender-not-allowed", fmt.Sprintf("%s is in Sender, in a Resent field or in place of a missing From: a rule names it, and no rule lets this submitter use it", a)
		}
	}
	return "", ""
}

// ruled returns what some rule names of what may be shown, or "".
func ruled(rules []*rule, shown message.Shown) string {
	if shown.Cut {
		return "any address"
	}
	for _, a := range shown.Addresses {
		for _, r := range rules {
			if r.protects(a) {
				return a.String()
			}
		}
	}
	return ""
}

// another returns a protected address that readers may show as the author in place of the one in
// From.
func (r *request) another(rules []*rule) (message.Address, bool) {
	for _, a := range slices.Concat(r.shown.Addresses, r.named) {
		same := len(r.from) == 1 && a.Domain == r.from[0].Domain && strings.EqualFold(a.Local, r.from[0].Local)
		if !same && protectedFrom(rules, r, a) {
			return a, true
		}
	}
	return message.Address{}, r.shown.Cut
}

// protectedFrom reports whether some rule names the address and none permits it to this submitter.
func protectedFrom(rules []*rule, req *request, a message.Address) bool {
	protected := false
	for _, r := range rules {
		if r.permits(req, a) {
			return false
		}
		protected = protected || r.protects(a)
	}
	return protected
}
