package check

import (
	"net/netip"
	"strings"

	"dnseal/cmd/internal/config"
	"dnseal/smime/message"
)

// listener is what a message that is handed in meets first.
type listener struct {
	kind, address  string // "relay" or "milter"
	signs, observe bool
	relay          *config.Relay // nil for a milter
}

// listeners are all of a configuration.
func listeners(c *config.Config) []listener {
	var out []listener
	for i := range c.Relays {
		r := &c.Relays[i]
		out = append(out, listener{"relay", r.Listen, r.Role == config.RoleSubmission, r.Observe, r})
	}
	for _, m := range c.Milters {
		out = append(out, listener{"milter", m.Listen, m.Role == config.RoleSign, m.Observe, nil})
	}
	return out
}

// shutOut says why no signing listener would take the submitter's mail; "" where one would, or none
// is there.
func (a *answer) shutOut() string {
	var reasons []string
	for _, l := range listeners(a.config) {
		if !l.signs {
			continue
		}
		reason := l.refuses(a.config, a.env.Submitter)
		if reason == "" {
			return ""
		}
		reasons = append(reasons, "the "+l.kind+" on "+l.address+" "+reason)
	}
	return strings.Join(reasons, "; ")
}

// refuses says why the listener would not take the submitter's mail, or "".
func (l listener) refuses(c *config.Config, who message.Submitter) string {
	if l.relay == nil {
		if who.TLSName != "" && who.User == "" && !who.Addr.IsValid() {
			return "knows no TLSA clients"
		}
		return "" // the MTA says who it is
	}
	deny := c.Deny(l.relay)
	switch {
	case who.Addr.IsValid() && deny.Addr(who.Addr):
		return "denies " + who.Addr.String()
	case who.TLSName != "" && deny.Name(who.TLSName):
		return "denies " + who.TLSName
	case who.TLSName != "" && !inClients(l.relay.Clients, who.TLSName):
		return "does not let " + who.TLSName + " log in: no entry of clients names it"
	case who.User != "" && l.relay.Users == "" && l.relay.Dovecot == "":
		return "has no users that log in"
	case who.User == "" && who.TLSName == "" && !trusted(c, who.Addr):
		return "takes no mail from " + who.Addr.String() + " without a login: no net: entry of a rule covers it"
	}
	return ""
}

func inClients(clients []string, name string) bool {
	for _, s := range clients {
		if p, err := message.ParsePattern(s); err == nil && p.MatchName(name) {
			return true
		}
	}
	return false
}

// trusted reports whether a rule names the network of the address.
func trusted(c *config.Config, a netip.Addr) bool {
	for _, n := range c.Trusted() {
		if a.IsValid() && n.Contains(a.Unmap()) {
			return true
		}
	}
	return false
}
