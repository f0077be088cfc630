package sender

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"dnseal/smime/message"
)

// Rule says who may use a From and which identity then signs
// ([[sign.rule]] in the configuration). The first whose Who, From and MailFrom match applies.
//
// A rule also protects: no other submitter may use an address that its From names, in whatever case
// the local part is written.
//
// Placeholders in From and Identity stand for what this submitter has proven, so that one rule
// serves many: "{user}" for the SASL user name, where a "user:" entry of Who names it; "{tls}" for
// the name of a TLSA client, where a "tls:" entry names it; "{label}" for the first label of that
// name. "{user}@example.org" is for user names that are local parts, "{user}" alone for those that
// are whole addresses; Who must then name their domains ("user:*@example.org"). A user name is
// compared letter by letter, as a local part is. One that is no local part or address as it stands
// (with quotation marks, comments, spaces, an @ too many, or not in NFC) matches nothing. For
// "{label}" all names in Who must have one parent, which is written without stars. All addresses
// that a placeholder can stand for, by Who, are protected.
type Rule struct {
	// Who lists submitters by what an entry point has proven: "user:NAME" (SASL), "tls:NAME" (TLSA
	// client), "net:CIDR" (RFC 4632, Section 3.1) or "net:ADDRESS". Stars in names stand for any
	// characters.
	Who []string
	// From lists addresses; a star stands for any characters on its side of the @. "{user}" is an
	// address or a local part, "{tls}" and "{label}" are a local part or of the domain.
	From []string
	// MailFrom lists envelope senders that may go with this rule, like From; "<>" is the null
	// sender (RFC 5321, Section 4.5.5). Empty: any.
	MailFrom []string
	// Identity is "{from}", the identity of the From address, or the name of one, which may have
	// placeholders: "{tls}", "{label}@example.net", "{user}@example.org". Empty: "{from}".
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
	number    int // place among the rules, from 1
	who       submitters
	from      []message.Pattern
	templates []addressTemplate // of From
	guards    []message.Pattern // what the templates can name, for anybody in who
	mailFrom  []message.Pattern
	null      bool // the null sender may go with it
	anyMail   bool // any envelope sender may
	identity  signer
	form      Form
	// see Rule
	refuseOpaque, again bool
}

func parseRule(r Rule) (*rule, error) {
	if len(r.Who) == 0 || len(r.From) == 0 {
		return nil, errors.New("who and from must both be given")
	}
	out := &rule{anyMail: len(r.MailFrom) == 0, form: r.Form, refuseOpaque: r.RefuseOpaque, again: r.Again}
	var err error
	if out.who, err = parseSubmitters(r.Who); err != nil {
		return nil, err
	}
	if err = out.parseFrom(r.From); err != nil {
		return nil, err
	}
	if err = out.parseMailFrom(r.MailFrom); err != nil {
		return nil, err
	}
	if !slices.Contains([]Form{FormDefault, FormClear, FormOpaque}, r.Form) {
		return nil, fmt.Errorf("unknown form %q: it is clear or opaque", r.Form)
	}
	if out.identity, err = parseSigner(cmp.Or(r.Identity, FromIdentity)); err != nil {
		return nil, err
	}
	return out, out.checkPlaceholders()
}

func (r *rule) parseFrom(list []string) error {
	for _, s := range list {
		if !hasPlaceholder(s) {
			p, err := parseAddresses([]string{s})
			if err != nil {
				return err
			}
			r.from = append(r.from, p...)
			continue
		}
		t, err := parseAddressTemplate(s)
		if err != nil {
			return err
		}
		r.templates = append(r.templates, t)
	}
	return nil
}

func (r *rule) parseMailFrom(list []string) error {
	for _, s := range list {
		if s == "<>" {
			r.null = true
			continue
		}
		p, err := parseAddresses([]string{s})
		if err != nil {
			return err
		}
		r.mailFrom = append(r.mailFrom, p...)
	}
	return nil
}

func parseAddresses(list []string) ([]message.Pattern, error) {
	var out []message.Pattern
	for _, s := range list {
		p, err := message.ParsePattern(s)
		if err == nil && hasPlaceholder(s) {
			err = fmt.Errorf("%q: placeholders stand in from and identity alone", clip(s))
		}
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
	if !r.who.match(req.who) {
		return false
	}
	v := r.values(req.who)
	return r.identity.possible(v) && (matchAny(r.from, a) || r.matchTemplates(v, a)) && r.permitsMailFrom(req)
}

// matchTemplates reports whether the address is one that this submitter's values make.
func (r *rule) matchTemplates(v values, a message.Address) bool {
	for _, t := range r.templates {
		// Only what is guarded against others counts. A guard is who in place of the placeholder,
		// and so names what the submitter's value makes; but a domain with stars and characters
		// that are not ASCII has no A-labels to compare with.
		if t.matches(v, a) && (!t.whole || isASCII(v.user) || foldAny(r.guards, a)) {
			return true
		}
	}
	return false
}

// permitsInAnotherCase reports whether permits would hold if the case of local parts did not
// matter.
func (r *rule) permitsInAnotherCase(req *request, a message.Address) bool {
	if !r.who.match(req.who) || !r.permitsMailFrom(req) {
		return false
	}
	v := r.values(req.who)
	for _, t := range r.templates {
		if t.foldsTo(v, a) {
			return r.identity.possible(v)
		}
	}
	return r.identity.possible(v) && foldAny(r.from, a)
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
func (r *rule) protects(a message.Address) bool { return foldAny(r.from, a) || foldAny(r.guards, a) }

func foldAny(ps []message.Pattern, a message.Address) bool {
	for _, p := range ps {
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
