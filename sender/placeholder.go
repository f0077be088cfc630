package sender

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"

	"dnseal/smime/message"
)

// Placeholders of Rule.From and Rule.Identity.
const (
	placeUser  = "user"  // the SASL user name
	placeTLS   = "tls"   // the name of a TLSA client
	placeLabel = "label" // its first label
	placeFrom  = "from"  // in Rule.Identity, alone: the From address
)

// values are what the placeholders stand for, for one submitter and one rule. An empty one stands
// for nothing, and what it is in matches nothing.
type values struct {
	user, tls, label string
}

func (v values) of(place string) string {
	switch place {
	case placeUser:
		return v.user
	case placeTLS:
		return v.tls
	}
	return v.label
}

// side is a local part, a domain or a name with at most one placeholder. What that stands for is
// inserted as it is: a star or a brace in it means nothing.
type side struct {
	prefix, place, suffix string
	glob                  string // without placeholder: a text in which stars may stand
}

// hasPlaceholder reports whether a text of a rule has placeholders, or what looks like one.
func hasPlaceholder(s string) bool { return strings.ContainsAny(s, "{}") }

// parseSide reads one side of an address, or a name.
func parseSide(s string) (side, error) {
	if !hasPlaceholder(s) {
		return side{glob: s}, nil
	}
	prefix, rest, opened := strings.Cut(s, "{")
	word, suffix, closed := strings.Cut(rest, "}")
	out := side{prefix: prefix, place: word, suffix: suffix}
	switch {
	case !opened || !closed || strings.Contains(prefix, "}"):
		return out, errors.New("braces stand around a placeholder: {user}, {tls} or {label}")
	case word == placeFrom:
		return out, errors.New("{from} is the identity of the From address: write it alone, in identity")
	case !slices.Contains(places, word):
		return out, unknownPlace(word)
	case hasPlaceholder(suffix):
		return out, errors.New("at most one placeholder on a side of the @, or in a name")
	// Else {user}* would let al write as alice.
	case strings.Contains(prefix+suffix, "*"):
		return out, fmt.Errorf("a star next to {%s} would reach the addresses of others: write it without", word)
	case strings.Contains(prefix+suffix, `"`):
		return out, fmt.Errorf("{%s} has no quotation marks around it", word)
	}
	return out, nil
}

var places = []string{placeUser, placeTLS, placeLabel}

// unknownPlace is the error for a word in braces that is no placeholder.
func unknownPlace(word string) error {
	near := map[string]string{
		"username": placeUser, "sasl": placeUser, "sasl_user": placeUser, "login": placeUser, "usr": placeUser, "users": placeUser, "auth_authen": placeUser,
		"tlsa": placeTLS, "tls_name": placeTLS, "tls-name": placeTLS, "name": placeTLS, "device": placeTLS, "client": placeTLS, "tsl": placeTLS,
		"host": placeLabel, "lable": placeLabel, "labels": placeLabel, "lbl": placeLabel,
	}
	lower := strings.ToLower(word)
	if slices.Contains(places, lower) {
		near[lower] = lower
	}
	if other := near[lower]; other != "" {
		return fmt.Errorf("unknown placeholder {%s}; did you mean {%s}?", clip(word), other)
	}
	return fmt.Errorf("unknown placeholder {%s}: there are {user}, {tls} and {label}", clip(word))
}

// clip shortens a text for an error.
func clip(s string) string {
	const most = 60
	if len(s) > most {
		return strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}

// fill returns the side with a text in place of its placeholder.
func (s side) fill(text string) string {
	if s.place == "" {
		return s.glob
	}
	return s.prefix + text + s.suffix
}

// matches reports whether text is the side. A value is compared as it stands.
func (s side) matches(v values, text string) bool {
	if s.place == "" {
		return message.Glob(s.glob, text)
	}
	value := v.of(s.place)
	return value != "" && len(text) == len(s.prefix)+len(value)+len(s.suffix) &&
		strings.HasPrefix(text, s.prefix) && strings.HasSuffix(text, s.suffix) && text[len(s.prefix):len(text)-len(s.suffix)] == value
}

// lower is the side for comparing without case.
func (s side) lower() side {
	return side{strings.ToLower(s.prefix), s.place, strings.ToLower(s.suffix), strings.ToLower(s.glob)}
}

func (v values) lower() values {
	return values{strings.ToLower(v.user), strings.ToLower(v.tls), strings.ToLower(v.label)}
}

// addressTemplate is an address with placeholders. Its sides are canonical as those of
// [message.Address].
type addressTemplate struct {
	text          string
	whole         bool // {user} alone: a user name that is a whole address
	local, domain side
}

// parseAddressTemplate reads "{user}", "{user}@example.org", "{label}@example.net", "alerts@{tls}".
func parseAddressTemplate(s string) (addressTemplate, error) {
	t := addressTemplate{text: s}
	switch {
	case strings.HasPrefix(s, "!"):
		return t, errors.New("there is no negation; list only what is meant")
	case s == "{user}":
		t.whole = true
		return t, nil
	}
	local, domain, found := strings.Cut(s, "@")
	if !found {
		if _, err := parseSide(s); err != nil {
			return t, err
		}
		return t, fmt.Errorf("%q is no mail address: write %s@example.org", clip(s), clip(s))
	}
	var err error
	if t.local, err = parseSide(norm.NFC.String(local)); err != nil { // RFC 6532, Section 3.1
		return t, err
	}
	if t.domain, err = parseSide(domain); err != nil {
		return t, err
	}
	if t.domain.place == placeUser {
		return t, errors.New("{user} is a local part, as in {user}@example.org, or alone a whole address")
	}
	if t.local.place == placeUser && t.domain.place != "" {
		return t, fmt.Errorf("no submitter has proven both {user} and {%s}", t.domain.place)
	}
	return t, t.canonical()
}

// canonical brings the texts of the template into their one form. Its error is that no address can
// be like it.
func (t *addressTemplate) canonical() error {
	sample := t.local.fill("x") + "@" + t.domain.fill("x")
	p, err := message.ParsePattern(sample)
	switch {
	case err != nil:
		return fmt.Errorf("%q: no address can be like it: %w", clip(t.text), cmp.Or(errors.Unwrap(err), err))
	case t.domain.place == "":
		_, t.domain.glob, _ = strings.Cut(p.String(), "@")
	case !isASCII(t.domain.prefix + t.domain.suffix):
		return fmt.Errorf("%q: write the domain next to a placeholder as A-labels (xn--…)", clip(t.text))
	}
	t.domain = t.domain.lower() // RFC 4343
	return nil
}

// uses reports whether a placeholder is in the template.
func (t addressTemplate) uses(place string) bool {
	return t.whole && place == placeUser || !t.whole && (t.local.place == place || t.domain.place == place)
}

// matches reports whether the template is the address.
func (t addressTemplate) matches(v values, a message.Address) bool {
	if t.whole {
		own, ok := addressOf(v.user)
		return ok && own == a
	}
	v.user = localOf(v.user)
	return t.local.matches(v, a.Local) && t.domain.matches(v, a.Domain)
}

// foldsTo is matches without the case of local parts.
func (t addressTemplate) foldsTo(v values, a message.Address) bool {
	if t.whole {
		own, ok := addressOf(v.user)
		return ok && own.Domain == a.Domain && strings.EqualFold(own.Local, a.Local)
	}
	v.user = localOf(v.user)
	return t.local.lower().matches(v.lower(), strings.ToLower(a.Local)) && t.domain.matches(v, a.Domain)
}

// address returns the one address that the template is, or false where a placeholder stands for
// nothing. The template has no star.
func (t addressTemplate) address(v values) (message.Address, bool) {
	if t.whole {
		return addressOf(v.user)
	}
	v.user = localOf(v.user)
	a := message.Address{Local: t.local.fill(v.of(t.local.place)), Domain: t.domain.fill(v.of(t.domain.place))}
	return a, t.local.matches(v, a.Local) && t.domain.matches(v, a.Domain)
}

// localOf returns a user name as a local part, or "": it must be one as it stands, without quotes,
// comments or an @, and be normalized already, so that no two users have one address.
// RFC 5321, Section 4.1.2; RFC 6532, Section 3.1.
func localOf(user string) string {
	if user == "" || strings.Contains(user, "@") {
		return ""
	}
	if a, err := message.ParseAddress(user + "@example.org"); err != nil || a.Local != user {
		return ""
	}
	return user
}

// addressOf returns the address that a user name is. Its local part must be one as in localOf, and
// its domain be written as A-labels, in any case, or as U-labels: of other spellings that IDNA maps
// to them each may be another user.
// RFC 5890, Section 2.3.2.1.
func addressOf(user string) (message.Address, bool) {
	local, domain, _ := strings.Cut(user, "@")
	a, err := message.ParseAddress(user)
	if err != nil || localOf(local) == "" || a.Local != local {
		return message.Address{}, false
	}
	if isASCII(domain) {
		return a, strings.EqualFold(a.Domain, domain)
	}
	u, err := idna.Lookup.ToUnicode(a.Domain)
	return a, err == nil && u == domain
}

func isASCII(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r > 0x7f }) < 0
}
