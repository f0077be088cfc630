package identity

import (
	"fmt"
	"slices"
	"strings"

	"dnseal/lookup/dane"
)

// Place is where the record of a CA (usage 2) is published.
type Place string

// Places of records.
const (
	// AtName: at the owner name of each identity.
	AtName Place = "name"
	// AtDevices: *._device.DOMAIN, for the devices that have no record of their own.
	AtDevices Place = "wildcard-device"
	// AtMail: *._smimecert.DOMAIN, for the addresses that have no record of their own.
	AtMail Place = "wildcard-smimecert"
	// AtUser: _user.DOMAIN, for the addresses whose SMIMEA record is proven absent (DANCE
	// architecture, Example 7).
	AtUser Place = "user"
)

// Places lists the places, the default first.
func Places() []string {
	return []string{string(AtName), string(AtDevices), string(AtMail), string(AtUser)}
}

// DomainOwner returns the absolute owner name and the type of the record of a domain's CA. Errors
// have a [Hint]: a domain that is none, a place that is none or is of one identity.
func (p Place) DomainOwner(domain string) (string, dane.Type, error) {
	var prefix string
	typ := dane.TLSA
	switch p {
	case AtDevices:
		prefix = "*._device."
	case AtMail:
		prefix, typ = "*._smimecert.", dane.SMIMEA
	case AtUser:
		prefix = "_user."
	default:
		err := fmt.Errorf("identity: %q is no place of a record that stands for a whole domain", clip(string(p)))
		return "", 0, WithHint(err, "use one of %s", strings.Join(Places()[1:], ", "))
	}
	// RFC 1035, Section 2.3.4, counts the labels before it too.
	user, err := dane.UserName(domain)
	if err == nil {
		host := strings.TrimPrefix(user, "_user.")
		if owner := prefix + host; len(owner) <= maxOwner {
			return owner, typ, nil
		}
		err = fmt.Errorf("%s%s is longer than a name can be", prefix, host)
	}
	return "", 0, WithHint(fmt.Errorf("identity: domain: %w", err), "write it as example.org")
}

// maxOwner is the longest absolute name as text (RFC 1035, Section 2.3.4).
const maxOwner = 254

// RecordAt returns the owner name and type of a record of the identity at a place, which for all
// but [AtName] is of its domain. Errors have a [Hint]: a place that no identity of this kind is
// looked up at, a usage other than 2 at a place that is of many names.
func (id *Identity) RecordAt(p Place, usage uint8) (string, dane.Type, error) {
	if p == AtName || p == "" {
		return id.OwnerName()
	}
	if !slices.Contains(Places(), string(p)) {
		return "", 0, WithHint(fmt.Errorf("identity: %q is no place of a record", clip(string(p))), "use one of %s", strings.Join(Places(), ", "))
	}
	// RFC 7671, Section 5.1: by usage 3 the name in the certificate does not count.
	if usage != dane.DANETA && (usage != dane.PKIXTA || p == AtUser) {
		err := fmt.Errorf("identity: %s: a record at %s is of many names, and usage %d would let one key speak for all of them", id.Name, p, usage)
		return "", 0, WithHint(err, "use usage 2, or the place %s", AtName)
	}
	domain, fits := id.domainAt(p)
	if !fits {
		return "", 0, WithHint(fmt.Errorf("identity: %s is a %s name, which is not looked up at %s", id.Name, id.Kind, p), "use the place %s", AtName)
	}
	return p.DomainOwner(domain)
}

// domainAt is the domain of the identity where records at p are for its kind.
func (id *Identity) domainAt(p Place) (string, bool) {
	if id.Kind == Mail {
		return id.Name[strings.LastIndexByte(id.Name, '@')+1:], p == AtMail || p == AtUser
	}
	_, domain, found := strings.Cut(id.Name, "._device.")
	return domain, found && p == AtDevices && id.Kind == Device
}
