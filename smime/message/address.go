package message

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"
)

// Address is a mail address in the form comparisons and owner names use:
// local part unquoted and, when non-ASCII, NFC (never case-folded); domain as
// lower-case A-labels (RFC 5321, Section 4.1.2; RFC 8162, Section 3; RFC 5891), or an address
// literal in its square brackets (RFC 5321, Section 4.1.3).
// Addresses are equal when their fields are.
type Address struct {
	Local, Domain string
}

// Limits of an address in octets.
const (
	// RFC 5321, Section 4.5.3.1.1 has 64; longer ones occur and do no harm.
	maxLocal = 256
	// RFC 1035, Section 2.3.4.
	maxDomain = 253
	maxLabel  = 63
)

// ParseAddress reads an addr-spec (no display name, no angle brackets): "alice@example.org", `"a
// b"@example.org`, UTF-8 in both parts. Comments and white space around the parts are dropped.
// Every error means that s is not an address.
// RFC 5322, Section 3.4.1.
func ParseAddress(s string) (Address, error) {
	p := addressParser{rest: s}
	a, err := p.addrSpec()
	if err == nil && p.rest != "" {
		err = fmt.Errorf("unexpected %q after the address", clip(p.rest))
	}
	if err != nil {
		return Address{}, fmt.Errorf("message: address %q: %w", clip(s), err)
	}
	return a, nil
}

// ParseAddressList reads the value of a From, Sender or To field (RFC 5322, Section 3.4; groups
// too), folded or not. On an error the addresses before it are returned with it. A display name
// that looks like an address without being quoted is an error: readers disagree on what such a
// field says.
func ParseAddressList(value string) ([]Address, error) {
	p := addressParser{rest: value}
	as, err := p.list()
	if err != nil {
		return as, fmt.Errorf("message: address list %q: %w", clip(value), err)
	}
	return as, nil
}

// clip shortens a stranger's text for an error.
func clip(s string) string {
	const most = 80
	if len(s) > most {
		return strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}

// String returns the addr-spec, with the local part quoted where it must be.
// RFC 5322, Sections 3.2.4 and 3.4.1.
func (a Address) String() string {
	if isDotAtom(a.Local) {
		return a.Local + "@" + a.Domain
	}
	r := strings.NewReplacer(`\`, `\\`, `"`, `\"`)
	return `"` + r.Replace(a.Local) + `"@` + a.Domain
}

// isDotAtom: RFC 5322, Section 3.2.3.
func isDotAtom(s string) bool {
	if s == "" {
		return false
	}
	for atom := range strings.SplitSeq(s, ".") {
		if atom == "" || atomLen(atom) != len(atom) {
			return false
		}
	}
	return true
}

// newAddress brings the two halves into their one form.
func newAddress(local, domain string) (Address, error) {
	switch {
	case local == "":
		return Address{}, errors.New("empty local part")
	case len(local) > maxLocal:
		return Address{}, fmt.Errorf("local part of %d octets, at most %d are accepted", len(local), maxLocal)
	}
	if !isASCII(local) {
		local = norm.NFC.String(local) // RFC 8162, Section 3; RFC 6532, Section 3.1
	}
	d, err := normalDomain(domain)
	if err != nil {
		return Address{}, err
	}
	return Address{Local: local, Domain: d}, nil
}

// normalDomain returns the lower-case A-label form (RFC 5891, lookup profile).
func normalDomain(domain string) (string, error) {
	if strings.HasPrefix(domain, "[") {
		return strings.ToLower(domain), nil
	}
	// Mapping takes time with the square of the length; a U-label has at most four octets for one
	// of its A-label.
	if len(domain) > 4*maxDomain {
		return "", fmt.Errorf("domain of %d octets, at most %d are possible", len(domain), maxDomain)
	}
	d := strings.ToLower(domain)
	if !isASCII(domain) || strings.Contains(d, "xn--") {
		a, err := idna.Lookup.ToASCII(domain)
		if err != nil {
			return "", fmt.Errorf("domain %q: %w", clip(domain), err)
		}
		d = a
	}
	if len(d) > maxDomain {
		return "", fmt.Errorf("domain of %d octets, at most %d are possible", len(d), maxDomain)
	}
	for label := range strings.SplitSeq(d, ".") {
		if !isHostLabel(label) {
			return "", fmt.Errorf("domain %q is no host name", clip(domain))
		}
	}
	return d, nil
}

// isHostLabel reports whether label is a lower-case letter-digit-hyphen label (RFC 5890, Section
// 2.3.1), or one with underscores, which no host may have (RFC 952) and many do.
func isHostLabel(label string) bool {
	if label == "" || len(label) > maxLabel || label[0] == '-' || label[len(label)-1] == '-' {
		return false
	}
	for i := range len(label) {
		b := label[i]
		if (b < 'a' || b > 'z') && (b < '0' || b > '9') && b != '-' && b != '_' {
			return false
		}
	}
	return true
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
