package certificate

import (
	"net/url"
	"strings"
)

// subtree is one GeneralSubtree. bounded says that it has a minimum or maximum, which RFC 5280 does
// not allow.
type subtree struct {
	base    generalName
	bounded bool
}

// covers reports whether the subtree applies to names of this form. rfc822Name applies
// to SmtpUTF8Mailbox, too (RFC 9598, Section 6).
func (t subtree) covers(f form) bool {
	return t.base.form == f || t.base.form == formMail && f == formUTF8Mail
}

// holds reports whether the name is in the subtree. The error says that this cannot be decided.
// excluding says that the subtree is excluded: then what may be in it is.
func (t subtree) holds(n generalName, excluding bool) (bool, error) {
	// RFC 5280, Section 4.2.1.10: minimum is zero and maximum absent, else "process or reject".
	if t.bounded {
		return false, errUnsupportedConstraint
	}
	name, constraint := string(n.value), string(t.base.value)
	switch t.base.form {
	case formMail:
		return mailWithin(name, constraint, excluding)
	case formDNS:
		return dnsWithin(name, constraint, excluding)
	case formURI:
		return uriWithin(name, constraint)
	// RFC 5280, Section 4.2.1.10, in the style of RFC 4632.
	case formIP:
		return ipWithin(n.value, t.base.value)
	// RFC 5280, Sections 4.2.1.10 and 7.1.
	case formDirectory:
		return directoryWithin(n.value, t.base.value)
	default:
		return false, errUnsupportedConstraint
	}
}

// dnsWithin: a name satisfies a constraint to which labels can be added on the left (RFC 5280,
// Section 4.2.1.10).
func dnsWithin(name, constraint string, excluding bool) (bool, error) {
	if constraint == "" {
		return true, nil
	}
	n, ok := hostname(strings.TrimSuffix(name, "."))
	if !ok {
		return false, errUnreadableName
	}
	b, ok := base(strings.TrimSuffix(constraint, "."))
	if !ok {
		return false, errUnreadableConstraint
	}
	// A wildcard stands for every host of its domain, an excluded one among them.
	rest, wildcard := strings.CutPrefix(n, "*.")
	if excluding && wildcard && inDomain(strings.TrimPrefix(b, "."), rest) {
		return true, nil
	}
	return inDomain(n, b), nil
}

// uriWithin compares the host: one host, or with a leading dot those of a domain. A URI without a
// host name cannot satisfy a constraint (RFC 5280, Section 4.2.1.10).
func uriWithin(name, constraint string) (bool, error) {
	u, err := url.Parse(name)
	if err != nil || u.Hostname() == "" {
		return false, errUnreadableName
	}
	host, ok := hostname(strings.TrimSuffix(u.Hostname(), "."))
	if !ok {
		return false, errUnreadableName
	}
	b, ok := base(constraint)
	if !ok {
		return false, errUnreadableConstraint
	}
	// RFC 5280, Section 4.2.1.10: a leading dot means one or more labels on the left.
	return host == b || strings.HasPrefix(b, ".") && strings.HasSuffix(host, b), nil
}

// ipWithin compares an address with a network: address and mask, of four octets each or of sixteen
// (RFC 5280, Section 4.2.1.10).
func ipWithin(ip, network []byte) (bool, error) {
	if len(ip) != 4 && len(ip) != 16 {
		return false, errUnreadableName
	}
	if len(network) != 8 && len(network) != 32 {
		return false, errUnreadableConstraint
	}
	if len(network) != 2*len(ip) {
		return false, nil
	}
	mask := network[len(ip):]
	for i := range ip {
		if (ip[i]^network[i])&mask[i] != 0 {
			return false, nil
		}
	}
	return true, nil
}
