package admit

import (
	"fmt"

	"github.com/miekg/dns"

	"dnseal/lookup/dane"
)

// Lists are the domains that may be looked up, and those that may not.
type Lists struct {
	allow, deny []string // absolute, lower case, A-labels (RFC 5890, Section 2.3.2.1)
}

// NewLists reads domains. Errors: one of them is no domain.
func NewLists(allow, deny []string) (a Lists, err error) {
	if a.allow, err = domains(allow); err != nil {
		return Lists{}, fmt.Errorf("allow list: %w", err)
	}
	if a.deny, err = domains(deny); err != nil {
		return Lists{}, fmt.Errorf("deny list: %w", err)
	}
	return a, nil
}

func domains(list []string) ([]string, error) {
	var out []string
	for _, d := range list {
		name, err := dane.Domain(d)
		if err != nil {
			return nil, fmt.Errorf("%w; write it without \"*.\", what is below it is meant too", err)
		}
		out = append(out, name)
	}
	return out, nil
}

// OwnerName returns a name absolute and in lower case (RFC 4343, Section 3), with every octet
// written in one way only ("\101" is "a": RFC 4343, Section 2.1), so that an escape gets no name
// past a list, or into another place of the cache. A name that is none stays as it is: the
// validator refuses it.
func OwnerName(name string) string {
	name = dns.CanonicalName(name)
	if isPlain(name) {
		return name
	}
	var wire [255]byte // RFC 1035, Section 2.3.4
	n, err := dns.PackDomainName(name, wire[:], 0, nil, false)
	if err != nil {
		return name
	}
	plain, _, err := dns.UnpackDomainName(wire[:n], 0)
	if err != nil {
		return name
	}
	return dns.CanonicalName(plain)
}

// isPlain reports whether no octet of a lower-case name could be written in another way.
func isPlain(name string) bool {
	for i := range len(name) {
		switch c := name[i]; {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '.', c == '-', c == '_', c == '*':
		default:
			return false
		}
	}
	return true
}

// Refuse returns why an absolute, lower-case name may not be looked up; "" if it may. Deny is
// stronger than allow.
func (a *Lists) Refuse(name string) string {
	for _, d := range a.deny {
		if within(name, d) {
			return fmt.Sprintf("%s is on the deny list", d)
		}
	}
	if len(a.allow) == 0 {
		return ""
	}
	for _, d := range a.allow {
		if within(name, d) {
			return ""
		}
	}
	return fmt.Sprintf("no entry of the allow list covers %s", name)
}

// within reports whether name is domain or below it, label by label: an escaped dot separates none
// (RFC 1034, Section 3.1; RFC 4343, Section 2.1).
func within(name, domain string) bool { return dns.IsSubDomain(domain, name) }
