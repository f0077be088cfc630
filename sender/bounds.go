package sender

import (
	"errors"
	"fmt"
	"strings"

	"dnseal/smime/message"
)

// checkPlaceholders finds what the templates can name, and refuses what can name nothing, or
// everything.
func (r *rule) checkPlaceholders() error {
	if err := r.checkPlaces(); err != nil {
		return err
	}
	used := map[string]bool{} // entries of who that can use some From
	for _, t := range r.templates {
		guards, err := r.who.bounds(t, used)
		if err != nil {
			return err
		}
		r.guards = append(r.guards, guards...)
	}
	var signs map[string]bool // entries of who to whom the identity is possible
	if r.identity.address != nil {
		signs = map[string]bool{}
		if _, err := r.who.bounds(*r.identity.address, signs); err != nil {
			return fmt.Errorf("identity %w", err)
		}
	}
	return r.checkEntries(used, signs)
}

// checkPlaces requires that who names submitters with the facts that the placeholders stand for.
func (r *rule) checkPlaces() error {
	uses := func(place string) bool {
		for _, t := range r.templates {
			if t.uses(place) {
				return true
			}
		}
		return r.identity.uses(place)
	}
	switch {
	case uses(placeUser) && len(r.who.users) == 0:
		return errors.New("{user} can match nothing: there is no user: in who")
	case uses(placeTLS) && len(r.who.names) == 0:
		return errors.New("{tls} can match nothing: there is no tls: in who")
	case uses(placeLabel) && len(r.who.names) == 0:
		return errors.New("{label} can match nothing: there is no tls: in who")
	case r.identity.uses(placeUser) && len(r.who.names)+len(r.who.nets) > 0:
		return errors.New("identity has {user}, and who not only user: entries")
	case (r.identity.uses(placeTLS) || r.identity.uses(placeLabel)) && len(r.who.users)+len(r.who.nets) > 0:
		return errors.New("identity has {tls} or {label}, and who not only tls: entries")
	case uses(placeLabel):
		return r.who.oneParent()
	}
	return nil
}

// oneParent requires that the names of who differ in their first label only, so that no two have
// one {label}, and remembers the rest of the name.
func (s *submitters) oneParent() error {
	for _, p := range s.names {
		_, parent, _ := strings.Cut(p.String(), ".")
		switch {
		case parent == "" || strings.Contains(parent, "*"):
			return fmt.Errorf("{label} with tls:%s: write the name after its first label without stars, as in tls:*._device.example.net", p)
		case s.parent != "" && s.parent != parent:
			return fmt.Errorf("{label} can be the same below %s and below %s: write a rule for each", s.parent, parent)
		}
		s.parent = parent
	}
	return nil
}

// values are what the placeholders of the rule stand for.
func (r *rule) values(who message.Submitter) values {
	var v values
	if len(r.templates) == 0 && !r.identity.hasPlace() {
		return v
	}
	if r.who.namesUser(who.User) {
		v.user = who.User
	}
	if r.who.namesTLS(who.TLSName) {
		v.tls = who.TLSName
		if label, parent, _ := strings.Cut(who.TLSName, "."); parent == r.who.parent {
			v.label = label
		}
	}
	return v
}

// bounds returns patterns for all addresses that a template can be, for the submitters of the list,
// and notes the entries that can be any.
func (s submitters) bounds(t addressTemplate, used map[string]bool) ([]message.Pattern, error) {
	var out []message.Pattern
	add := func(entry, address string) {
		if p, err := message.ParsePattern(address); err == nil && p.IsAddress() {
			out, used[entry] = append(out, p), true
		}
	}
	for _, u := range s.users {
		local, domain, found := strings.Cut(u, "@")
		switch {
		case t.whole && strings.Contains(u, "*") && strings.Trim(domain, "*.") == "":
			return nil, fmt.Errorf("{user} with user:%s is any address of any domain; write the domain, as in user:*@example.org", u)
		case t.whole:
			add("user:"+u, u)
		case t.uses(placeUser) && !found:
			add("user:"+u, t.local.fill(local)+"@"+t.domain.fill(""))
		}
	}
	for _, p := range s.names {
		if t.uses(placeTLS) || t.uses(placeLabel) {
			name := p.String()
			label, _, _ := strings.Cut(name, ".")
			of := func(d side) string {
				if d.place == placeLabel {
					return d.fill(label)
				}
				return d.fill(name)
			}
			add("tls:"+name, of(t.local)+"@"+of(t.domain))
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%q can be no address for anybody in who", t.text)
	}
	return out, nil
}

// checkEntries refuses an entry of who that can use no From of the rule, or has no identity. signs
// is nil where the identity has no placeholder of an address.
func (r *rule) checkEntries(used, signs map[string]bool) error {
	for _, entry := range r.who.all() {
		if len(r.from) == 0 && !used[entry] {
			return fmt.Errorf("%s can use no From of this rule", entry)
		}
		if signs != nil && !signs[entry] {
			return fmt.Errorf("identity %q can be no address for %s", r.identity.address.text, entry)
		}
	}
	return nil
}

// all lists the entries, each in the form that it compares in.
func (s submitters) all() []string {
	var out []string
	for _, u := range s.users {
		out = append(out, "user:"+u)
	}
	for _, p := range s.names {
		out = append(out, "tls:"+p.String())
	}
	for _, n := range s.nets {
		text := n.String()
		if n.IsSingleIP() {
			text = n.Addr().String()
		}
		out = append(out, "net:"+text)
	}
	return out
}
