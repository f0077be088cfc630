package sender

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"dnseal/sender/identity"
	"dnseal/smime/message"
)

// Rule says who may use a From and which identity then signs
// ([[sign.rule]] in the configuration). The first whose Who, From and MailFrom match applies.
//
// A rule also protects: nobody else may use an address that some rule's From
// names, in whatever case its local part is written.
type Rule struct {
	// Who lists submitters by what a door has proven: "user:NAME" (SASL), "tls:NAME" (TLSA client),
	// "net:CIDR" or "net:ADDRESS". Stars in names stand for any characters.
	Who []string
	// From lists addresses; a star stands for any characters on its side of the @.
	From []string
	// MailFrom lists envelope senders that may go with this rule, like From; "<>" is the null
	// sender. Empty: any.
	MailFrom []string
	// Identity is "{from}", the identity of the From address, or the name of one. Empty: "{from}".
	Identity string
	// Form overrides Options.Opaque: "", "clear" or "opaque".
	Form string
	// RefuseOpaque refuses (ClassMalformed) what is to be clear and holds a part that is signed
	// or encrypted already and would not survive transit, instead of making it opaque: it may
	// not be re-encoded.
	RefuseOpaque bool
	// Again signs also what is signed or encrypted already, around it (RFC 2634, Section 1.1).
	Again bool
}

// FromIdentity is the Rule.Identity that stands for the From address itself.
const FromIdentity = "{from}"

// submitters is a parsed list of "user:", "tls:" and "net:" entries.
type submitters struct {
	users []string
	names []message.Pattern
	nets  []netip.Prefix
}

func parseSubmitters(list []string) (submitters, error) {
	var s submitters
	for _, entry := range list {
		kind, value, _ := strings.Cut(entry, ":")
		var err error
		switch {
		case value == "":
			err = errors.New("write user:NAME, tls:NAME, net:ADDRESS or net:CIDR")
		case kind == "user" && strings.HasPrefix(value, "!"):
			err = errors.New("there is no negation; list only who is meant")
		case kind == "user":
			s.users = append(s.users, value)
		case kind == "tls":
			var p message.Pattern
			if p, err = message.ParsePattern(value); err == nil {
				s.names = append(s.names, p)
			}
		case kind == "net":
			var p netip.Prefix
			if p, err = parseNet(value); err == nil {
				s.nets = append(s.nets, p)
			}
		default:
			err = errors.New("neither user:, tls: nor net: stands before it")
		}
		if err != nil {
			return submitters{}, fmt.Errorf("submitter %q: %w", entry, err)
		}
	}
	return s, nil
}

var errNet = errors.New("neither an address nor a network: write 192.0.2.1 or 192.0.2.0/24")

// parseNet reads "192.0.2.0/24" or "192.0.2.1".
func parseNet(s string) (netip.Prefix, error) {
	if !strings.Contains(s, "/") {
		addr, err := netip.ParseAddr(s)
		if err != nil {
			return netip.Prefix{}, errNet
		}
		return netip.PrefixFrom(addr.Unmap(), addr.Unmap().BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return netip.Prefix{}, errNet
	}
	if p != p.Masked() {
		err = fmt.Errorf("%s has bits set after its length: write %s", p, p.Masked())
	}
	return p, err
}

// named reports whether the list names the submitter by user: or tls:.
func (s submitters) named(who message.Submitter) bool {
	if who.User != "" {
		for _, u := range s.users {
			if message.Glob(u, who.User) {
				return true
			}
		}
	}
	for _, p := range s.names {
		if who.TLSName != "" && p.MatchName(who.TLSName) {
			return true
		}
	}
	return false
}

// match reports whether the list names the submitter by anything.
func (s submitters) match(who message.Submitter) bool {
	if s.named(who) {
		return true
	}
	for _, n := range s.nets {
		if who.Addr.IsValid() && n.Contains(who.Addr.Unmap()) {
			return true
		}
	}
	return false
}

// rule is a parsed Rule.
type rule struct {
	who      submitters
	from     []message.Pattern
	mailFrom []message.Pattern
	null     bool // the null sender may go with it
	anyMail  bool // any envelope sender may
	identity string
	form     form
	// see Rule
	refuseOpaque, again bool
}

func parseRule(r Rule) (*rule, error) {
	if len(r.Who) == 0 || len(r.From) == 0 {
		return nil, errors.New("who and from must both be given")
	}
	out := &rule{anyMail: len(r.MailFrom) == 0, identity: r.Identity, refuseOpaque: r.RefuseOpaque, again: r.Again}
	var err error
	if out.who, err = parseSubmitters(r.Who); err != nil {
		return nil, err
	}
	if out.from, err = parseAddresses(r.From); err != nil {
		return nil, err
	}
	for _, s := range r.MailFrom {
		if s == "<>" {
			out.null = true
			continue
		}
		var p []message.Pattern
		if p, err = parseAddresses([]string{s}); err != nil {
			return nil, err
		}
		out.mailFrom = append(out.mailFrom, p...)
	}
	if out.form, err = parseForm(r.Form); err != nil {
		return nil, err
	}
	if out.identity == "" {
		out.identity = FromIdentity
	}
	if out.identity != FromIdentity {
		if _, out.identity, err = identity.ParseName(out.identity); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func parseAddresses(list []string) ([]message.Pattern, error) {
	var out []message.Pattern
	for _, s := range list {
		p, err := message.ParsePattern(s)
		if err == nil && !p.IsAddress() {
			err = fmt.Errorf("%q is no mail address: write *@%s for all addresses of a domain", s, s)
		}
		if err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, nil
}

// permits reports whether the rule lets who use the address in the header, with this envelope
// sender.
func (r *rule) permits(req *request, a message.Address) bool {
	return r.who.match(req.who) && matchAny(r.from, a) && r.permitsMailFrom(req)
}

func (r *rule) permitsMailFrom(req *request) bool {
	switch {
	case r.anyMail:
		return true
	case req.mailFrom == "":
		return r.null
	}
	a, err := message.ParseAddress(req.mailFrom)
	return err == nil && matchAny(r.mailFrom, a)
}

// protects reports whether the rule names the address, for whomever.
func (r *rule) protects(a message.Address) bool {
	for _, p := range r.from {
		if p.FoldsTo(a) {
			return true
		}
	}
	return false
}

func matchAny(ps []message.Pattern, a message.Address) bool {
	for _, p := range ps {
		if p.MatchAddress(a) {
			return true
		}
	}
	return false
}

// request is what a decision rests on.
type request struct {
	who      message.Submitter
	mailFrom string
	from     []message.Address
	fromErr  error
	// fields is how many From fields there are, and shown whom a reader may take for the author
	// by them.
	fields int
	shown  message.Shown
	// named are all addresses in From, those in display names and comments too: many readers
	// show nothing else.
	named []message.Address
	// also are the addresses of Sender, Resent-From and Resent-Sender, and without a From the
	// envelope sender. They choose no identity, but a protected one may only be used by whom a
	// rule permits to use it as From. alsoCut says that not all of them could be looked at.
	also    []message.Address
	alsoCut bool
}

// decision is what the rules say to a request: sign, or a class of Options.On.
type decision struct {
	rule     *rule
	identity string
	class    Class // ClassNoRule or ClassNotAllowed; empty: sign by rule
	code     string
	reason   string
}

// Codes of decisions whose cause the submitter is told.
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
			return decision{rule: r, identity: r.identityFor(from)}
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
		if r.who.match(req.who) && r.permitsMailFrom(req) {
			return codeLocalPartCase, fmt.Sprintf("a rule names %s in another case, and local parts count letter by letter", from)
		}
		code, reason = "from-not-allowed", fmt.Sprintf("a rule names %s, and none lets this submitter use it", from)
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

// unclear says why the one author cannot be told, or "".
func (r *request) unclear() (code, reason string) {
	switch {
	case r.fromErr != nil:
		return codeBadFrom, fmt.Sprintf("the From cannot be read: %v", r.fromErr)
	case len(r.from) > 1:
		return codeSeveralFrom, fmt.Sprintf("the message has %d From addresses", len(r.from))
	case r.fields > 1:
		return codeSeveralFrom, fmt.Sprintf("the message has %d From fields", r.fields)
	}
	return "", ""
}

// refused finds what no rule can allow: a protected address in a From that readers do not
// understand alike, or in another field.
func refused(rules []*rule, req *request) (code, reason string) {
	if code, reason := req.unclear(); code != "" {
		if shown := ruled(rules, req.shown); shown != "" {
			return code, reason + ", and may show " + shown + ", which a rule names"
		}
	} else if a, ok := req.another(rules); ok {
		return codeBadFrom, fmt.Sprintf("readers may take %s for the author, which a rule names, and none lets this submitter use it", a)
	}
	if req.alsoCut {
		return "bad-sender", "the Sender or a Resent field is too long to be read"
	}
	for _, a := range req.also {
		if protectedFrom(rules, req, a) {
			return "sender-not-allowed", fmt.Sprintf("a rule names %s, which stands in Sender, a Resent field or for a missing From, and none lets this submitter use it", a)
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

// another returns a protected address that a person may take for the author in the place of the one
// in From.
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

func (r *rule) identityFor(from message.Address) string {
	if r.identity == FromIdentity {
		return from.String()
	}
	return r.identity
}
