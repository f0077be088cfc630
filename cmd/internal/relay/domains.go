package relay

import (
	"strings"

	"golang.org/x/net/idna"
)

// accepts reports whether an inbound server accepts mail for a path. A local part that names
// another host ("user%host", "host!user", a quoted "user@host") is refused:
// a next hop that trusts us would route it on.
func (s *Server) accepts(path string) bool {
	at := strings.LastIndexByte(path, '@')
	// RFC 5321, Section 4.5.1: Postmaster, without a domain.
	if at < 0 {
		return true
	}
	if strings.ContainsAny(path[:at], "%!@") {
		return false
	}
	domain := aLabels(path[at+1:])
	for _, want := range s.opts.Recipients {
		parent, below := strings.CutPrefix(want, "*.")
		if below && strings.HasSuffix(domain, "."+aLabels(parent)) || !below && domain == aLabels(want) {
			return true
		}
	}
	return false
}

// aLabels is a domain for comparisons: lower case, A-labels, without final dot. What cannot be
// converted stays as it is, in lower case.
func aLabels(domain string) string {
	domain = strings.ToLower(strings.TrimSuffix(domain, "."))
	if a, err := idna.Lookup.ToASCII(domain); err == nil {
		return a
	}
	return domain
}
