package relay

import (
	"strings"

	"golang.org/x/net/idna"
)

// takes reports whether an inbound server takes mail for a path. A local part that names another
// host behind ours ("user%host", "host!user", a quoted "user@host") is nobody here: a next hop that
// trusts us would route it on.
func (s *Server) takes(path string) bool {
	at := strings.LastIndexByte(path, '@')
	if at < 0 {
		return true // postmaster (RFC 5321, Section 4.5.1)
	}
	if strings.ContainsAny(path[:at], "%!@") {
		return false
	}
	domain := aLabels(path[at+1:])
	for _, want := range s.opts.Recipients {
		if parent, ok := strings.CutPrefix(want, "*."); ok {
			if strings.HasSuffix(domain, "."+aLabels(parent)) {
				return true
			}
			continue
		}
		if domain == aLabels(want) {
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
