package sender

import (
	"errors"
	"fmt"
	"slices"

	"dnseal/sender/identity"
	"dnseal/smime/message"
)

// Rule says who may use a From and which identity then signs
// ([[sign.rule]] in the configuration). The first whose Who, From and MailFrom match applies.
//
// A rule also protects: no other submitter may use an address that its From names, in whatever case
// the local part is written.
type Rule struct {
	// Who lists submitters by what an entry point has proven: "user:NAME" (SASL), "tls:NAME" (TLSA
	// client), "net:CIDR" (RFC 4632, Section 3.1) or "net:ADDRESS". Stars in names stand for any
	// characters.
	Who []string
	// From lists addresses; a star stands for any characters on its side of the @.
	From []string
	// MailFrom lists envelope senders that may go with this rule, like From; "<>" is the null
	// sender (RFC 5321, Section 4.5.5). Empty: any.
	MailFrom []string
	// Identity is "{from}", the identity of the From address, or the name of one. Empty: "{from}".
	Identity string
	// Form overrides Options.Opaque; FormDefault does not.
	Form Form
	// RefuseOpaque refuses (ClassMalformed) what is to be clear and holds a part that is signed
	// or encrypted already and would not survive transit, instead of making it opaque: it may
	// not be re-encoded.
	RefuseOpaque bool
	// Again signs also what is signed or encrypted already, around it (RFC 2634, Section 1.1).
	Again bool
}

// FromIdentity is the Rule.Identity that stands for the From address itself.
const FromIdentity = "{from}"

// rule is a parsed Rule.
type rule struct {
	who      submitters
	from     []message.Pattern
	mailFrom []message.Pattern
	null     bool // the null sender may go with it
	anyMail  bool // any envelope sender may
	identity string
	form     Form
	// see Rule
	refuseOpaque, again bool
}

func parseRule(r Rule) (*rule, error) {
	if len(r.Who) == 0 || len(r.From) == 0 {
		return nil, errors.New("who and from must both be given")
	}
	out := &rule{anyMail: len(r.MailFrom) == 0, identity: r.Identity, form: r.Form, refuseOpaque: r.RefuseOpaque, again: r.Again}
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
	if !slices.Contains([]Form{FormDefault, FormClear, FormOpaque}, r.Form) {
		return nil, fmt.Errorf("unknown form %q: it is clear or opaque", r.Form)
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

// protects reports whether the rule names the address, for any submitter.
// RFC 5321, Section 2.4: the case of a local part counts, and its use is discouraged.
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

func (r *rule) identityFor(from message.Address) string {
	if r.identity == FromIdentity {
		return from.String()
	}
	return r.identity
}
