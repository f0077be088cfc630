package sender

import (
	"errors"
	"fmt"
	"strings"

	"dnseal/sender/recipient"
	"dnseal/smime/message"
)

// Encryption says whether mail to some recipients is encrypted. The zero value is EncryptNever.
type Encryption string

// Ways to encrypt.
const (
	EncryptNever Encryption = "never"
	// EncryptIfPossible encrypts, and sends in clear where it is proven that the recipient has no
	// key that can be used. Where that is not known the message is deferred.
	EncryptIfPossible Encryption = "if-possible"
	// EncryptRequire encrypts, and refuses the recipient who has no key: nothing is ever sent in
	// clear.
	EncryptRequire Encryption = "require"
)

// Route is how mail leaves for some recipients. Of several routes the first that names a recipient
// counts. A route that encrypts also names an address that differs from its own in the case of the
// local part: most systems deliver both to one mailbox. An address that cannot be read is treated
// as the strictest of all routes says.
type Route struct {
	// To lists addresses, stars allowed. Required.
	To []string
	// Form is FormClear, FormOpaque or FormPlain; FormDefault: as for recipients in no route.
	Form Form
	// Encrypt says whether it is encrypted; empty: EncryptNever.
	Encrypt Encryption
	// Profile is the reader that is encrypted for; empty: recipient.Compatible. recipient.PQ is for
	// EncryptRequire alone: it refuses who has no ML-KEM key, although there may be another.
	Profile recipient.Profile
}

// route is a Route that was read.
type route struct {
	Route
	to []message.Pattern
}

// parseRoutes reads routes. Errors name the route, counted from 1.
func parseRoutes(routes []Route, keys bool) ([]route, error) {
	var out []route
	for i, r := range routes {
		one, err := parseRoute(r, keys)
		if err != nil {
			return nil, fmt.Errorf("sender: route %d: %w", i+1, err)
		}
		out = append(out, one)
	}
	return out, nil
}

func parseRoute(r Route, keys bool) (route, error) {
	if len(r.To) == 0 {
		return route{}, errors.New("it names no recipients")
	}
	to, err := parseAddresses(r.To)
	if err != nil {
		return route{}, err
	}
	if r.Profile, err = recipient.ParseProfile(string(r.Profile)); err != nil {
		return route{}, err
	}
	switch r.Encrypt {
	case "":
		r.Encrypt = EncryptNever
	case EncryptNever:
	case EncryptIfPossible, EncryptRequire:
		if !keys {
			return route{}, errors.New("nothing to look up the keys of recipients with")
		}
	default:
		return route{}, fmt.Errorf("encrypt %q: it is require, if-possible or never", r.Encrypt)
	}
	if r.Profile == recipient.PQ && r.Encrypt == EncryptIfPossible {
		return route{}, errors.New("profile pq wants encrypt require: with if-possible a recipient who has other keys would get the message in clear")
	}
	switch r.Form {
	case FormDefault, FormClear, FormOpaque, FormPlain:
		return route{r, to}, nil
	}
	return route{}, fmt.Errorf("form %q: it is clear, opaque or no", r.Form)
}

// way is how one recipient gets a message.
type way struct {
	form    Form
	encrypt Encryption
	profile recipient.Profile
}

// wayTo is the way for one recipient, main the form where nothing else is said. What is not signed
// at all (FormPlain) no route signs.
func (s *Sender) wayTo(rcpt string, main Form) way {
	w := way{form: main, encrypt: EncryptNever}
	a, err := message.ParseAddress(rcpt)
	r := s.routeTo(a, err == nil)
	if r != nil {
		w.encrypt, w.profile = r.Encrypt, r.Profile
	}
	switch {
	case main == FormPlain || err != nil:
	case r != nil && r.Form != FormDefault:
		w.form = r.Form
	case matchAny(s.plainFor, a):
		w.form = FormPlain
	case matchAny(s.opaqueFor, a):
		w.form = FormOpaque
	}
	return w
}

// routeTo is the route to an address, nil where there is none.
func (s *Sender) routeTo(a message.Address, readable bool) (strictest *route) {
	for i := range s.routes {
		r := &s.routes[i]
		switch {
		case !readable:
			if r.Encrypt == EncryptRequire || r.Encrypt == EncryptIfPossible && strictest == nil {
				strictest = r
			}
		case matchAny(r.to, a), r.Encrypt != EncryptNever && foldAny(r.to, a):
			return r
		}
	}
	return strictest
}

// encrypts reports whether mail to one of the recipients is encrypted, or refused.
func (s *Sender) encrypts(rcpt []string) bool {
	for _, r := range rcpt {
		if s.wayTo(r, FormPlain).encrypt != EncryptNever {
			return true
		}
	}
	return false
}

// shownRecipients are those that the header of a message names: all others are hidden ones. RFC
// 5322, Sections 3.6.3 and 3.6.6.
func shownRecipients(m *message.Message) map[message.Address]bool {
	out := map[message.Address]bool{}
	for _, f := range m.Header() {
		name := strings.TrimPrefix(strings.ToLower(f.Name()), "resent-")
		if name != "to" && name != "cc" {
			continue
		}
		as, _ := message.ParseAddressList(f.Value()) // those before a mistake are shown
		for _, a := range as {
			out[a] = true
		}
	}
	return out
}
