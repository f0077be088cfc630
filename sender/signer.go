package sender

import (
	"errors"
	"fmt"
	"strings"

	"dnseal/sender/identity"
	"dnseal/smime/message"
)

// signer is a parsed Rule.Identity.
type signer struct {
	from    bool             // the identity of the From address
	fixed   string           // one by name
	address *addressTemplate // that of an address with placeholders
	host    side             // that of a DNS name with a placeholder
}

func parseSigner(s string) (signer, error) {
	switch {
	case s == FromIdentity:
		return signer{from: true}, nil
	case !hasPlaceholder(s):
		_, name, err := identity.ParseName(s)
		return signer{fixed: name}, err
	case strings.Contains(s, "*"):
		return signer{}, fmt.Errorf("identity %q: a star names no identity", clip(s))
	case s == "{user}" || strings.Contains(s, "@"):
		t, err := parseAddressTemplate(s)
		return signer{address: &t}, err
	}
	out, err := parseSide(s)
	if err != nil {
		return signer{}, err
	}
	out = out.lower() // RFC 4343
	if out.place == placeUser {
		return signer{}, errors.New("{user} is a whole address, or a local part: {user}@example.org")
	}
	sample := out.fill("x")
	if out.place == placeTLS {
		sample = out.fill("x.x") // a name by itself
	}
	if _, name, err := identity.ParseName(sample); err != nil || name != sample {
		return signer{}, fmt.Errorf("identity %q can be no name of a device, service or host", clip(s))
	}
	return signer{host: out}, nil
}

// uses reports whether a placeholder is in it.
func (s signer) uses(place string) bool {
	if s.address != nil {
		return s.address.uses(place)
	}
	return s.host.place == place
}

// hasPlace reports whether any placeholder but {from} is in it.
func (s signer) hasPlace() bool { return s.address != nil || s.host.place != "" }

// possible reports whether the placeholders stand for something.
func (s signer) possible(v values) bool {
	switch {
	case s.address != nil:
		_, ok := s.address.address(v)
		return ok
	case s.host.place != "":
		return v.of(s.host.place) != ""
	}
	return true
}

// name returns the name of the identity that signs.
func (s signer) name(v values, from message.Address) string {
	switch {
	case s.from:
		return from.String()
	case s.address != nil:
		a, _ := s.address.address(v)
		return a.String()
	case s.host.place != "":
		return s.host.fill(v.of(s.host.place))
	}
	return s.fixed
}
