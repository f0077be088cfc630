package sender

import (
	"slices"
	"strings"

	"dnseal/smime/message"
)

// Use says that a rule can sign with an identity.
type Use struct {
	Rule     int // its place in Options.Rules, counted from 1
	Identity string
	// Who and From are the submitters and addresses that lead to it: those of the rule, with what
	// its placeholders stand for where the identity tells.
	Who, From []string
}

// Uses returns what the rules can do with identities, given by their canonical names: in the order
// of the rules, and for each in that of names. That an earlier rule matches first, and what
// MailFrom asks for, does not count.
func (s *Sender) Uses(names []string) []Use {
	place := map[string]int{}
	for i, name := range names {
		place[name] = i
	}
	var out []Use
	for _, r := range s.rules {
		rule := Use{Rule: r.number, Who: r.who.all(), From: r.fromTexts(nil)}
		for _, i := range r.candidates(names, place) {
			rule.Identity = names[i]
			if u, ok := r.use(rule); ok {
				out = append(out, u)
			}
		}
	}
	return out
}

// Naming returns the rules, counted from 1, that name an address for any submitter, and those that
// name the submitter by "user:" or "tls:".
func (s *Sender) Naming(who message.Submitter, from message.Address) (address, submitter []int) {
	for _, r := range s.rules {
		if r.protects(from) {
			address = append(address, r.number)
		}
		if r.who.named(who) {
			submitter = append(submitter, r.number)
		}
	}
	return address, submitter
}

// candidates are the places of the names that the rule may lead to: all where a star or a
// placeholder does, else those that it spells out.
func (r *rule) candidates(names []string, place map[string]int) []int {
	exact := []string{r.identity.fixed}
	if r.identity.from {
		exact = nil
		for _, p := range r.from {
			exact = append(exact, p.String())
		}
	}
	var out []int
	if r.identity.hasPlace() || len(r.templates) > 0 && r.identity.from || strings.Contains(strings.Join(exact, ""), "*") {
		for i := range names {
			out = append(out, i)
		}
		return out
	}
	for _, name := range exact {
		if i, ok := place[name]; ok {
			out = append(out, i)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// use says how the rule leads to the identity of out, which has all its who and from.
func (r *rule) use(out Use) (Use, bool) {
	name := out.Identity
	a, err := message.ParseAddress(name)
	switch {
	case r.identity.fixed != "":
		return out, name == r.identity.fixed
	case r.identity.from && err != nil:
		return out, false
	case r.identity.from:
		out.From = []string{name}
		return r.useFrom(out, a)
	case r.identity.address != nil && err != nil:
		return out, false
	}
	v, who := r.whoHas(name)
	if who == "" {
		return out, false
	}
	out.Who, out.From = []string{who}, r.fromTexts(&v)
	return out, true
}

// useFrom is use for the identity of a From address.
func (r *rule) useFrom(out Use, a message.Address) (Use, bool) {
	if matchAny(r.from, a) {
		return out, true
	}
	for _, t := range r.templates {
		if v, who := r.valuesOf(t, a); who != "" && t.matches(v, a) && foldAny(r.guards, a) {
			out.Who = []string{who}
			return out, true
		}
	}
	return out, false
}

// whoHas returns the values that make the identity of the rule the one of this name, and who has
// them; "" where nobody does.
func (r *rule) whoHas(name string) (v values, who string) {
	if t := r.identity.address; t != nil {
		a, _ := message.ParseAddress(name)
		if v, who = r.valuesOf(*t, a); who == "" || !t.matches(v, a) {
			return v, ""
		}
		return v, who
	}
	text, ok := r.identity.host.cut(name)
	if !ok {
		return v, ""
	}
	return r.valuesFor(r.identity.host.place, text)
}

// valuesOf returns the values with which a template is the address, and who has them.
func (r *rule) valuesOf(t addressTemplate, a message.Address) (v values, who string) {
	if t.whole {
		return r.valuesFor(placeUser, a.Local+"@"+a.Domain)
	}
	for _, s := range []struct {
		side
		text string
	}{{t.local, a.Local}, {t.domain, a.Domain}} {
		if s.place == "" {
			continue
		}
		text, ok := s.cut(s.text)
		if !ok {
			return v, ""
		}
		return r.valuesFor(s.place, text)
	}
	return v, ""
}

// cut returns what the placeholder of the side stands for in a text.
func (s side) cut(text string) (string, bool) {
	if len(text) < len(s.prefix)+len(s.suffix) {
		return "", false
	}
	rest, ok := strings.CutPrefix(text, s.prefix)
	rest, end := strings.CutSuffix(rest, s.suffix)
	return rest, ok && end && rest != ""
}

// valuesFor returns the values of the submitter for whom a placeholder stands for text, and that
// submitter as an entry of who; "" where who names no such one.
func (r *rule) valuesFor(place, text string) (v values, who string) {
	submitter := message.Submitter{User: text}
	who = "user:" + text
	switch place {
	case placeTLS:
		submitter, who = message.Submitter{TLSName: text}, "tls:"+text
	case placeLabel:
		name := text + "." + r.who.parent
		submitter, who = message.Submitter{TLSName: name}, "tls:"+name
	}
	if v = r.values(submitter); v.of(place) != text {
		return v, ""
	}
	return v, who
}

// fromTexts are the addresses of the rule, for values where there are some.
func (r *rule) fromTexts(v *values) []string {
	var out []string
	for _, p := range r.from {
		out = append(out, p.String())
	}
	for _, t := range r.templates {
		switch {
		case v == nil:
			out = append(out, t.text)
		case t.possible(*v):
			out = append(out, t.expand(*v))
		}
	}
	return out
}

// possible reports whether the placeholders stand for something.
func (t addressTemplate) possible(v values) bool {
	if t.whole {
		_, ok := addressOf(v.user)
		return ok
	}
	v.user = localOf(v.user)
	return (t.local.place == "" || v.of(t.local.place) != "") && (t.domain.place == "" || v.of(t.domain.place) != "")
}

// expand is the template with the values in it; a star stays a star.
func (t addressTemplate) expand(v values) string {
	if t.whole {
		a, _ := addressOf(v.user)
		return a.String()
	}
	domain := t.domain.fill(v.of(t.domain.place))
	if t.local.place == "" && strings.Contains(t.local.glob, "*") {
		return t.local.glob + "@" + domain
	}
	return message.Address{Local: t.local.fill(v.of(t.local.place)), Domain: domain}.String()
}
