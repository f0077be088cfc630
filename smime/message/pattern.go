package message

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/text/unicode/norm"
)

// Pattern names a set of mail addresses ("billing@example.org",
// "*@shop.example.org") or of DNS names ("*._device.example.net"), as rules and
// security domains write them. A star stands for any run of characters, dots
// among them, but never reaches over the @ of an address. DNS names and domains
// compare without case; local parts as they stand (RFC 5321, Section 2.4).
// The zero value matches nothing.
type Pattern struct {
	local, domain string
	isAddress     bool
}

// ParsePattern reads a pattern. Errors: it is empty, contains white space or control characters, or
// can match nothing, because no DNS name has such a domain or no address such a local part. There
// is no negation.
func ParsePattern(s string) (Pattern, error) {
	if s == "" || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		return Pattern{}, fmt.Errorf("message: pattern %q: empty, or white space in it", clip(s))
	}
	if strings.HasPrefix(s, "!") {
		return Pattern{}, fmt.Errorf("message: pattern %q: there is no negation; list only what is meant", clip(s))
	}
	p, err := parsePattern(s)
	if err != nil {
		return Pattern{}, fmt.Errorf("message: pattern %q: %w", clip(s), err)
	}
	return p, nil
}

func parsePattern(s string) (Pattern, error) {
	at := strings.LastIndexByte(s, '@')
	if at < 0 {
		domain := normalPatternDomain(s)
		return Pattern{domain: domain}, checkPatternName(domain)
	}
	p := Pattern{local: s[:at], domain: normalPatternDomain(s[at+1:]), isAddress: true}
	if p.local == "" || p.domain == "" {
		return Pattern{}, errors.New("both sides of the @ must be given")
	}
	// Without a star the pattern is an address, and is brought into its one form.
	if !strings.Contains(s, "*") {
		addr, err := ParseAddress(s)
		if err != nil {
			return Pattern{}, err
		}
		p.local, p.domain = addr.Local, addr.Domain
		return p, nil
	}
	// RFC 6532, Section 3.1.
	p.local = norm.NFC.String(p.local)
	if _, err := ParseAddress(strings.ReplaceAll(p.local, "*", "x") + "@example.org"); err != nil {
		return Pattern{}, errors.New("no address has such a local part")
	}
	return p, checkPatternDomain(p.domain)
}

// checkPatternName is checkPatternDomain for what is no mail address: an address of a host is no
// name, nor is what only looks like one (RFC 1123, Section 2.1).
func checkPatternName(name string) error {
	last := name[strings.LastIndexByte(name, '.')+1:]
	if strings.HasPrefix(name, "[") || last != "" && strings.Trim(last, "0123456789") == "" {
		return errors.New("an address, or no name: the last label of a name is no number")
	}
	return checkPatternDomain(name)
}

// checkPatternDomain refuses a domain, stars allowed, that no DNS name and no address literal can
// match: a list with such an entry does less than its author thinks.
func checkPatternDomain(domain string) error {
	if strings.HasPrefix(domain, "[") && strings.HasSuffix(domain, "]") {
		return nil // RFC 5321, Section 4.1.3
	}
	if len(strings.ReplaceAll(domain, "*", "")) > maxDomain {
		return fmt.Errorf("longer than %d octets", maxDomain)
	}
	for label := range strings.SplitSeq(domain, ".") {
		switch {
		case label == "":
			return errors.New("an empty label: a dot too many")
		// RFC 1035, Section 2.3.4.
		case len(strings.ReplaceAll(label, "*", "")) > maxLabel:
			return fmt.Errorf("a label longer than %d octets", maxLabel)
		// RFC 5890, Section 2.3.1.
		case label[0] == '-' || label[len(label)-1] == '-':
			return errors.New("a label that begins or ends with a hyphen")
		case !isASCII(label):
			return fmt.Errorf("%q is no label of a domain; write it as an A-label (xn--…) where it has a star", label)
		}
		if i := strings.IndexFunc(label, notInLabel); i >= 0 {
			return fmt.Errorf("%q cannot occur in a name; only letters, digits, hyphens, underscores and stars can", label[i:i+1])
		}
	}
	return nil
}

// notInLabel reports whether a character cannot be in a label, neither of a host (RFC 1123, Section
// 2.1) nor of a service or device (RFC 8552, Section 1.1), and is no star.
func notInLabel(r rune) bool {
	switch {
	case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '-', r == '_', r == '*':
		return false
	}
	return true
}

// normalPatternDomain lowers the case, drops a final dot and turns labels without a star into
// A-labels.
func normalPatternDomain(s string) string {
	labels := strings.Split(strings.ToLower(strings.TrimSuffix(s, ".")), ".")
	for i, label := range labels {
		if isASCII(label) {
			continue
		}
		if addr, err := ParseAddress("x@" + label); err == nil {
			labels[i] = addr.Domain
		}
	}
	return strings.Join(labels, ".")
}

// String returns the pattern in the form that it compares in; of the zero value "".
func (p Pattern) String() string {
	switch {
	case !p.isAddress:
		return p.domain
	case strings.Contains(p.local, "*"):
		return p.local + "@" + p.domain
	}
	return Address{Local: p.local, Domain: p.domain}.String()
}

// IsAddress reports whether the pattern names mail addresses rather than DNS names.
func (p Pattern) IsAddress() bool { return p.isAddress }

// MatchAddress reports whether the pattern names the address.
func (p Pattern) MatchAddress(a Address) bool {
	return p.isAddress && Glob(p.domain, a.Domain) && Glob(p.local, a.Local)
}

// FoldsTo reports whether the pattern would name the address if the case of local parts did not
// matter. A local part or domain that is missing, as in [Shown], may be any. It is for
// guarding, never for permitting: people take Billing@ and billing@ for one.
func (p Pattern) FoldsTo(a Address) bool {
	return p.isAddress && (a.Domain == "" || Glob(p.domain, a.Domain)) &&
		(a.Local == "" || Glob(strings.ToLower(p.local), strings.ToLower(a.Local)))
}

// MatchName reports whether the pattern names the DNS name (lower-case A-labels, without final
// dot).
func (p Pattern) MatchName(name string) bool {
	return !p.isAddress && p.domain != "" && Glob(p.domain, name)
}

// MatchDomain reports whether the pattern names the domain of the address.
func (p Pattern) MatchDomain(a Address) bool { return p.MatchName(a.Domain) }

// Glob reports whether s matches pattern, in which a star stands for any run of
// characters and all else for itself. Only the last star is ever gone back to,
// so it takes time len(pattern)*len(s) at most.
func Glob(pattern, s string) bool {
	p, i, star, mark := 0, 0, -1, 0
	for i < len(s) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, i
			p++
		case p < len(pattern) && pattern[p] == s[i]:
			p++
			i++
		case star >= 0:
			mark++
			p, i = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}
