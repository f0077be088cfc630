package identity

import (
	"fmt"
	"strings"

	"dnseal/smime/message"
)

// Pattern names a set of mail addresses ("billing@example.org",
// "*@shop.example.org") or of DNS names ("*._device.example.net"), as rules and
// security domains write them. A star stands for any run of characters, dots
// among them, but never reaches over the @ of an address. DNS names and domains
// compare without case; local parts as they stand (RFC 5321, 2.4).
// The zero value matches nothing.
type Pattern struct {
	local, domain string
	isAddress     bool
}

// ParsePattern reads a pattern. Errors: it is empty, or has white space or control characters in it.
func ParsePattern(s string) (Pattern, error) {
	if s == "" || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		return Pattern{}, fmt.Errorf("identity: pattern %q: empty, or white space in it", clip(s))
	}
	at := strings.LastIndexByte(s, '@')
	if at < 0 {
		return Pattern{domain: normalPatternDomain(s)}, nil
	}
	p := Pattern{local: s[:at], domain: normalPatternDomain(s[at+1:]), isAddress: true}
	if p.local == "" || p.domain == "" {
		return Pattern{}, fmt.Errorf("identity: pattern %q: something must stand on both sides of the @", clip(s))
	}
	// Without a star the pattern is an address, and is brought into its one form.
	if !strings.Contains(s, "*") {
		addr, err := message.ParseAddress(s)
		if err != nil {
			return Pattern{}, fmt.Errorf("identity: pattern: %w", err)
		}
		p.local, p.domain = addr.Local, addr.Domain
	}
	return p, nil
}

// normalPatternDomain lowers the case, drops a final dot and turns labels without a star into A-labels.
func normalPatternDomain(s string) string {
	labels := strings.Split(strings.ToLower(strings.TrimSuffix(s, ".")), ".")
	for i, label := range labels {
		if isASCII(label) {
			continue
		}
		if addr, err := message.ParseAddress("x@" + label); err == nil {
			labels[i] = addr.Domain
		}
	}
	return strings.Join(labels, ".")
}

// IsAddress reports whether the pattern names mail addresses rather than DNS names.
func (p Pattern) IsAddress() bool { return p.isAddress }

// MatchAddress reports whether the pattern names the address.
func (p Pattern) MatchAddress(a message.Address) bool {
	return p.isAddress && Glob(p.domain, a.Domain) && Glob(p.local, a.Local)
}

// FoldsTo reports whether the pattern would name the address if the case of local parts did not matter.
// It is for guarding, never for permitting: people take Billing@ and billing@ for one.
func (p Pattern) FoldsTo(a message.Address) bool {
	return p.isAddress && Glob(p.domain, a.Domain) && Glob(strings.ToLower(p.local), strings.ToLower(a.Local))
}

// MatchName reports whether the pattern names the DNS name (lower-case A-labels, without final dot).
func (p Pattern) MatchName(name string) bool {
	return !p.isAddress && p.domain != "" && Glob(p.domain, name)
}

// MatchDomain reports whether the pattern names the domain of the address.
func (p Pattern) MatchDomain(a message.Address) bool { return p.MatchName(a.Domain) }

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
